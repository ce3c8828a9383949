#include "token_anchor.h"

#include <string.h>
#include <time.h>

#include "hex.h"
#include "wire.h"

/* CKA_LABEL is TOKEN_ANCHOR_NAME, a blank, and the mark in hex. */
#define PREFIX_BYTES sizeof TOKEN_ANCHOR_NAME
#define COPIES 2
#define TRIES 5
#define PAUSE_MS 10
#define LABEL_BYTES (PREFIX_BYTES + (size_t)2 * ANCHOR_MARK_BYTES)

bool anchor_mark_equal(const struct anchor_mark *a, const struct anchor_mark *b)
{
    return a->counter == b->counter && memcmp(a->store_id, b->store_id, sizeof a->store_id) == 0;
}

void anchor_mark_to_bytes(const struct anchor_mark *mark, uint8_t out_bytes[ANCHOR_MARK_BYTES])
{
    struct wire_writer writer = wire_writer_of(out_bytes, ANCHOR_MARK_BYTES);
    wire_write_bytes(&writer, mark->store_id, sizeof mark->store_id);
    wire_write_number(&writer, mark->counter, 8);
}

void anchor_mark_from_bytes(const uint8_t bytes[ANCHOR_MARK_BYTES], struct anchor_mark *out_mark)
{
    struct wire_reader reader = wire_reader_of(bytes, ANCHOR_MARK_BYTES);
    memcpy(out_mark->store_id, wire_read_bytes(&reader, ANCHOR_ID_BYTES), ANCHOR_ID_BYTES);
    out_mark->counter = wire_read_number(&reader, 8);
}

/* What the copies say that are there. */
struct survey {
    size_t count; /* of those that can be read */
    CK_OBJECT_HANDLE oldest;
    uint64_t oldest_counter;
    struct anchor_mark newest;
};

/* No CKA_VALUE: SoftHSM lets nothing of a data object be changed but its label. */
static void to_label(const struct anchor_mark *mark, char out_label[LABEL_BYTES + 1])
{
    uint8_t bytes[ANCHOR_MARK_BYTES];
    anchor_mark_to_bytes(mark, bytes);
    memcpy(out_label, TOKEN_ANCHOR_NAME " ", PREFIX_BYTES);
    hex_encode(bytes, sizeof bytes, out_label + PREFIX_BYTES);
}

/* Only private ones: a public object can be made without a log-in. */
static enum hsm_result search(struct token *token)
{
    CK_OBJECT_CLASS class = CKO_DATA;
    CK_BBOOL yes = CK_TRUE;
    CK_ULONG count = 0;
    char name[] = TOKEN_ANCHOR_NAME;
    CK_ATTRIBUTE fit[] = {{CKA_CLASS, &class, sizeof class},
                          {CKA_TOKEN, &yes, sizeof yes},
                          {CKA_PRIVATE, &yes, sizeof yes},
                          {CKA_APPLICATION, name, sizeof name - 1}};
    token->anchor_count = 0;
    enum hsm_result rc = token_find(token, fit, sizeof fit / sizeof fit[0], token->anchors,
                                    TOKEN_ANCHORS_MAX, &count);
    if (rc == HSM_OK)
        token->anchor_count = count;
    return rc == HSM_OK && count == 0 ? HSM_NO_KEY : rc;
}

static enum hsm_result read_copy(struct token *token, CK_OBJECT_HANDLE copy,
                                 struct anchor_mark *out_mark)
{
    char label[LABEL_BYTES] = "";
    uint8_t bytes[ANCHOR_MARK_BYTES] = {0};
    CK_ATTRIBUTE attribute = {CKA_LABEL, label, sizeof label};
    CK_RV rv = MODULE_CALL(token->module, C_GetAttributeValue, token->session, copy, &attribute, 1);
    if (rv != CKR_OK)
        return module_result(rv);
    if (attribute.ulValueLen != sizeof label ||
        memcmp(label, TOKEN_ANCHOR_NAME " ", PREFIX_BYTES) != 0 ||
        !hex_decode(label + PREFIX_BYTES, sizeof label - PREFIX_BYTES, bytes, sizeof bytes))
        return HSM_BAD_ANSWER;
    anchor_mark_from_bytes(bytes, out_mark);
    return HSM_OK;
}

static void take_in(struct survey *survey, CK_OBJECT_HANDLE copy, const struct anchor_mark *mark)
{
    bool is_first = survey->count++ == 0;
    if (is_first || mark->counter > survey->newest.counter)
        survey->newest = *mark;
    if (!is_first && mark->counter > survey->oldest_counter)
        return;
    survey->oldest_counter = mark->counter;
    survey->oldest = copy;
}

/* One that is not there any more, or not just now, makes all of them to be found anew. */
static enum hsm_result read_copies(struct token *token, struct survey *out)
{
    bool is_stale = false;
    bool has_bad = false;
    *out = (struct survey){0};
    for (size_t i = 0; i < token->anchor_count; i++) {
        struct anchor_mark mark = {{0}, 0};
        enum hsm_result rc = read_copy(token, token->anchors[i], &mark);
        if (rc == HSM_OK)
            take_in(out, token->anchors[i], &mark);
        else if (rc != HSM_NO_KEY && rc != HSM_BAD_ANSWER)
            return rc;
        is_stale = is_stale || rc == HSM_NO_KEY;
        has_bad = has_bad || rc == HSM_BAD_ANSWER;
    }
    if (is_stale)
        token->anchor_count = 0;
    if (out->count > 0)
        return HSM_OK;
    return has_bad ? HSM_BAD_ANSWER : HSM_NO_KEY;
}

/*
 * SoftHSM rewrites an object in place: a process that looks in that moment is told that there is
 * none, or that the handle it has is invalid. So what is not there is looked for again.
 */
static enum hsm_result look(struct token *token, size_t wanted, struct survey *out)
{
    const struct timespec pause = {.tv_nsec = PAUSE_MS * 1000000L};
    enum hsm_result rc = HSM_NO_KEY;
    for (int tries = 0; tries < TRIES; tries++) {
        if (tries > 0)
            (void)nanosleep(&pause, NULL);
        rc = token->anchor_count == 0 ? search(token) : HSM_OK;
        if (rc == HSM_OK)
            rc = read_copies(token, out);
        bool is_enough = rc == HSM_OK && out->count >= wanted;
        if (!is_enough)
            token->anchor_count = 0;
        if (is_enough || (rc != HSM_OK && rc != HSM_NO_KEY))
            break;
    }
    return rc;
}

enum hsm_result token_anchor_read(struct token *token, struct anchor_mark *out_mark)
{
    struct survey survey;
    enum hsm_result rc = look(token, 1, &survey);
    if (rc == HSM_OK)
        *out_mark = survey.newest;
    return rc;
}

static enum hsm_result make(struct token *token, const struct anchor_mark *mark)
{
    CK_OBJECT_CLASS class = CKO_DATA;
    CK_BBOOL yes = CK_TRUE;
    char name[] = TOKEN_ANCHOR_NAME;
    char label[LABEL_BYTES + 1];
    CK_OBJECT_HANDLE made = CK_INVALID_HANDLE;
    CK_ATTRIBUTE object[] = {
        {CKA_CLASS, &class, sizeof class},        {CKA_TOKEN, &yes, sizeof yes},
        {CKA_PRIVATE, &yes, sizeof yes},          {CKA_MODIFIABLE, &yes, sizeof yes},
        {CKA_APPLICATION, name, sizeof name - 1}, {CKA_LABEL, label, LABEL_BYTES}};
    to_label(mark, label);
    token->anchor_count = 0; /* found anew, with those that others make meanwhile */
    return module_result(MODULE_CALL(token->module, C_CreateObject, token->session, object,
                                     sizeof object / sizeof object[0], &made));
}

static enum hsm_result overwrite(struct token *token, CK_OBJECT_HANDLE copy,
                                 const struct anchor_mark *mark)
{
    char label[LABEL_BYTES + 1];
    CK_ATTRIBUTE attribute = {CKA_LABEL, label, LABEL_BYTES};
    to_label(mark, label);
    return module_result(
        MODULE_CALL(token->module, C_SetAttributeValue, token->session, copy, &attribute, 1));
}

/* The older copy: whatever becomes of it, the other one is whole. */
static enum hsm_result write_once(struct token *token, const struct anchor_mark *mark)
{
    struct survey survey;
    enum hsm_result rc = look(token, COPIES, &survey);
    if (rc == HSM_OK && survey.count >= COPIES)
        return overwrite(token, survey.oldest, mark);
    if (rc == HSM_NO_KEY)
        rc = make(token, mark);
    return rc == HSM_OK ? make(token, mark) : rc;
}

enum hsm_result token_anchor_write(struct token *token, const struct anchor_mark *mark)
{
    enum hsm_result rc = write_once(token, mark);
    if (rc != HSM_NO_KEY)
        return rc;
    token->anchor_count = 0; /* another process rewrites it just now */
    return write_once(token, mark);
}
