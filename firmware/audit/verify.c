#include "verify.h"

#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "cursor.h"

struct verification {
    const struct audit_head *confirmed;
    const struct audit_public_key *key;
    struct audit_report *report;
    uint32_t first_segment;
    uint32_t last_segment;
    bool ends_signed; /* the last record is a checkpoint */
    bool has_met_head;
    struct audit_cursor cursor;
};

static void say(struct audit_report *report, bool is_fault, const char *format, ...)
    PRINTF_LIKE(3, 4);
static void say(struct audit_report *report, bool is_fault, const char *format, ...)
{
    char text[AUDIT_WHY_BYTES + 256];
    va_list values;
    va_start(values, format);
    vsnprintf(text, sizeof text, format, values);
    va_end(values);
    report->faults += is_fault ? 1 : 0;
    report->say(report->user, is_fault, text);
}

static void fault_here(struct verification *work, const char *what)
{
    const struct audit_cursor *cursor = &work->cursor;
    char path[AUDIT_PATH_BYTES];
    audit_segment_path(cursor->folder, cursor->writer, cursor->at.segment, path);
    say(work->report, true, "%s: offset %llu, record %llu: %s", path,
        (unsigned long long)cursor->record_offset, (unsigned long long)cursor->at.sequence, what);
}

static void check_signature(struct verification *work, const uint8_t chain[AUDIT_CHAIN_BYTES])
{
    char text[AUDIT_STATEMENT_BYTES];
    const struct audit_record *record = &work->cursor.read.record;
    work->report->checkpoints++;
    audit_statement(work->cursor.writer, record->sequence, record->time_ms, chain, text);
    if (record->signature == NULL || !audit_public_key_fits(work->key, text, record->signature))
        fault_here(work, "the checkpoint's signature is not of this token's key");
}

static void check_head(struct verification *work)
{
    const struct audit_head *at = &work->cursor.at;
    const struct audit_head *confirmed = work->confirmed;
    if (confirmed == NULL)
        return;
    if (at->sequence > confirmed->sequence)
        work->report->unconfirmed++;
    if (at->sequence != confirmed->sequence)
        return;
    work->has_met_head = true;
    if (at->segment != confirmed->segment || at->offset != confirmed->offset ||
        memcmp(at->chain, confirmed->chain, sizeof at->chain) != 0)
        fault_here(work, "is not the record that the store confirmed");
}

/* All whole records from where the cursor is; gives why there are no more. */
static enum audit_step walk(struct verification *work)
{
    struct audit_cursor *cursor = &work->cursor;
    uint8_t chain[AUDIT_CHAIN_BYTES];
    for (;;) {
        memcpy(chain, cursor->chain.value, sizeof chain);
        enum audit_step step = audit_cursor_next(cursor);
        if (step == AUDIT_WRONG)
            say(work->report, true, "%s", cursor->why);
        else if (step != AUDIT_READ)
            return step;
        else if (cursor->read.record.kind == AUDIT_CHECKPOINT)
            check_signature(work, chain);
        if (step == AUDIT_READ) {
            work->ends_signed = cursor->read.record.kind == AUDIT_CHECKPOINT;
            work->report->records++;
            check_head(work);
        }
    }
}

/* A cursor on the first segment from `segment` on that can be opened; the others are missing. */
static bool open_from(struct verification *work, const char *folder, const char *writer,
                      uint32_t segment)
{
    const struct audit_head *archived = work->report->archived;
    for (; segment <= work->last_segment; segment++) {
        struct audit_head from = {.segment = segment};
        if (archived != NULL && segment == archived->segment + 1) {
            from.sequence = archived->sequence;
            memcpy(from.chain, archived->chain, sizeof from.chain);
        }
        if (audit_cursor_open(&work->cursor, folder, writer, &from))
            return true;
        say(work->report, true, "%s", work->cursor.why);
        audit_cursor_close(&work->cursor);
    }
    return false;
}

static void check_end(struct verification *work, enum audit_step step)
{
    const struct audit_cursor *cursor = &work->cursor;
    bool is_behind = work->confirmed != NULL && work->has_met_head;
    if (step == AUDIT_UNREADABLE)
        say(work->report, true, "%s", cursor->why);
    if (step == AUDIT_TORN)
        say(work->report, !is_behind, "%s%s", cursor->why,
            is_behind ? "; a crash leaves such, its keeper cuts it off" : "");
}

static void verify_segments(struct verification *work, const char *folder, const char *writer)
{
    uint32_t segment = work->first_segment;
    while (segment <= work->last_segment && open_from(work, folder, writer, segment)) {
        check_end(work, walk(work));
        segment = work->cursor.at.segment + 1;
        audit_cursor_close(&work->cursor);
    }
}

static void check_confirmed(struct verification *work, const char *folder, const char *writer)
{
    const struct audit_head *confirmed = work->confirmed;
    if (work->report->is_archive && !work->ends_signed)
        say(work->report, true, "%s/%s: does not end with a checkpoint, as an archive does", folder,
            writer);
    if (confirmed == NULL && work->report->is_archive)
        return;
    if (confirmed == NULL)
        say(work->report, true, "%s/%s: the store knows nothing of this trail", folder, writer);
    else if (!work->has_met_head)
        say(work->report, true, "%s/%s: has no record %llu, which the store confirmed", folder,
            writer, (unsigned long long)confirmed->sequence);
    else if (work->report->unconfirmed > 0)
        say(work->report, false, "%s/%s: records after %llu are not confirmed by the store", folder,
            writer, (unsigned long long)confirmed->sequence);
}

/* Where it begins, by the store or, in an archive, by what is there. */
static bool find_segments(struct verification *work, const char *folder, const char *writer)
{
    uint32_t there = 0;
    const struct audit_head *archived = work->report->archived;
    work->first_segment = archived == NULL ? 1 : archived->segment + 1;
    if (!audit_first_segment(folder, writer, &there) ||
        !audit_last_segment(folder, writer, &work->last_segment))
        return false;
    if (work->report->is_archive && there > 0)
        work->first_segment = there;
    else if (there > 0 && there < work->first_segment)
        say(work->report, false, "%s/%s: segments up to %u are archived and still here", folder,
            writer, work->first_segment - 1);
    return true;
}

void audit_verify(const char *folder, const char *writer, const struct audit_head *confirmed,
                  const struct audit_public_key *key, struct audit_report *report)
{
    struct verification *work = calloc(1, sizeof *work);
    if (work == NULL) {
        say(report, true, "%s/%s: memory is short", folder, writer);
        return;
    }
    *work = (struct verification){.confirmed = confirmed, .key = key, .report = report};
    uint64_t unconfirmed_before = report->unconfirmed;
    report->unconfirmed = 0;
    if (find_segments(work, folder, writer)) {
        verify_segments(work, folder, writer);
        check_confirmed(work, folder, writer);
    } else {
        say(report, true, "%s: %s", folder, strerror(errno));
    }
    report->unconfirmed += unconfirmed_before;
    free(work);
}
