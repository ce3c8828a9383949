#include "card_message.h"

#include <string.h>

/* The field is there, and its length within `most`: fields_read has seen to both. */
static size_t take_bytes(const struct fields *fields, enum field_tag tag, uint8_t *out_bytes)
{
    const struct field *field = fields_find(fields, tag, 0);
    memcpy(out_bytes, field->bytes, field->length);
    return field->length;
}

struct fault apdu_request_read(const uint8_t *body, size_t body_bytes, struct apdu_request *out)
{
    struct fields fields;
    struct subscriber_name subscriber;
    struct fault fault = fields_read(MESSAGE_APDU, BODY_REQUEST, body, body_bytes, &fields);
    if (fault.status == STATUS_OK)
        fault = subscriber_name_read(&fields, &subscriber);
    if (fault.status != STATUS_OK)
        return fault;
    out->subscriber = subscriber;
    out->command_bytes = take_bytes(&fields, FIELD_COMMAND_APDU, out->command);
    return fault;
}

void apdu_request_write(struct wire_writer *writer, const struct apdu_request *request)
{
    fields_write_text(writer, request->subscriber.by, request->subscriber.text);
    fields_write(writer, FIELD_COMMAND_APDU, request->command, request->command_bytes);
}

struct fault apdu_response_read(const uint8_t *body, size_t body_bytes, struct apdu_response *out)
{
    struct fields fields;
    struct fault fault = fields_read(MESSAGE_APDU, BODY_ANSWER_OK, body, body_bytes, &fields);
    if (fault.status == STATUS_OK)
        out->bytes = take_bytes(&fields, FIELD_RESPONSE_APDU, out->response);
    return fault;
}

void apdu_response_write(struct wire_writer *writer, const struct apdu_response *response)
{
    fields_write(writer, FIELD_RESPONSE_APDU, response->response, response->bytes);
}

struct fault card_request_read(enum message_type type, const uint8_t *body, size_t body_bytes,
                               struct subscriber_name *out)
{
    struct fields fields;
    struct fault fault = fields_read((uint8_t)type, BODY_REQUEST, body, body_bytes, &fields);
    return fault.status == STATUS_OK ? subscriber_name_read(&fields, out) : fault;
}

void card_request_write(struct wire_writer *writer, const struct subscriber_name *subscriber)
{
    fields_write_text(writer, subscriber->by, subscriber->text);
}

struct fault atr_read(const uint8_t *body, size_t body_bytes, struct atr *out)
{
    struct fields fields;
    struct fault fault = fields_read(MESSAGE_CARD_RESET, BODY_ANSWER_OK, body, body_bytes, &fields);
    if (fault.status == STATUS_OK)
        out->bytes = take_bytes(&fields, FIELD_ATR, out->atr);
    return fault;
}

void atr_write(struct wire_writer *writer, const uint8_t *atr, size_t bytes)
{
    fields_write(writer, FIELD_ATR, atr, bytes);
}

struct fault card_off_answer_read(const uint8_t *body, size_t body_bytes)
{
    struct fields fields;
    return fields_read(MESSAGE_CARD_OFF, BODY_ANSWER_OK, body, body_bytes, &fields);
}
