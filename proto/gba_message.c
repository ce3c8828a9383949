#include "gba_message.h"

#include <assert.h>
#include <string.h>

static const struct fault no_fault = {STATUS_OK, 0};

/* Fixed lengths are checked by fields_read. */
static void take_octets(const struct fields *fields, enum field_tag tag, uint8_t *out, size_t bytes)
{
    const struct field *field = fields_find(fields, tag, 0);
    if (field != NULL)
        memcpy(out, field->bytes, bytes);
}

static struct fault open_request(uint8_t type, const uint8_t *body, size_t body_bytes,
                                 struct fields *out_fields, struct subscriber_name *out_name)
{
    struct fault fault = fields_read(type, BODY_REQUEST, body, body_bytes, out_fields);
    return fault.status == STATUS_OK ? subscriber_name_read(out_fields, out_name) : fault;
}

struct fault gba_bootstrap_request_read(const uint8_t *body, size_t body_bytes,
                                        struct gba_bootstrap_request *out)
{
    struct fields fields;
    struct gba_bootstrap_request request = {0};
    struct fault fault =
        open_request(MESSAGE_GBA_BOOTSTRAP, body, body_bytes, &fields, &request.subscriber);
    if (fault.status != STATUS_OK)
        return fault;
    take_octets(&fields, FIELD_RAND, request.rand, sizeof request.rand);
    take_octets(&fields, FIELD_AUTN, request.autn, sizeof request.autn);
    *out = request;
    return no_fault;
}

void gba_bootstrap_request_write(struct wire_writer *writer,
                                 const struct gba_bootstrap_request *request)
{
    fields_write_text(writer, request->subscriber.by, request->subscriber.text);
    fields_write(writer, FIELD_RAND, request->rand, sizeof request->rand);
    fields_write(writer, FIELD_AUTN, request->autn, sizeof request->autn);
}

struct fault gba_bootstrap_answer_read(enum status status, const uint8_t *body, size_t body_bytes,
                                       struct gba_bootstrap_answer *out)
{
    struct fields fields;
    enum body_kind kind = body_kind_of_answer((uint8_t)status);
    assert(kind != BODY_ANSWER_FAILURE);
    ERASED(gba_bootstrap_answer) struct gba_bootstrap_answer answer = {0};
    struct fault fault = fields_read(MESSAGE_GBA_BOOTSTRAP, kind, body, body_bytes, &fields);
    if (fault.status != STATUS_OK)
        return fault;
    take_octets(&fields, FIELD_RES, answer.res.bytes, sizeof answer.res);
    take_octets(&fields, FIELD_AUTS, answer.auts, sizeof answer.auts);
    *out = answer;
    return no_fault;
}

void gba_bootstrap_answer_write(struct wire_writer *writer, enum status status,
                                const struct gba_bootstrap_answer *answer)
{
    if (status == STATUS_SYNC_FAILURE)
        fields_write(writer, FIELD_AUTS, answer->auts, sizeof answer->auts);
    else
        fields_write(writer, FIELD_RES, answer->res.bytes, sizeof answer->res);
}

struct fault gba_store_request_read(const uint8_t *body, size_t body_bytes,
                                    struct gba_store_request *out)
{
    struct fields fields;
    struct gba_store_request request = {0};
    struct fault fault =
        open_request(MESSAGE_GBA_STORE, body, body_bytes, &fields, &request.subscriber);
    if (fault.status != STATUS_OK)
        return fault;
    take_octets(&fields, FIELD_RAND, request.rand, sizeof request.rand);
    field_copy_text(fields_find(&fields, FIELD_B_TID, 0), request.b_tid, sizeof request.b_tid);
    request.lifetime = field_number(fields_find(&fields, FIELD_KEY_LIFETIME, 0));
    if (request.lifetime == 0)
        return (struct fault){STATUS_BAD_VALUE, FIELD_KEY_LIFETIME};
    *out = request;
    return no_fault;
}

void gba_store_request_write(struct wire_writer *writer, const struct gba_store_request *request)
{
    fields_write_text(writer, request->subscriber.by, request->subscriber.text);
    fields_write(writer, FIELD_RAND, request->rand, sizeof request->rand);
    fields_write_text(writer, FIELD_B_TID, request->b_tid);
    fields_write_number(writer, FIELD_KEY_LIFETIME, request->lifetime, 8);
}

struct fault gba_naf_request_read(const uint8_t *body, size_t body_bytes,
                                  struct gba_naf_request *out)
{
    struct fields fields;
    struct gba_naf_request request = {0};
    struct fault fault =
        open_request(MESSAGE_GBA_NAF, body, body_bytes, &fields, &request.subscriber);
    if (fault.status != STATUS_OK)
        return fault;
    const struct field *naf_id = fields_find(&fields, FIELD_NAF_ID, 0);
    request.naf_id_bytes = naf_id->length;
    memcpy(request.naf_id, naf_id->bytes, naf_id->length);
    *out = request;
    return no_fault;
}

void gba_naf_request_write(struct wire_writer *writer, const struct gba_naf_request *request)
{
    fields_write_text(writer, request->subscriber.by, request->subscriber.text);
    fields_write(writer, FIELD_NAF_ID, request->naf_id, request->naf_id_bytes);
}

struct fault gba_naf_answer_read(const uint8_t *body, size_t body_bytes, struct gba_naf_answer *out)
{
    struct fields fields;
    ERASED(gba_naf_answer) struct gba_naf_answer answer = {.lifetime = 0};
    struct fault fault = fields_read(MESSAGE_GBA_NAF, BODY_ANSWER_OK, body, body_bytes, &fields);
    if (fault.status != STATUS_OK)
        return fault;
    const struct field *b_tid = fields_find(&fields, FIELD_B_TID, 0);
    const struct field *lifetime = fields_find(&fields, FIELD_KEY_LIFETIME, 0);
    take_octets(&fields, FIELD_KS_EXT_NAF, answer.ks_ext_naf, sizeof answer.ks_ext_naf);
    if (b_tid != NULL)
        field_copy_text(b_tid, answer.b_tid, sizeof answer.b_tid);
    if (lifetime != NULL)
        answer.lifetime = field_number(lifetime);
    *out = answer;
    return no_fault;
}

void gba_naf_answer_write(struct wire_writer *writer, const struct gba_naf_answer *answer)
{
    fields_write(writer, FIELD_KS_EXT_NAF, answer->ks_ext_naf, sizeof answer->ks_ext_naf);
    if (answer->b_tid[0] == '\0')
        return;
    fields_write_text(writer, FIELD_B_TID, answer->b_tid);
    fields_write_number(writer, FIELD_KEY_LIFETIME, answer->lifetime, 8);
}
