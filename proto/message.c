#include "message.h"

#include <arpa/inet.h>
#include <assert.h>
#include <string.h>

static const struct fault no_fault = {STATUS_OK, 0};

void frame_begin(struct wire_writer *writer)
{
    static const uint8_t blank[FRAME_HEADER_BYTES];
    assert(writer->used == 0);
    wire_write_bytes(writer, blank, sizeof blank);
}

bool frame_end(struct wire_writer *writer, struct frame_header header)
{
    if (writer->failed)
        return false;
    header.version = FRAME_VERSION;
    header.body_bytes = (uint32_t)(writer->used - FRAME_HEADER_BYTES);
    frame_header_write(&header, writer->start);
    return true;
}

bool frame_write_failure(struct wire_writer *writer, uint8_t type, uint32_t request_id,
                         struct fault fault)
{
    frame_begin(writer);
    if (fault.at_field != 0)
        fields_write_number(writer, FIELD_AT_FIELD, fault.at_field, 2);
    struct frame_header header = {.type = type,
                                  .flags = FRAME_FLAG_ANSWER,
                                  .status = (uint8_t)fault.status,
                                  .request_id = request_id};
    return frame_end(writer, header);
}

uint16_t failure_read(const uint8_t *body, size_t body_bytes)
{
    struct fields fields;
    struct fault fault = fields_read(0, BODY_ANSWER_FAILURE, body, body_bytes, &fields);
    const struct field *at = fields_find(&fields, FIELD_AT_FIELD, 0);
    return fault.status == STATUS_OK && at != NULL ? (uint16_t)field_number(at) : 0;
}

struct fault hello_read(const uint8_t *body, size_t body_bytes, struct hello *out)
{
    struct fields fields;
    struct fault fault = fields_read(MESSAGE_HELLO, BODY_ANSWER_OK, body, body_bytes, &fields);
    if (fault.status != STATUS_OK)
        return fault;
    *out = (struct hello){
        .max_body = (uint32_t)field_number(fields_find(&fields, FIELD_MAX_BODY, 0)),
        .max_in_flight = (uint16_t)field_number(fields_find(&fields, FIELD_MAX_IN_FLIGHT, 0)),
        .forms = (uint32_t)field_number(fields_find(&fields, FIELD_FORMS, 0)),
    };
    field_copy_text(fields_find(&fields, FIELD_CLIENT_NAME, 0), out->client_name,
                    sizeof out->client_name);
    const struct field *idle = fields_find(&fields, FIELD_IDLE_TIMEOUT, 0);
    const struct field *software = fields_find(&fields, FIELD_SOFTWARE, 0);
    if (idle != NULL)
        out->idle_timeout = (uint32_t)field_number(idle);
    if (software != NULL)
        field_copy_text(software, out->software, sizeof out->software);
    return no_fault;
}

void hello_write(struct wire_writer *writer, const struct hello *hello)
{
    fields_write_number(writer, FIELD_MAX_BODY, hello->max_body, 4);
    fields_write_number(writer, FIELD_MAX_IN_FLIGHT, hello->max_in_flight, 2);
    fields_write_text(writer, FIELD_CLIENT_NAME, hello->client_name);
    fields_write_number(writer, FIELD_FORMS, hello->forms, 4);
    if (hello->idle_timeout != 0)
        fields_write_number(writer, FIELD_IDLE_TIMEOUT, hello->idle_timeout, 4);
    if (hello->software[0] != '\0')
        fields_write_text(writer, FIELD_SOFTWARE, hello->software);
}

struct fault ping_read(const uint8_t *body, size_t body_bytes)
{
    struct fields fields;
    return fields_read(MESSAGE_PING, BODY_REQUEST, body, body_bytes, &fields);
}

struct fault subscriber_name_read(const struct fields *fields, struct subscriber_name *out)
{
    const struct field *user_id = fields_find(fields, FIELD_USER_ID, 0);
    const struct field *impi = fields_find(fields, FIELD_IMPI, 0);
    if (user_id == NULL && impi == NULL)
        return (struct fault){STATUS_MISSING_FIELD, FIELD_USER_ID};
    if (user_id != NULL && impi != NULL)
        return (struct fault){STATUS_REPEATED_FIELD, FIELD_IMPI};
    out->by = user_id != NULL ? FIELD_USER_ID : FIELD_IMPI;
    field_copy_text(user_id != NULL ? user_id : impi, out->text, sizeof out->text);
    return no_fault;
}

struct fault identity_request_read(const uint8_t *body, size_t body_bytes,
                                   struct subscriber_name *out)
{
    struct fields fields;
    struct fault fault = fields_read(MESSAGE_IDENTITY, BODY_REQUEST, body, body_bytes, &fields);
    return fault.status != STATUS_OK ? fault : subscriber_name_read(&fields, out);
}

void identity_request_write(struct wire_writer *writer, const struct subscriber_name *name)
{
    fields_write_text(writer, name->by, name->text);
}

static size_t copy_list(const struct fields *fields, enum field_tag tag,
                        char (*out_list)[NAME_BYTES_MAX + 1])
{
    const struct field *field = NULL;
    size_t count = 0;
    while ((field = fields_find(fields, tag, count)) != NULL) {
        field_copy_text(field, out_list[count], sizeof out_list[count]);
        count++;
    }
    return count;
}

static enum p_cscf_kind kind_of_p_cscf(const char *text)
{
    struct in6_addr address;
    if (inet_pton(AF_INET, text, &address) == 1)
        return P_CSCF_KIND_IPV4;
    return inet_pton(AF_INET6, text, &address) == 1 ? P_CSCF_KIND_IPV6 : P_CSCF_KIND_FQDN;
}

/* One for each P-CSCF, or none from a server that does not know them. */
static struct fault take_kinds(const struct fields *fields, struct identity *out)
{
    const struct field *field = NULL;
    size_t count = 0;
    memset(out->p_cscf_kinds, 0, sizeof out->p_cscf_kinds);
    while ((field = fields_find(fields, FIELD_P_CSCF_KIND, count)) != NULL) {
        out->p_cscf_kinds[count++] = (uint8_t)field_number(field);
    }
    if (count != 0 && count != out->p_cscf_count)
        return (struct fault){STATUS_MISSING_FIELD, FIELD_P_CSCF_KIND};
    return no_fault;
}

struct fault identity_read(const uint8_t *body, size_t body_bytes, struct identity *out)
{
    struct fields fields;
    struct fault fault = fields_read(MESSAGE_IDENTITY, BODY_ANSWER_OK, body, body_bytes, &fields);
    if (fault.status != STATUS_OK)
        return fault;
    const struct field *services = fields_find(&fields, FIELD_SERVICE_TABLE, 0);
    field_copy_text(fields_find(&fields, FIELD_IMPI, 0), out->impi, sizeof out->impi);
    field_copy_text(fields_find(&fields, FIELD_DOMAIN, 0), out->domain, sizeof out->domain);
    out->impu_count = copy_list(&fields, FIELD_IMPU, out->impus);
    out->p_cscf_count = copy_list(&fields, FIELD_P_CSCF, out->p_cscfs);
    out->service_table_bytes = services->length;
    memcpy(out->service_table, services->bytes, services->length);
    const struct field *webrtc_uri = fields_find(&fields, FIELD_WEBRTC_URI, 0);
    out->webrtc_uri[0] = '\0';
    if (webrtc_uri != NULL)
        field_copy_text(webrtc_uri, out->webrtc_uri, sizeof out->webrtc_uri);
    return take_kinds(&fields, out);
}

void identity_write(struct wire_writer *writer, const struct identity *identity)
{
    fields_write_text(writer, FIELD_IMPI, identity->impi);
    for (size_t i = 0; i < identity->impu_count; i++)
        fields_write_text(writer, FIELD_IMPU, identity->impus[i]);
    fields_write_text(writer, FIELD_DOMAIN, identity->domain);
    for (size_t i = 0; i < identity->p_cscf_count; i++)
        fields_write_text(writer, FIELD_P_CSCF, identity->p_cscfs[i]);
    for (size_t i = 0; i < identity->p_cscf_count; i++)
        fields_write_number(writer, FIELD_P_CSCF_KIND, kind_of_p_cscf(identity->p_cscfs[i]), 1);
    if (identity->webrtc_uri[0] != '\0')
        fields_write_text(writer, FIELD_WEBRTC_URI, identity->webrtc_uri);
    fields_write(writer, FIELD_SERVICE_TABLE, identity->service_table,
                 identity->service_table_bytes);
}

struct fault authenticate_request_read(const uint8_t *body, size_t body_bytes,
                                       struct authenticate_request *out)
{
    struct fields fields;
    struct authenticate_request request = {0};
    struct fault fault = fields_read(MESSAGE_AUTHENTICATE, BODY_REQUEST, body, body_bytes, &fields);
    if (fault.status == STATUS_OK)
        fault = subscriber_name_read(&fields, &request.subscriber);
    if (fault.status != STATUS_OK)
        return fault;
    uint64_t form = field_number(fields_find(&fields, FIELD_FORM, 0));
    if (form != FORM_CARD)
        return (struct fault){STATUS_BAD_VALUE, FIELD_FORM};
    request.form = (enum answer_form)form;
    memcpy(request.rand, fields_find(&fields, FIELD_RAND, 0)->bytes, RAND_BYTES);
    memcpy(request.autn, fields_find(&fields, FIELD_AUTN, 0)->bytes, AUTN_BYTES);
    *out = request;
    return no_fault;
}

void authenticate_request_write(struct wire_writer *writer,
                                const struct authenticate_request *request)
{
    fields_write_text(writer, request->subscriber.by, request->subscriber.text);
    fields_write(writer, FIELD_RAND, request->rand, RAND_BYTES);
    fields_write(writer, FIELD_AUTN, request->autn, AUTN_BYTES);
    fields_write_number(writer, FIELD_FORM, request->form, 1);
}

struct fault authenticate_answer_read(enum status status, const uint8_t *body, size_t body_bytes,
                                      struct authenticate_answer *out)
{
    struct fields fields;
    enum body_kind kind = body_kind_of_answer((uint8_t)status);
    assert(kind != BODY_ANSWER_FAILURE);
    struct fault fault = fields_read(MESSAGE_AUTHENTICATE, kind, body, body_bytes, &fields);
    if (fault.status != STATUS_OK)
        return fault;
    memset(out, 0, sizeof *out);
    if (kind == BODY_ANSWER_SYNC_FAILURE) {
        memcpy(out->auts, fields_find(&fields, FIELD_AUTS, 0)->bytes, AUTS_BYTES);
        return no_fault;
    }
    memcpy(out->res.bytes, fields_find(&fields, FIELD_RES, 0)->bytes, sizeof out->res);
    memcpy(out->ck.bytes, fields_find(&fields, FIELD_CK, 0)->bytes, sizeof out->ck);
    memcpy(out->ik.bytes, fields_find(&fields, FIELD_IK, 0)->bytes, sizeof out->ik);
    return no_fault;
}

void authenticate_answer_write(struct wire_writer *writer, enum status status,
                               const struct authenticate_answer *answer)
{
    if (status == STATUS_SYNC_FAILURE) {
        fields_write(writer, FIELD_AUTS, answer->auts, AUTS_BYTES);
        return;
    }
    fields_write(writer, FIELD_RES, answer->res.bytes, sizeof answer->res);
    fields_write(writer, FIELD_CK, answer->ck.bytes, sizeof answer->ck);
    fields_write(writer, FIELD_IK, answer->ik.bytes, sizeof answer->ik);
}
