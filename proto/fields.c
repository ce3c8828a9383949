#include "fields.h"

#include <assert.h>
#include <string.h>

#include "text.h"

struct field_row {
    uint16_t tag;
    const char *name;
    enum field_kind kind;
    uint16_t least;
    uint16_t most;
};

struct carries_row {
    uint8_t type;
    enum body_kind body;
    uint16_t tag;
    uint8_t least;
    uint8_t most;
};

static const struct field_row field_rows[] = {
#define FIELD(name, tag, kind, least, most) {(tag), #name, FIELD_KIND_##kind, (least), (most)},
#include "messages.def"
};

static const struct carries_row carries_rows[] = {
#define CARRIES(message, body, field, least, most) \
    {MESSAGE_##message, BODY_##body, FIELD_##field, (least), (most)},
#include "messages.def"
};

#define COUNT_OF(table) (sizeof(table) / sizeof((table)[0]))

static const struct field_row *field_row_of(uint16_t tag)
{
    for (size_t i = 0; i < COUNT_OF(field_rows); i++) {
        if (field_rows[i].tag == tag)
            return &field_rows[i];
    }
    return NULL;
}

/* How often the field may stand in this body; 0 when it may not. */
static size_t most_allowed(uint8_t type, enum body_kind kind, uint16_t tag)
{
    if (kind == BODY_ANSWER_FAILURE)
        return tag == FIELD_AT_FIELD ? 1 : 0;
    for (size_t i = 0; i < COUNT_OF(carries_rows); i++) {
        const struct carries_row *row = &carries_rows[i];
        if (row->type == type && row->body == kind && row->tag == tag)
            return row->most;
    }
    return 0;
}

const char *message_name(uint8_t type)
{
    switch (type) {
#define MESSAGE(name, code) \
    case (code):            \
        return #name;
#include "messages.def"
    default:
        return NULL;
    }
}

const char *field_name(uint16_t tag)
{
    const struct field_row *row = field_row_of(tag);
    return row == NULL ? NULL : row->name;
}

enum body_kind body_kind_of_answer(uint8_t status)
{
    switch (status) {
    case STATUS_OK:
        return BODY_ANSWER_OK;
    case STATUS_SYNC_FAILURE:
        return BODY_ANSWER_SYNC_FAILURE;
    default:
        return BODY_ANSWER_FAILURE;
    }
}

static size_t count_of_tag(const struct fields *fields, uint16_t tag)
{
    size_t count = 0;
    for (size_t i = 0; i < fields->count; i++)
        count += fields->list[i].tag == tag;
    return count;
}

static enum status check_value(const struct field *field)
{
    const struct field_row *row = field_row_of(field->tag);
    assert(row != NULL);
    if (field->length < row->least || field->length > row->most)
        return STATUS_BAD_LENGTH;
    if (row->kind == FIELD_KIND_TEXT && !text_is_clean((const char *)field->bytes, field->length))
        return STATUS_BAD_VALUE;
    return STATUS_OK;
}

static struct fault check_missing(uint8_t type, enum body_kind kind, const struct fields *fields)
{
    for (size_t i = 0; i < COUNT_OF(carries_rows); i++) {
        const struct carries_row *row = &carries_rows[i];
        if (row->type == type && row->body == kind && count_of_tag(fields, row->tag) < row->least)
            return (struct fault){STATUS_MISSING_FIELD, row->tag};
    }
    return (struct fault){STATUS_OK, 0};
}

/* Takes the field in, skips it when it is optional and unknown, or says what is wrong with it. */
static enum status take_field(uint8_t type, enum body_kind kind, const struct field *field,
                              struct fields *fields)
{
    size_t most = most_allowed(type, kind, field->tag);
    if (most == 0)
        return (field->tag & FIELD_OPTIONAL_BIT) != 0 ? STATUS_OK : STATUS_UNKNOWN_FIELD;
    if (count_of_tag(fields, field->tag) >= most)
        return STATUS_REPEATED_FIELD;
    if (fields->count == FIELDS_MAX)
        return STATUS_MALFORMED;
    enum status status = check_value(field);
    if (status == STATUS_OK)
        fields->list[fields->count++] = *field;
    return status;
}

struct fault fields_read(uint8_t type, enum body_kind kind, const uint8_t *body, size_t body_bytes,
                         struct fields *out_fields)
{
    struct wire_reader reader = wire_reader_of(body, body_bytes);
    out_fields->count = 0;
    while (reader.left > 0) {
        struct field field = {0};
        field.tag = (uint16_t)wire_read_number(&reader, 2);
        field.length = (uint16_t)wire_read_number(&reader, 2);
        field.bytes = wire_read_bytes(&reader, field.length);
        if (reader.failed)
            return (struct fault){STATUS_MALFORMED, 0};
        enum status status = take_field(type, kind, &field, out_fields);
        if (status != STATUS_OK)
            return (struct fault){status, field.tag};
    }
    return check_missing(type, kind, out_fields);
}

const struct field *fields_find(const struct fields *fields, enum field_tag tag, size_t nth)
{
    for (size_t i = 0; i < fields->count; i++) {
        if (fields->list[i].tag == tag && nth-- == 0)
            return &fields->list[i];
    }
    return NULL;
}

uint64_t field_number(const struct field *field)
{
    struct wire_reader reader = wire_reader_of(field->bytes, field->length);
    return wire_read_number(&reader, field->length);
}

void field_copy_text(const struct field *field, char *out_text, size_t room)
{
    assert(field->length < room);
    memcpy(out_text, field->bytes, field->length);
    out_text[field->length] = '\0';
}

void fields_write(struct wire_writer *writer, enum field_tag tag, const void *bytes, size_t length)
{
    wire_write_number(writer, tag, 2);
    wire_write_number(writer, length, 2);
    wire_write_bytes(writer, bytes, length);
}

void fields_write_text(struct wire_writer *writer, enum field_tag tag, const char *text)
{
    fields_write(writer, tag, text, strlen(text));
}

void fields_write_number(struct wire_writer *writer, enum field_tag tag, uint64_t value,
                         size_t bytes)
{
    wire_write_number(writer, tag, 2);
    wire_write_number(writer, bytes, 2);
    wire_write_number(writer, value, bytes);
}
