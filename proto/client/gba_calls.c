#include <string.h>

#include "client.h"
#include "gba_message.h"
#include "text.h"

_Static_assert(NISIM_NAF_ID_BYTES == NAF_ID_BYTES_MAX,
               "nisim.h has its own names for the limits of the wire");

#define NAF_ID_BYTES_LEAST 6 /* one of the FQDN, and the Ua security protocol's 5 */

static enum nisim_result take_bootstrap(struct nisim *nisim, const struct frame_header *header,
                                        struct nisim_gba_run *out)
{
    ERASED(gba_bootstrap_answer) struct gba_bootstrap_answer answer = {0};
    struct fault fault = gba_bootstrap_answer_read((enum status)header->status, nisim->body,
                                                   header->body_bytes, &answer);
    if (fault.status != STATUS_OK)
        return client_lost(nisim, "the answer is not well formed");
    memcpy(out->res, answer.res.bytes, sizeof out->res);
    memcpy(out->auts, answer.auts, sizeof out->auts);
    return header->status == STATUS_OK ? NISIM_OK : NISIM_SYNC_FAILURE;
}

enum nisim_result nisim_gba_bootstrap(struct nisim *nisim, enum nisim_name by, const char *name,
                                      const uint8_t *rand, const uint8_t *autn,
                                      struct nisim_gba_run *out)
{
    uint8_t frame[FRAME_HEADER_BYTES + 4 + NAME_BYTES_MAX + 64];
    struct gba_bootstrap_request request;
    struct frame_header header = {0};
    nisim_gba_run_erase(out);
    enum nisim_result result = client_take_name(nisim, by, name, &request.subscriber);
    if (result != NISIM_OK)
        return result;
    memcpy(request.rand, rand, sizeof request.rand);
    memcpy(request.autn, autn, sizeof request.autn);
    struct wire_writer writer = wire_writer_of(frame, sizeof frame);
    frame_begin(&writer);
    gba_bootstrap_request_write(&writer, &request);
    result = client_ask(nisim, &writer, MESSAGE_GBA_BOOTSTRAP, &header);
    if (result == NISIM_OK || result == NISIM_SYNC_FAILURE)
        result = take_bootstrap(nisim, &header, out);
    secret_wipe(nisim->body, sizeof nisim->body);
    return result;
}

static enum nisim_result take_b_tid(struct nisim *nisim, const char *b_tid, char *out_text)
{
    size_t length = strlen(b_tid);
    if (length == 0 || length > NAME_BYTES_MAX || !text_is_clean(b_tid, length))
        return client_fail(nisim, NISIM_BAD_REQUEST,
                           "the B-TID is not 1 to %d bytes of UTF-8 without control characters",
                           NAME_BYTES_MAX);
    memcpy(out_text, b_tid, length + 1);
    return NISIM_OK;
}

enum nisim_result nisim_gba_store(struct nisim *nisim, enum nisim_name by, const char *name,
                                  const uint8_t *rand, const char *b_tid, uint64_t lifetime)
{
    uint8_t frame[FRAME_HEADER_BYTES + 2 * (4 + NAME_BYTES_MAX) + 64];
    struct gba_store_request request = {.lifetime = lifetime};
    struct frame_header header = {0};
    enum nisim_result result = client_take_name(nisim, by, name, &request.subscriber);
    if (result == NISIM_OK)
        result = take_b_tid(nisim, b_tid, request.b_tid);
    if (result != NISIM_OK)
        return result;
    memcpy(request.rand, rand, sizeof request.rand);
    struct wire_writer writer = wire_writer_of(frame, sizeof frame);
    frame_begin(&writer);
    gba_store_request_write(&writer, &request);
    return client_ask(nisim, &writer, MESSAGE_GBA_STORE, &header);
}

static enum nisim_result take_naf(struct nisim *nisim, const struct frame_header *header,
                                  struct nisim_gba_naf *out)
{
    ERASED(gba_naf_answer) struct gba_naf_answer answer = {.lifetime = 0};
    struct fault fault = gba_naf_answer_read(nisim->body, header->body_bytes, &answer);
    if (fault.status != STATUS_OK)
        return client_lost(nisim, "the answer is not well formed");
    memcpy(out->ks_ext_naf, answer.ks_ext_naf, sizeof out->ks_ext_naf);
    memcpy(out->b_tid, answer.b_tid, sizeof out->b_tid);
    out->lifetime = answer.lifetime;
    return NISIM_OK;
}

enum nisim_result nisim_gba_naf(struct nisim *nisim, enum nisim_name by, const char *name,
                                const uint8_t *naf_id, size_t naf_id_bytes,
                                struct nisim_gba_naf *out)
{
    uint8_t frame[FRAME_HEADER_BYTES + 2 * (4 + NAME_BYTES_MAX)];
    struct gba_naf_request request = {.naf_id_bytes = naf_id_bytes};
    struct frame_header header = {0};
    nisim_gba_naf_erase(out);
    enum nisim_result result = client_take_name(nisim, by, name, &request.subscriber);
    if (result != NISIM_OK)
        return result;
    if (naf_id_bytes < NAF_ID_BYTES_LEAST || naf_id_bytes > sizeof request.naf_id)
        return client_fail(nisim, NISIM_BAD_REQUEST, "the NAF_ID is not %d to %d bytes",
                           NAF_ID_BYTES_LEAST, NAF_ID_BYTES_MAX);
    memcpy(request.naf_id, naf_id, naf_id_bytes);
    struct wire_writer writer = wire_writer_of(frame, sizeof frame);
    frame_begin(&writer);
    gba_naf_request_write(&writer, &request);
    result = client_ask(nisim, &writer, MESSAGE_GBA_NAF, &header);
    if (result == NISIM_OK)
        result = take_naf(nisim, &header, out);
    secret_wipe(nisim->body, sizeof nisim->body);
    return result;
}

void nisim_gba_run_erase(struct nisim_gba_run *run)
{
    secret_wipe(run, sizeof *run);
}

void nisim_gba_naf_erase(struct nisim_gba_naf *naf)
{
    secret_wipe(naf, sizeof *naf);
}
