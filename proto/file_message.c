#include "file_message.h"

#include <string.h>

static const struct fault no_fault = {STATUS_OK, 0};

struct fault file_request_read(const uint8_t *body, size_t body_bytes, struct file_request *out)
{
    struct fields fields;
    struct file_request request = {0};
    struct fault fault = fields_read(MESSAGE_READ_FILE, BODY_REQUEST, body, body_bytes, &fields);
    if (fault.status == STATUS_OK)
        fault = subscriber_name_read(&fields, &request.subscriber);
    if (fault.status != STATUS_OK)
        return fault;
    const struct field *record = fields_find(&fields, FIELD_RECORD, 0);
    request.file = (uint16_t)field_number(fields_find(&fields, FIELD_FILE, 0));
    if (record != NULL)
        request.record = (uint8_t)field_number(record);
    if (record != NULL && request.record == 0)
        return (struct fault){STATUS_BAD_VALUE, FIELD_RECORD};
    *out = request;
    return no_fault;
}

void file_request_write(struct wire_writer *writer, const struct file_request *request)
{
    fields_write_text(writer, request->subscriber.by, request->subscriber.text);
    fields_write_number(writer, FIELD_FILE, request->file, 2);
    if (request->record != 0)
        fields_write_number(writer, FIELD_RECORD, request->record, 1);
}

/* All of one length, together no more than there is room for. */
static struct fault take_data(const struct fields *fields, struct file_answer *out)
{
    const struct field *field = NULL;
    while ((field = fields_find(fields, FIELD_FILE_DATA, out->data_count)) != NULL) {
        size_t at = out->data_count * out->data_bytes;
        if ((out->data_count > 0 && field->length != out->data_bytes) ||
            field->length > sizeof out->data - at)
            return (struct fault){STATUS_BAD_LENGTH, FIELD_FILE_DATA};
        memcpy(out->data + at, field->bytes, field->length);
        out->data_bytes = field->length;
        out->data_count++;
    }
    return no_fault;
}

struct fault file_answer_read(const uint8_t *body, size_t body_bytes, struct file_answer *out)
{
    struct fields fields;
    struct fault fault = fields_read(MESSAGE_READ_FILE, BODY_ANSWER_OK, body, body_bytes, &fields);
    if (fault.status != STATUS_OK)
        return fault;
    *out = (struct file_answer){0};
    uint64_t structure = field_number(fields_find(&fields, FIELD_STRUCTURE, 0));
    if (structure != FILE_TRANSPARENT && structure != FILE_LINEAR_FIXED)
        return (struct fault){STATUS_BAD_VALUE, FIELD_STRUCTURE};
    out->structure = (enum file_structure)structure;
    out->record_count = (uint8_t)field_number(fields_find(&fields, FIELD_RECORD_COUNT, 0));
    if ((structure == FILE_TRANSPARENT) != (out->record_count == 0))
        return (struct fault){STATUS_BAD_VALUE, FIELD_RECORD_COUNT};
    fault = take_data(&fields, out);
    size_t most = structure == FILE_TRANSPARENT ? 1 : out->record_count;
    if (fault.status == STATUS_OK && out->data_count > most)
        return (struct fault){STATUS_REPEATED_FIELD, FIELD_FILE_DATA};
    return fault;
}

void file_answer_write(struct wire_writer *writer, const struct file_answer *answer)
{
    fields_write_number(writer, FIELD_STRUCTURE, answer->structure, 1);
    fields_write_number(writer, FIELD_RECORD_COUNT, answer->record_count, 1);
    for (size_t i = 0; i < answer->data_count; i++)
        fields_write(writer, FIELD_FILE_DATA, answer->data + i * answer->data_bytes,
                     answer->data_bytes);
}
