#include "apdu_gba.h"

#include <string.h>

#include "gba.h"
#include "wire.h"

/* Of the command. */
#define TAG_BOOTSTRAP 0xdd
#define TAG_NAF 0xde

static void answer(struct apdu_answer *out, enum apdu_tag tag, const void *bytes, size_t length)
{
    apdu_answer_tag(out, tag);
    apdu_answer_value(out, bytes, length);
    out->sw = SW_DONE;
}

/* What the card says where a message has a status; false for what is not of a card. */
static bool answer_fault(struct work *work, struct apdu_answer *out)
{
    if (work->exit != EXIT_DONE)
        return false;
    switch (work->fault.status) {
    case STATUS_MAC_FAILURE:
        out->sw = SW_WRONG_MAC;
        break;
    case STATUS_GBA_OFF:
        out->sw = SW_NO_CONTEXT;
        break;
    case STATUS_NOT_BOOTSTRAPPED:
    case STATUS_GBA_EXPIRED:
        out->sw = SW_NOT_NOW;
        break;
    default:
        return false;
    }
    note_inner(&work->reply->note, work->fault.status);
    work_fail(work, STATUS_OK);
    return true;
}

static bool bootstrap(struct work *work, const uint8_t *rand, const uint8_t *autn,
                      struct apdu_answer *out)
{
    ERASED(aka_answer) struct aka_answer aka = {0};
    if (!gba_bootstrap(work, rand, autn, &aka))
        return answer_fault(work, out);
    if (aka.outcome == AKA_ACCEPTED)
        answer(out, TAG_SUCCESS, aka.res.bytes, sizeof aka.res.bytes);
    else
        answer(out, TAG_SYNC_FAILURE, aka.auts, sizeof aka.auts);
    return true;
}

static bool naf_key(struct work *work, const uint8_t *naf_id, size_t bytes, struct apdu_answer *out)
{
    ERASED(gba_key) struct gba_key key = {{0}};
    work->reply->note.is_wanted = true;
    if (!gba_naf_key(work, naf_id, bytes, &key))
        return answer_fault(work, out);
    answer(out, TAG_SUCCESS, key.bytes, sizeof key.bytes);
    return true;
}

/* A length and so many bytes; NULL when they are not there. */
static const uint8_t *read_value(struct wire_reader *reader, size_t *out_bytes)
{
    *out_bytes = (size_t)wire_read_number(reader, 1);
    return wire_read_bytes(reader, *out_bytes);
}

static bool is_impi(const struct work *work, const uint8_t *text, size_t bytes)
{
    const char *impi = work->keeper->subscription.identity.impi;
    return bytes == strlen(impi) && memcmp(text, impi, bytes) == 0;
}

bool apdu_gba(void *user, const uint8_t *data, size_t bytes, struct apdu_answer *out)
{
    struct work *work = user;
    size_t first_bytes = 0;
    size_t second_bytes = 0;
    struct wire_reader reader = wire_reader_of(data, bytes);
    uint64_t tag = wire_read_number(&reader, 1);
    const uint8_t *first = read_value(&reader, &first_bytes);
    const uint8_t *second = read_value(&reader, &second_bytes);
    out->sw = SW_BAD_DATA;
    if (!wire_reader_done(&reader)) {
        out->sw = SW_WRONG_LENGTH;
        return true;
    }
    if (tag == TAG_BOOTSTRAP && first_bytes == RAND_BYTES && second_bytes == AUTN_BYTES)
        return bootstrap(work, first, second, out);
    if (tag == TAG_NAF && first_bytes > 5 && is_impi(work, second, second_bytes))
        return naf_key(work, first, first_bytes, out);
    return true;
}
