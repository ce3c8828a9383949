#include <string.h>

#include "client.h"
#include "text.h"

enum nisim_result client_take_name(struct nisim *nisim, enum nisim_name by, const char *name,
                                   struct subscriber_name *out)
{
    size_t most = by == NISIM_IMPI ? NAME_BYTES_MAX : USER_ID_BYTES_MAX;
    size_t length = strlen(name);
    nisim->status_name = "";
    if (length == 0 || length > most || !text_is_clean(name, length))
        return client_fail(nisim, NISIM_BAD_REQUEST,
                           "the %s is not 1 to %zu bytes of UTF-8 without control characters",
                           by == NISIM_IMPI ? "IMPI" : "user id", most);
    out->by = by == NISIM_IMPI ? FIELD_IMPI : FIELD_USER_ID;
    memcpy(out->text, name, length + 1);
    return NISIM_OK;
}

enum nisim_result client_ask(struct nisim *nisim, struct wire_writer *writer, uint8_t type,
                             struct frame_header *out_header)
{
    char why[TRANSPORT_WHY_BYTES] = "";
    struct deadline deadline = deadline_in(nisim->timeout_ms);
    struct frame_header request = {.type = type, .request_id = ++nisim->request_id};
    nisim->status_name = "";
    if (nisim->transport == NULL)
        return client_fail(nisim, NISIM_NO_CONNECTION, "%s: not connected", nisim->server);
    if (!frame_end(writer, request) ||
        writer->used > FRAME_HEADER_BYTES + (size_t)nisim->hello.max_body)
        return client_fail(nisim, NISIM_BAD_REQUEST, "%s: the request is longer than it takes",
                           nisim->server);
    if (!transport_send(nisim->transport, writer->start, writer->used, &deadline, why))
        return client_lost(nisim, why);
    enum nisim_result result = client_receive(nisim, &deadline, out_header);
    if (result != NISIM_OK)
        return result;
    if (out_header->type != type || out_header->request_id != request.request_id)
        return client_lost(nisim, "the server answered a question that was not asked");
    return client_status(nisim, out_header, nisim->body);
}

enum nisim_result nisim_ping(struct nisim *nisim)
{
    uint8_t frame[FRAME_HEADER_BYTES];
    struct frame_header header = {0};
    struct wire_writer writer = wire_writer_of(frame, sizeof frame);
    frame_begin(&writer);
    return client_ask(nisim, &writer, MESSAGE_PING, &header);
}

_Static_assert(NISIM_NAME_BYTES == NAME_BYTES_MAX + 1 && NISIM_LIST_MAX == IMPUS_MAX &&
                   NISIM_LIST_MAX == P_CSCFS_MAX &&
                   NISIM_SERVICE_TABLE_BYTES == SERVICE_TABLE_BYTES_MAX,
               "nisim.h has its own names for the limits of the wire");

static void copy_identity(const struct identity *identity, struct nisim_identity *out)
{
    *out = (struct nisim_identity){.impu_count = identity->impu_count,
                                   .p_cscf_count = identity->p_cscf_count,
                                   .service_table_bytes = identity->service_table_bytes};
    memcpy(out->impi, identity->impi, sizeof out->impi);
    memcpy(out->domain, identity->domain, sizeof out->domain);
    memcpy(out->impus, identity->impus, sizeof out->impus);
    memcpy(out->p_cscfs, identity->p_cscfs, sizeof out->p_cscfs);
    memcpy(out->service_table, identity->service_table, sizeof out->service_table);
    memcpy(out->webrtc_uri, identity->webrtc_uri, sizeof out->webrtc_uri);
    for (size_t i = 0; i < identity->p_cscf_count; i++) {
        if (identity->p_cscf_kinds[i] <= NISIM_P_CSCF_IPV6)
            out->p_cscf_kinds[i] = (enum nisim_p_cscf_kind)identity->p_cscf_kinds[i];
    }
}

enum nisim_result nisim_identity(struct nisim *nisim, enum nisim_name by, const char *name,
                                 struct nisim_identity *out)
{
    uint8_t frame[FRAME_HEADER_BYTES + 4 + NAME_BYTES_MAX];
    struct subscriber_name subscriber;
    struct frame_header header = {0};
    enum nisim_result result = client_take_name(nisim, by, name, &subscriber);
    if (result != NISIM_OK)
        return result;
    struct wire_writer writer = wire_writer_of(frame, sizeof frame);
    frame_begin(&writer);
    identity_request_write(&writer, &subscriber);
    result = client_ask(nisim, &writer, MESSAGE_IDENTITY, &header);
    if (result != NISIM_OK)
        return result;
    if (identity_read(nisim->body, header.body_bytes, &nisim->identity).status != STATUS_OK)
        return client_lost(nisim, "the answer is not well formed");
    copy_identity(&nisim->identity, out);
    return NISIM_OK;
}

static enum nisim_result take_answer(struct nisim *nisim, const struct frame_header *header,
                                     struct nisim_answer *out)
{
    ERASED(authenticate_answer) struct authenticate_answer answer = {0};
    struct fault fault = authenticate_answer_read((enum status)header->status, nisim->body,
                                                  header->body_bytes, &answer);
    if (fault.status != STATUS_OK)
        return client_lost(nisim, "the answer is not well formed");
    memcpy(out->res, answer.res.bytes, sizeof out->res);
    memcpy(out->ck, answer.ck.bytes, sizeof out->ck);
    memcpy(out->ik, answer.ik.bytes, sizeof out->ik);
    memcpy(out->auts, answer.auts, sizeof out->auts);
    return header->status == STATUS_OK ? NISIM_OK : NISIM_SYNC_FAILURE;
}

enum nisim_result nisim_authenticate(struct nisim *nisim, enum nisim_name by, const char *name,
                                     const uint8_t *rand, const uint8_t *autn,
                                     struct nisim_answer *out)
{
    uint8_t frame[FRAME_HEADER_BYTES + 4 + NAME_BYTES_MAX + 64];
    struct authenticate_request request = {.form = FORM_CARD};
    struct frame_header header = {0};
    nisim_answer_erase(out);
    enum nisim_result result = client_take_name(nisim, by, name, &request.subscriber);
    if (result != NISIM_OK)
        return result;
    memcpy(request.rand, rand, sizeof request.rand);
    memcpy(request.autn, autn, sizeof request.autn);
    struct wire_writer writer = wire_writer_of(frame, sizeof frame);
    frame_begin(&writer);
    authenticate_request_write(&writer, &request);
    result = client_ask(nisim, &writer, MESSAGE_AUTHENTICATE, &header);
    if (result == NISIM_OK || result == NISIM_SYNC_FAILURE)
        result = take_answer(nisim, &header, out);
    secret_wipe(nisim->body, sizeof nisim->body);
    return result;
}

void nisim_answer_erase(struct nisim_answer *answer)
{
    secret_wipe(answer, sizeof *answer);
}
