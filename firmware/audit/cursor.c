#include "cursor.h"

#include <errno.h>
#include <stdarg.h>
#include <string.h>
#include <unistd.h>

#define SECTOR_BYTES 512 /* what a drive writes whole; a larger sector is several of these */

static enum audit_step say(struct audit_cursor *cursor, enum audit_step step, const char *format,
                           ...) PRINTF_LIKE(3, 4);
static enum audit_step say(struct audit_cursor *cursor, enum audit_step step, const char *format,
                           ...)
{
    char path[AUDIT_PATH_BYTES];
    char what[256];
    va_list values;
    va_start(values, format);
    vsnprintf(what, sizeof what, format, values);
    va_end(values);
    audit_segment_path(cursor->folder, cursor->writer, cursor->at.segment, path);
    snprintf(cursor->why, sizeof cursor->why, "%s: offset %llu, record %llu: %s", path,
             (unsigned long long)cursor->record_offset, (unsigned long long)cursor->at.sequence + 1,
             what);
    return step;
}

static bool open_segment(struct audit_cursor *cursor)
{
    char path[AUDIT_PATH_BYTES];
    audit_segment_path(cursor->folder, cursor->writer, cursor->at.segment, path);
    cursor->file = fopen(path, "re");
    return cursor->file != NULL;
}

bool audit_cursor_open(struct audit_cursor *cursor, const char *folder, const char *writer,
                       const struct audit_head *from)
{
    memset(cursor, 0, sizeof *cursor);
    cursor->folder = folder;
    cursor->writer = writer;
    cursor->at.segment = 1;
    if (from != NULL)
        cursor->at = *from;
    cursor->is_lost = cursor->at.segment > 1 && cursor->at.offset == 0 && cursor->at.sequence == 0;
    cursor->record_offset = cursor->at.offset;
    if (!audit_chain_open(&cursor->chain)) {
        (void)say(cursor, AUDIT_UNREADABLE, "memory is short");
        return false;
    }
    memcpy(cursor->chain.value, cursor->at.chain, AUDIT_CHAIN_BYTES);
    if (open_segment(cursor) && fseeko(cursor->file, 0, SEEK_END) == 0 &&
        (uint64_t)ftello(cursor->file) >= cursor->at.offset &&
        fseeko(cursor->file, (off_t)cursor->at.offset, SEEK_SET) == 0)
        return true;
    (void)say(cursor, AUDIT_UNREADABLE, "%s",
              cursor->file == NULL ? strerror(errno) : "the file is shorter than the store says");
    return false;
}

void audit_cursor_close(struct audit_cursor *cursor)
{
    if (cursor->file != NULL)
        fclose(cursor->file);
    cursor->file = NULL;
    audit_chain_close(&cursor->chain);
}

static bool is_segment_there(const struct audit_cursor *cursor, uint32_t segment)
{
    char path[AUDIT_PATH_BYTES];
    audit_segment_path(cursor->folder, cursor->writer, segment, path);
    return access(path, F_OK) == 0;
}

/* The file has no whole record more. */
static enum audit_step end_segment(struct audit_cursor *cursor, size_t left)
{
    uint32_t next = cursor->at.segment + 1;
    bool has_next = is_segment_there(cursor, next);
    cursor->left = left;
    if (!has_next && (left > 0 || cursor->at.offset == 0))
        return say(cursor, AUDIT_TORN, "%zu bytes that are no whole record", left);
    if (!has_next)
        return AUDIT_END;
    enum audit_step step = AUDIT_READ;
    if (left > 0 || cursor->at.offset == 0) {
        cursor->is_lost = true;
        step = say(cursor, AUDIT_WRONG, "the segment is cut short, %zu bytes are left over", left);
    }
    fclose(cursor->file);
    cursor->at.segment = next;
    cursor->at.offset = 0;
    cursor->record_offset = 0;
    if (!open_segment(cursor))
        return say(cursor, AUDIT_UNREADABLE, "%s", strerror(errno));
    return step;
}

static bool is_zero(const uint8_t *bytes, size_t count)
{
    return count == 0 || (bytes[0] == 0 && memcmp(bytes, bytes + 1, count - 1) == 0);
}

/* How many bytes stand from the record in hand to the last that is not zero; leaves the file at its
 * end. */
static uint64_t count_left(struct audit_cursor *cursor)
{
    uint64_t left = 0;
    uint64_t at = 0;
    size_t got = 0;
    if (fseeko(cursor->file, (off_t)cursor->record_offset, SEEK_SET) != 0)
        return 0;
    while ((got = fread(cursor->bytes, 1, sizeof cursor->bytes, cursor->file)) > 0) {
        for (size_t i = got; i > 0; i--) {
            if (cursor->bytes[i - 1] != 0) {
                left = at + i;
                break;
            }
        }
        at += got;
    }
    return left;
}

/* What no writer's length is: nothing after it can be told from rubbish. */
static enum audit_step lose(struct audit_cursor *cursor, size_t length)
{
    cursor->is_lost = true;
    cursor->left = count_left(cursor);
    return say(cursor, is_segment_there(cursor, cursor->at.segment + 1) ? AUDIT_WRONG : AUDIT_TORN,
               "%zu is no record's length", length);
}

/*
 * A power cut leaves of a write into room some sectors and not others; who reads while it is
 * written may see its first part alone.
 */
static bool is_half_written(const struct audit_cursor *cursor, size_t length)
{
    size_t bytes = AUDIT_LENGTH_BYTES + length + AUDIT_CHAIN_BYTES;
    size_t from = SECTOR_BYTES - cursor->record_offset % SECTOR_BYTES;
    for (; from < bytes; from += SECTOR_BYTES) {
        size_t piece = bytes - from < SECTOR_BYTES ? bytes - from : SECTOR_BYTES;
        if (is_zero(cursor->bytes + from, piece))
            return true;
    }
    return is_zero(cursor->bytes + bytes - AUDIT_CHAIN_BYTES / 2, AUDIT_CHAIN_BYTES / 2);
}

static bool is_first_in_order(const struct audit_cursor *cursor)
{
    const struct audit_record *record = &cursor->read.record;
    bool begins = record->kind == AUDIT_SEGMENT;
    if (begins != (cursor->record_offset == 0))
        return false;
    return !begins || (record->detail != NULL && strcmp(record->detail, cursor->writer) == 0 &&
                       record->range_first == cursor->at.segment);
}

/* The record stands in cursor->bytes, `length` is of its body. */
static enum audit_step check(struct audit_cursor *cursor, size_t length)
{
    const uint8_t *body = cursor->bytes + AUDIT_LENGTH_BYTES;
    const uint8_t *stored = body + length;
    uint64_t expected = cursor->at.sequence + 1;
    bool was_lost = cursor->is_lost;
    if (!audit_chain_step(&cursor->chain, body, length))
        return say(cursor, AUDIT_UNREADABLE, "memory is short");
    bool fits = was_lost || memcmp(cursor->chain.value, stored, AUDIT_CHAIN_BYTES) == 0;
    if (!fits && is_half_written(cursor, length) &&
        !is_segment_there(cursor, cursor->at.segment + 1)) {
        cursor->left = count_left(cursor);
        return say(cursor, AUDIT_TORN, "the record was written in part");
    }
    memcpy(cursor->chain.value, stored, AUDIT_CHAIN_BYTES);
    memcpy(cursor->at.chain, stored, AUDIT_CHAIN_BYTES);
    cursor->is_lost = false;
    cursor->at.offset += AUDIT_LENGTH_BYTES + length + AUDIT_CHAIN_BYTES;
    if (!audit_body_read(body, length, &cursor->read))
        return say(cursor, AUDIT_WRONG, "is no record");
    uint64_t sequence = cursor->read.record.sequence;
    enum audit_step step = AUDIT_READ;
    if (!was_lost && sequence != expected)
        step = say(cursor, AUDIT_WRONG, "record %llu stands here", (unsigned long long)sequence);
    else if (!fits)
        step = say(cursor, AUDIT_WRONG, "was changed, or one before it was removed");
    else if (!is_first_in_order(cursor))
        step = say(cursor, AUDIT_WRONG, "is not of this segment");
    cursor->at.sequence = sequence;
    return step;
}

/* The length of the next record; AUDIT_READ: it is there. */
static enum audit_step read_length(struct audit_cursor *cursor, size_t *out_length)
{
    enum audit_step step = AUDIT_READ;
    while (step == AUDIT_READ) {
        cursor->record_offset = cursor->at.offset;
        size_t got = fread(cursor->bytes, 1, AUDIT_LENGTH_BYTES, cursor->file);
        if (ferror(cursor->file))
            return say(cursor, AUDIT_UNREADABLE, "%s", strerror(errno));
        *out_length = (size_t)cursor->bytes[0] << 8 | cursor->bytes[1];
        bool is_room = is_zero(cursor->bytes, got) && count_left(cursor) == 0;
        if (got == AUDIT_LENGTH_BYTES && !is_room)
            break;
        step = end_segment(cursor, is_room ? 0 : got);
    }
    return step;
}

enum audit_step audit_cursor_next(struct audit_cursor *cursor)
{
    size_t length = 0;
    enum audit_step step = read_length(cursor, &length);
    if (step != AUDIT_READ)
        return step;
    if (length == 0 || length > AUDIT_BODY_BYTES_MAX)
        return lose(cursor, length);
    size_t rest = length + AUDIT_CHAIN_BYTES;
    size_t got = fread(cursor->bytes + AUDIT_LENGTH_BYTES, 1, rest, cursor->file);
    if (ferror(cursor->file))
        return say(cursor, AUDIT_UNREADABLE, "%s", strerror(errno));
    return got < rest ? end_segment(cursor, AUDIT_LENGTH_BYTES + got) : check(cursor, length);
}
