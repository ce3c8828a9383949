#include "trail.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "cursor.h"
#include "durable.h"
#include "segment_file.h"
#include "signature.h"

#define BUFFER_BYTES ((size_t)192 * 1024) /* a keeper's or an import's longest batch is below */
#define WITHDRAWN_MOST 64                 /* by one record: the bits of range_mask */

/* Parts of an act that nothing but a checkpoint follows. */
struct tail {
    bool goes_on; /* the record before is one of them */
    uint64_t first;
    uint64_t count;
};

struct audit_trail {
    char folder[AUDIT_PATH_BYTES];
    char writer[AUDIT_WRITER_BYTES];
    struct segment_file file;
    bool is_overfull; /* something added did not fit the buffer */
    struct audit_chain chain;
    struct audit_head durable;
    uint64_t sequence; /* of what was added last */
    uint64_t segment_bytes;
    struct tail tail; /* of what was there when it was opened */
    char met[AUDIT_WHY_BYTES];
    char why[AUDIT_WHY_BYTES];
    size_t used;
    uint8_t buffer[BUFFER_BYTES];
};

static uint64_t now_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

static bool fail(struct audit_trail *trail, const char *what)
{
    char path[AUDIT_PATH_BYTES];
    audit_segment_path(trail->folder, trail->writer, trail->durable.segment, path);
    snprintf(trail->why, sizeof trail->why, "%s: %s: %s", path, what, strerror(errno));
    return false;
}

static void add_at(struct audit_trail *trail, const struct audit_record *record)
{
    uint8_t *start = trail->buffer + trail->used;
    struct wire_writer writer = wire_writer_of(start, BUFFER_BYTES - trail->used);
    wire_write_number(&writer, 0, AUDIT_LENGTH_BYTES);
    audit_body_write(&writer, record);
    size_t length = writer.used - AUDIT_LENGTH_BYTES;
    if (writer.failed || length > AUDIT_BODY_BYTES_MAX ||
        !audit_chain_step(&trail->chain, start + AUDIT_LENGTH_BYTES, length)) {
        trail->is_overfull = true;
        return;
    }
    wire_write_bytes(&writer, trail->chain.value, AUDIT_CHAIN_BYTES);
    trail->is_overfull = trail->is_overfull || writer.failed;
    start[0] = (uint8_t)(length >> 8);
    start[1] = (uint8_t)length;
    trail->used += writer.used;
    trail->sequence = record->sequence;
}

void audit_trail_add(struct audit_trail *trail, struct audit_record record)
{
    record.sequence = trail->sequence + 1;
    record.time_ms = now_ms();
    if (!trail->is_overfull)
        add_at(trail, &record);
}

void audit_trail_withdraw(struct audit_trail *trail, uint64_t first, uint64_t count)
{
    while (count > 0) {
        uint64_t mask = 0;
        uint64_t some = 0;
        for (; some < count && some < WITHDRAWN_MOST; some++)
            mask |= UINT64_C(1) << some;
        audit_trail_add(trail, (struct audit_record){.kind = AUDIT_WITHDRAWN,
                                                     .status = AUDIT_NO_STATUS,
                                                     .detail = "not committed",
                                                     .has_range = true,
                                                     .range_first = first,
                                                     .range_mask = mask});
        first += some;
        count -= some;
    }
}

enum hsm_result audit_trail_sign(struct audit_trail *trail, struct token *token,
                                 const struct token_signer *signer)
{
    char text[AUDIT_STATEMENT_BYTES];
    uint8_t digest[AUDIT_CHAIN_BYTES];
    uint8_t signature[AUDIT_SIGNATURE_BYTES];
    struct audit_record record = {.kind = AUDIT_CHECKPOINT,
                                  .sequence = trail->sequence + 1,
                                  .time_ms = now_ms(),
                                  .status = AUDIT_NO_STATUS,
                                  .signature = signature};
    audit_statement(trail->writer, record.sequence, record.time_ms, trail->chain.value, text);
    if (!audit_digest(text, digest))
        return HSM_NO_MEMORY;
    enum hsm_result rc = token_sign(token, signer, digest, signature);
    if (rc == HSM_OK && !trail->is_overfull)
        add_at(trail, &record);
    return rc;
}

static void forget(struct audit_trail *trail)
{
    memcpy(trail->chain.value, trail->durable.chain, AUDIT_CHAIN_BYTES);
    trail->sequence = trail->durable.sequence;
    trail->used = 0;
    trail->is_overfull = false;
}

static bool make_durable(struct audit_trail *trail)
{
    if (trail->is_overfull) {
        errno = ENOBUFS;
        return fail(trail, "more than can be written at once");
    }
    return segment_file_write(&trail->file, trail->durable.offset, trail->buffer, trail->used) ||
           fail(trail, "can't be written");
}

bool audit_trail_flush(struct audit_trail *trail)
{
    if (trail->used == 0 && !trail->is_overfull)
        return true;
    if (!make_durable(trail)) {
        forget(trail);
        return false;
    }
    trail->durable.offset += trail->used;
    trail->durable.sequence = trail->sequence;
    memcpy(trail->durable.chain, trail->chain.value, AUDIT_CHAIN_BYTES);
    trail->used = 0;
    return true;
}

bool audit_trail_is_full(const struct audit_trail *trail)
{
    return trail->durable.offset >= trail->segment_bytes;
}

void audit_trail_make_room(struct audit_trail *trail)
{
    trail->file.makes_room = true;
}

void audit_trail_limit(struct audit_trail *trail, uint64_t segment_bytes)
{
    trail->segment_bytes = segment_bytes;
}

static bool make_segment(const struct audit_trail *trail, uint32_t segment,
                         struct segment_file *out_file)
{
    char path[AUDIT_PATH_BYTES];
    audit_segment_path(trail->folder, trail->writer, segment, path);
    *out_file = (struct segment_file){.makes_room = trail->file.makes_room};
    if (segment_file_make(out_file, path) && durable_folder(trail->folder))
        return true;
    segment_file_close(out_file, 0);
    return false;
}

static void add_segment_head(struct audit_trail *trail)
{
    audit_trail_add(trail, (struct audit_record){.kind = AUDIT_SEGMENT,
                                                 .status = AUDIT_NO_STATUS,
                                                 .detail = trail->writer,
                                                 .has_range = true,
                                                 .range_first = trail->durable.segment});
}

/* Only a segment whose head is durable is one: until then the trail stays in the one before. */
bool audit_trail_turn(struct audit_trail *trail)
{
    struct audit_head before = trail->durable;
    struct segment_file file_before = trail->file;
    struct segment_file file;
    if (!make_segment(trail, before.segment + 1, &file))
        return fail(trail, "the segment after it can't be made");
    trail->file = file;
    trail->durable.segment++;
    trail->durable.offset = 0;
    add_segment_head(trail);
    if (audit_trail_flush(trail)) {
        segment_file_close(&file_before, before.offset);
        return true;
    }
    segment_file_close(&trail->file, 0);
    trail->durable = before;
    trail->file = file_before;
    return false;
}

/* What follows a batch of parts was written when its transaction was over. */
static void note_tail(struct tail *tail, const struct audit_record *record)
{
    bool is_part = record->kind == AUDIT_PART;
    if (is_part && !tail->goes_on)
        *tail = (struct tail){.first = record->sequence};
    if (is_part)
        tail->count++;
    else if (record->kind != AUDIT_CHECKPOINT)
        tail->count = 0;
    tail->goes_on = is_part;
}

/* What stands behind the head that the store confirmed: read, counted, its end found. */
static enum audit_step read_on(struct audit_trail *trail, struct audit_cursor *cursor,
                               const struct audit_head *from, uint64_t *out_count)
{
    enum audit_step step = AUDIT_READ;
    *out_count = 0;
    if (!audit_cursor_open(cursor, trail->folder, trail->writer, from))
        return AUDIT_UNREADABLE;
    while ((step = audit_cursor_next(cursor)) == AUDIT_READ) {
        note_tail(&trail->tail, &cursor->read.record);
        ++*out_count;
    }
    return step;
}

static bool open_file(struct audit_trail *trail)
{
    char path[AUDIT_PATH_BYTES];
    audit_segment_path(trail->folder, trail->writer, trail->durable.segment, path);
    return segment_file_open(&trail->file, path, trail->durable.offset) ||
           fail(trail, "can't be opened");
}

static void say_resumed(struct audit_trail *trail, uint64_t count, const char *detail)
{
    snprintf(trail->met, sizeof trail->met, "%s", detail);
    audit_trail_add(trail, (struct audit_record){.kind = AUDIT_RESUMED,
                                                 .status = AUDIT_NO_STATUS,
                                                 .detail = detail,
                                                 .has_range = true,
                                                 .range_first = trail->sequence + 1 - count,
                                                 .range_mask = count});
}

static bool go_on(struct audit_trail *trail, const struct audit_cursor *cursor,
                  enum audit_step step, uint64_t count)
{
    char detail[AUDIT_TEXT_BYTES_MAX];
    trail->durable = cursor->at;
    forget(trail);
    if (!open_file(trail))
        return false;
    if (trail->durable.offset == 0)
        add_segment_head(trail);
    snprintf(detail, sizeof detail,
             "after %llu records that the store did not confirm; %llu bytes of a torn one cut off",
             (unsigned long long)count,
             (unsigned long long)(step == AUDIT_TORN ? cursor->left : 0));
    if (count > 0 || (step == AUDIT_TORN && cursor->left > 0))
        say_resumed(trail, count, detail);
    audit_trail_withdraw(trail, trail->tail.first, trail->tail.count);
    return true;
}

/* The chain goes on from what the store knows; the damage stays for audit verify to see. */
static bool begin_after(struct audit_trail *trail, const struct audit_head *confirmed,
                        uint32_t last, const char *damage)
{
    char detail[AUDIT_WHY_BYTES + 64];
    trail->durable = (struct audit_head){0};
    if (confirmed != NULL)
        trail->durable = *confirmed;
    if (last > trail->durable.segment)
        trail->durable.segment = last;
    forget(trail);
    if (!audit_trail_turn(trail))
        return false;
    snprintf(detail, sizeof detail, "a new segment, for the trail is damaged: %s", damage);
    if (damage[0] != '\0')
        say_resumed(trail, 0, detail);
    return true;
}

static bool find_end(struct audit_trail *trail, struct audit_cursor *cursor,
                     const struct audit_head *confirmed)
{
    uint32_t last = 0;
    uint64_t count = 0;
    if (!audit_last_segment(trail->folder, trail->writer, &last)) {
        snprintf(trail->why, sizeof trail->why, "%s: %s; nisim-token init makes it", trail->folder,
                 strerror(errno));
        return false;
    }
    if (last == 0 && confirmed == NULL)
        return begin_after(trail, NULL, 0, "");
    const struct audit_head start = {.segment = last};
    const struct audit_head *from = confirmed == NULL ? &start : confirmed;
    enum audit_step step = read_on(trail, cursor, from, &count);
    if (confirmed == NULL) /* a store that knows nothing of the trail does not deny its parts */
        trail->tail.count = 0;
    if (step == AUDIT_END || step == AUDIT_TORN)
        return go_on(trail, cursor, step, count);
    return begin_after(trail, confirmed, last, cursor->why);
}

struct audit_trail *audit_trail_open(const char *folder, const char *writer,
                                     const struct audit_head *confirmed,
                                     char out_why[AUDIT_WHY_BYTES])
{
    struct audit_trail *trail = calloc(1, sizeof *trail);
    struct audit_cursor *cursor = calloc(1, sizeof *cursor);
    bool done = false;
    snprintf(out_why, AUDIT_WHY_BYTES, "memory is short");
    if (trail != NULL && cursor != NULL && audit_chain_open(&trail->chain)) {
        trail->file.descriptor = -1;
        trail->segment_bytes = AUDIT_SEGMENT_BYTES;
        snprintf(trail->folder, sizeof trail->folder, "%s", folder);
        snprintf(trail->writer, sizeof trail->writer, "%s", writer);
        done = find_end(trail, cursor, confirmed);
        snprintf(out_why, AUDIT_WHY_BYTES, "%s", trail->why);
    }
    if (cursor != NULL)
        audit_cursor_close(cursor);
    free(cursor);
    if (!done)
        audit_trail_close(&trail);
    return trail;
}

void audit_trail_close(struct audit_trail **trail)
{
    if (*trail == NULL)
        return;
    segment_file_close(&(*trail)->file, (*trail)->durable.offset);
    audit_chain_close(&(*trail)->chain);
    free(*trail);
    *trail = NULL;
}

const char *audit_trail_met(const struct audit_trail *trail)
{
    return trail->met[0] == '\0' ? NULL : trail->met;
}

const struct audit_head *audit_trail_head(const struct audit_trail *trail)
{
    return &trail->durable;
}

uint64_t audit_trail_next(const struct audit_trail *trail)
{
    return trail->sequence + 1;
}

const char *audit_trail_why(const struct audit_trail *trail)
{
    return trail->why;
}
