#include "record.h"

#include <string.h>

enum tag {
    TAG_PERSON = 1,
    TAG_OPERATION = 2,
    TAG_SUBSCRIBER = 3,
    TAG_DETAIL = 4,
    TAG_OFFICER = 5, /* up to AUDIT_OFFICERS_MAX of them */
    TAG_STATUS = 8,
    TAG_RANGE = 9,
    TAG_SIGNATURE = 10,
};

#define STATUS_BYTES 2
#define RANGE_BYTES 16

static void write_field(struct wire_writer *writer, enum tag tag, const void *bytes, size_t length)
{
    wire_write_number(writer, tag, 1);
    wire_write_number(writer, length, 2);
    wire_write_bytes(writer, bytes, length);
}

static void write_text(struct wire_writer *writer, enum tag tag, const char *text)
{
    if (text != NULL)
        write_field(writer, tag, text, strnlen(text, AUDIT_TEXT_BYTES_MAX));
}

void audit_body_write(struct wire_writer *writer, const struct audit_record *record)
{
    wire_write_number(writer, record->kind, 1);
    wire_write_number(writer, record->sequence, 8);
    wire_write_number(writer, record->time_ms, 8);
    write_text(writer, TAG_PERSON, record->person);
    write_text(writer, TAG_OPERATION, record->operation);
    write_text(writer, TAG_SUBSCRIBER, record->subscriber);
    write_text(writer, TAG_DETAIL, record->detail);
    for (size_t i = 0; i < AUDIT_OFFICERS_MAX; i++)
        write_text(writer, TAG_OFFICER, record->officers[i]);
    if (record->status != AUDIT_NO_STATUS) {
        wire_write_number(writer, TAG_STATUS, 1);
        wire_write_number(writer, STATUS_BYTES, 2);
        wire_write_number(writer, record->status, STATUS_BYTES);
    }
    if (record->has_range) {
        wire_write_number(writer, TAG_RANGE, 1);
        wire_write_number(writer, RANGE_BYTES, 2);
        wire_write_number(writer, record->range_first, 8);
        wire_write_number(writer, record->range_mask, 8);
    }
    if (record->signature != NULL)
        write_field(writer, TAG_SIGNATURE, record->signature, AUDIT_SIGNATURE_BYTES);
}

static bool read_text(const uint8_t *bytes, size_t length, char *room, const char **out_text)
{
    if (*out_text != NULL || length > AUDIT_TEXT_BYTES_MAX || memchr(bytes, '\0', length) != NULL)
        return false;
    memcpy(room, bytes, length);
    room[length] = '\0';
    *out_text = room;
    return true;
}

static bool read_officer(const uint8_t *bytes, size_t length, struct audit_read_record *out)
{
    for (size_t i = 0; i < AUDIT_OFFICERS_MAX; i++) {
        if (out->record.officers[i] == NULL)
            return read_text(bytes, length, out->texts[4 + i], &out->record.officers[i]);
    }
    return false;
}

static bool read_range(struct wire_reader *value, struct audit_record *record)
{
    record->has_range = true;
    record->range_first = wire_read_number(value, 8);
    record->range_mask = wire_read_number(value, 8);
    return wire_reader_done(value);
}

static bool read_field(uint64_t tag, const uint8_t *bytes, size_t length,
                       struct audit_read_record *out)
{
    struct audit_record *record = &out->record;
    struct wire_reader value = wire_reader_of(bytes, length);
    switch (tag) {
    case TAG_PERSON:
        return read_text(bytes, length, out->texts[0], &record->person);
    case TAG_OPERATION:
        return read_text(bytes, length, out->texts[1], &record->operation);
    case TAG_SUBSCRIBER:
        return read_text(bytes, length, out->texts[2], &record->subscriber);
    case TAG_DETAIL:
        return read_text(bytes, length, out->texts[3], &record->detail);
    case TAG_OFFICER:
        return read_officer(bytes, length, out);
    case TAG_STATUS:
        record->status = (uint16_t)wire_read_number(&value, STATUS_BYTES);
        return wire_reader_done(&value);
    case TAG_RANGE:
        return read_range(&value, record);
    case TAG_SIGNATURE:
        if (length != sizeof out->signature)
            return false;
        memcpy(out->signature, bytes, length);
        record->signature = out->signature;
        return true;
    default:
        return false;
    }
}

bool audit_body_read(const uint8_t *body, size_t bytes, struct audit_read_record *out)
{
    struct wire_reader reader = wire_reader_of(body, bytes);
    memset(&out->record, 0, sizeof out->record);
    out->record.status = AUDIT_NO_STATUS;
    out->record.kind = (enum audit_kind)wire_read_number(&reader, 1);
    out->record.sequence = wire_read_number(&reader, 8);
    out->record.time_ms = wire_read_number(&reader, 8);
    while (!reader.failed && reader.left > 0) {
        uint64_t tag = wire_read_number(&reader, 1);
        size_t length = (size_t)wire_read_number(&reader, 2);
        const uint8_t *value = wire_read_bytes(&reader, length);
        if (value == NULL || !read_field(tag, value, length, out))
            return false;
    }
    return wire_reader_done(&reader) && audit_kind_name(out->record.kind) != NULL;
}

const char *audit_kind_name(enum audit_kind kind)
{
    static const char *const names[] = {[AUDIT_SEGMENT] = "segment",
                                        [AUDIT_START] = "start",
                                        [AUDIT_STOP] = "stop",
                                        [AUDIT_REQUEST] = "request",
                                        [AUDIT_WITHDRAWN] = "withdrawn",
                                        [AUDIT_RESUMED] = "resumed",
                                        [AUDIT_CHECKPOINT] = "checkpoint",
                                        [AUDIT_INTENT] = "intent",
                                        [AUDIT_OUTCOME] = "outcome",
                                        [AUDIT_PART] = "part"};
    return (size_t)kind < sizeof names / sizeof names[0] ? names[kind] : NULL;
}
