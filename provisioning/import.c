/* nisim-token import FILE */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "admission.h"
#include "import_batch.h"
#include "import_makers.h"
#include "import_source.h"
#include "name_log.h"
#include "orphan.h"
#include "store_names.h"
#include "verbs.h"

typedef bool (*open_source)(int descriptor, struct import_source *out_source,
                            char out_why[IMPORT_WHY_BYTES]);

/* The secrets of the row at hand. */
struct at_hand {
    struct import_row row;
    struct import_terms terms;
};

struct import {
    struct office *office;
    const struct arguments *arguments;
    const char *path;
    int descriptor;
    struct stat file;
    open_source open;
    struct import_source source;
    struct import_keys *keys;
    struct import_mark mark;
    struct import_report report;
    struct name_log *names;
    struct at_hand *at_hand; /* in locked pages */
    struct import_batch batch;
    struct import_makers *makers; /* NULL: rows are made here */
    bool has_given;               /* some slots of the batch may be GIVEN */
    size_t made_here;             /* rows, since the token was opened */
    bool dry_run;
    bool viewing;     /* reads see the store as it was when the batch began, which is cheaper */
    uint64_t records; /* of the file that were read */
    char why[IMPORT_WHY_BYTES];
};

static enum outcome open_file(struct import *import)
{
    import->descriptor = open(import->path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
    if (import->descriptor < 0 || fstat(import->descriptor, &import->file) != 0)
        return outcome_fail(OUTCOME_USAGE, "%s: %s", import->path, strerror(errno));
    if (!S_ISREG(import->file.st_mode))
        return outcome_fail(
            OUTCOME_USAGE, "%s is no regular file: an import is read more than once", import->path);
    return OUTCOME_DONE;
}

/* Of no name: what begins with < is XML. */
static enum outcome choose_format(struct import *import)
{
    char start[64] = "";
    const char *format = import->arguments->format;
    if (format != NULL && strcmp(format, "csv") != 0 && strcmp(format, "pskc") != 0)
        return outcome_fail(OUTCOME_USAGE, "--format \"%s\": an import is csv or pskc", format);
    ssize_t got = pread(import->descriptor, start, sizeof start - 1, 0);
    if (got < 0)
        return outcome_fail(OUTCOME_USAGE, "%s can't be read: %s", import->path, strerror(errno));
    const char *text = strncmp(start, "\xef\xbb\xbf", 3) == 0 ? start + 3 : start;
    bool xml = format == NULL ? text[strspn(text, " \t\r\n")] == '<' : strcmp(format, "pskc") == 0;
    import->open = xml ? import_pskc_open : import_csv_open;
    return OUTCOME_DONE;
}

/* Before the token is open. */
static enum outcome prepare(struct import *import)
{
    import->at_hand = secret_pages_new(sizeof *import->at_hand);
    import->batch.slots = import_slots_new();
    if (import->at_hand == NULL || import->batch.slots == NULL)
        return outcome_fail(OUTCOME_FAILED, "no memory, or none that can be locked: %s",
                            strerror(errno));
    import->batch.office = import->office;
    import->batch.report = &import->report;
    import->batch.mark = &import->mark;
    size_t makers = 0;
    enum outcome outcome = import_makers_count(import->office, import->arguments,
                                               (uint64_t)import->file.st_size, &makers);
    return outcome != OUTCOME_DONE || makers == 0
               ? outcome
               : import_makers_new(import->office, import->arguments, import->batch.slots, makers,
                                   &import->makers);
}

static enum outcome fail_names(void)
{
    return outcome_fail(OUTCOME_FAILED, "the names read so far can't be kept: is there room where "
                                        "temporary files go (TMPDIR)?");
}

/* A line whose secrets were refused has brought no names. */
static enum outcome forget_names(struct import *import, struct import_slot *slot)
{
    const struct subscription *row = &slot->subscription;
    enum store_result result = name_log_forget(import->names, row->identity.impi, slot->line);
    for (size_t i = 0; result == STORE_OK && i < row->user_id_count; i++)
        result = name_log_forget(import->names, row->user_ids[i], slot->line);
    slot->is_named = false;
    return result == STORE_OK ? OUTCOME_DONE : fail_names();
}

/* What makers have is made when this is done. */
static enum outcome settle(struct import *import)
{
    enum outcome outcome = OUTCOME_DONE;
    struct import_batch *batch = &import->batch;
    if (import->has_given)
        outcome = import_makers_wait(import->makers, batch->count, import->dry_run);
    for (size_t i = 0; import->has_given && outcome == OUTCOME_DONE && i < batch->count; i++) {
        if (batch->slots[i].state == IMPORT_SLOT_REFUSED && batch->slots[i].is_named)
            outcome = forget_names(import, &batch->slots[i]);
    }
    import->has_given = false;
    return outcome;
}

/* STORE_NOT_FOUND, also when the line that had brought the name was refused. */
static enum store_result find_name(struct import *import, const char *name, size_t *out_line,
                                   enum outcome *out_outcome)
{
    enum store_result result = name_log_find(import->names, name, out_line);
    if (result != STORE_OK || !import->has_given || *out_line < import->batch.slots[0].line)
        return result;
    *out_outcome = settle(import);
    return *out_outcome == OUTCOME_DONE ? name_log_find(import->names, name, out_line) : result;
}

/* False: slot->why, or *out_outcome for what is not the row's fault. */
static bool check_name(struct import *import, const char *name, struct import_slot *slot,
                       enum outcome *out_outcome)
{
    size_t line = 0;
    enum store_result result = find_name(import, name, &line, out_outcome);
    if (result == STORE_OK)
        snprintf(slot->why, sizeof slot->why, "\"%s\" is in line %zu of this file already", name,
                 line);
    if (result == STORE_NOT_FOUND) {
        result = store_name_is_taken(import->office->store, name);
        if (result == STORE_OK)
            snprintf(slot->why, sizeof slot->why,
                     "\"%s\" is a user id or the IMPI of a subscriber already", name);
        else if (result != STORE_NOT_FOUND)
            *out_outcome = office_fail_store(import->office, result);
    } else if (result != STORE_OK) {
        *out_outcome = fail_names();
    }
    return result == STORE_NOT_FOUND;
}

static bool check_names(struct import *import, struct import_slot *slot, enum outcome *out_outcome)
{
    const struct arguments *wanted = &import->at_hand->terms.arguments;
    bool good = check_name(import, wanted->impi, slot, out_outcome);
    for (size_t i = 0; good && i < wanted->user_ids_count; i++)
        good = check_name(import, wanted->user_ids[i], slot, out_outcome);
    return good;
}

static enum outcome log_names(struct import *import)
{
    const struct arguments *wanted = &import->at_hand->terms.arguments;
    size_t line = import->at_hand->row.line;
    enum store_result result = name_log_add(import->names, wanted->impi, line);
    for (size_t i = 0; result == STORE_OK && i < wanted->user_ids_count; i++)
        result = name_log_add(import->names, wanted->user_ids[i], line);
    return result == STORE_OK ? OUTCOME_DONE : fail_names();
}

static void view_end(struct import *import)
{
    if (import->viewing)
        store_view_end(import->office->store);
    import->viewing = false;
}

/* Before objects of the token are made for the row. */
static enum outcome note_row(struct import *import)
{
    const struct import_terms *terms = &import->at_hand->terms;
    if (import->dry_run || !import_keys_make_objects(import->keys, terms->has_digest))
        return OUTCOME_DONE;
    view_end(import);
    return orphan_note(import->office, terms->arguments.impi);
}

static enum outcome make_here(struct import *import, struct import_slot *slot)
{
    module_hold(import->office->module);
    import->made_here++;
    enum outcome outcome = note_row(import);
    if (outcome == OUTCOME_DONE)
        outcome = import_slot_make(slot, import->keys, import->office, &import->at_hand->terms,
                                   import->dry_run);
    module_release(import->office->module);
    return outcome;
}

/* The slot is refused until it is not. */
static enum outcome take_row(struct import *import, struct import_slot *slot)
{
    static const struct key_ref no_ref;
    static const struct digest_credential no_digest;
    struct import_row *row = &import->at_hand->row;
    struct import_terms *terms = &import->at_hand->terms;
    enum outcome outcome = OUTCOME_DONE;
    bool wrapped = false;
    if (!import_keys_are_wrapped(import->keys, row, &wrapped, slot->why) ||
        !import_terms_of(row, wrapped, terms, slot->why) || !check_names(import, slot, &outcome))
        return outcome;
    admission_fill(&terms->arguments, &no_ref, &no_digest, &slot->subscription);
    if (import->makers != NULL && import_slot_give(slot, import->keys, terms))
        import->has_given = true;
    else
        outcome = make_here(import, slot);
    if (outcome != OUTCOME_DONE || slot->state == IMPORT_SLOT_REFUSED)
        return outcome;
    slot->is_named = true;
    return log_names(import);
}

/* What an earlier run dealt with: its names count where it took them. */
static enum outcome pass_over(struct import *import)
{
    struct import_row *row = &import->at_hand->row;
    struct import_terms *terms = &import->at_hand->terms;
    bool wrapped = false;
    if (!import_keys_are_wrapped(import->keys, row, &wrapped, import->why) ||
        !import_terms_of(row, wrapped, terms, import->why))
        return OUTCOME_DONE; /* refused again */
    enum store_result result = store_name_is_taken(import->office->store, terms->arguments.impi);
    if (result == STORE_NOT_FOUND)
        return OUTCOME_DONE;
    return result == STORE_OK ? log_names(import) : office_fail_store(import->office, result);
}

static void view_begin(struct import *import)
{
    if (!import->viewing)
        store_view_begin(import->office->store);
    import->viewing = true;
}

static enum outcome check_unchanged(const struct import *import)
{
    struct stat now = {0};
    if (fstat(import->descriptor, &now) != 0 || now.st_size != import->file.st_size ||
        now.st_mtim.tv_sec != import->file.st_mtim.tv_sec ||
        now.st_mtim.tv_nsec != import->file.st_mtim.tv_nsec)
        return outcome_fail(OUTCOME_USAGE, "%s has changed while it was read", import->path);
    return OUTCOME_DONE;
}

static enum outcome commit(struct import *import, bool complete)
{
    struct import_batch *batch = &import->batch;
    view_end(import);
    enum outcome outcome = settle(import);
    if (outcome == OUTCOME_DONE)
        outcome = check_unchanged(import);
    if (outcome != OUTCOME_DONE)
        return outcome;
    size_t made = import_batch_judge(batch);
    if (import->dry_run) {
        import->report.imported += made;
        batch->count = 0;
    } else {
        outcome = import_batch_commit(batch, import->records, complete);
    }
    if (import->makers != NULL)
        import_makers_rewind(import->makers);
    return outcome;
}

static enum outcome renew(struct import *import)
{
    import->made_here = 0;
    import_keys_forget(import->keys);
    return office_renew_token(import->office);
}

static struct import_slot *next_slot(struct import *import)
{
    struct import_slot *slot = &import->batch.slots[import->batch.count];
    slot->state = IMPORT_SLOT_REFUSED;
    slot->is_named = false;
    slot->line = import->at_hand->row.line;
    memcpy(slot->why, import->why, sizeof slot->why);
    return slot;
}

static enum outcome take_record(struct import *import, enum import_got got)
{
    enum outcome outcome = OUTCOME_DONE;
    struct import_batch *batch = &import->batch;
    view_begin(import);
    import->records++;
    if (import->records <= import->mark.records)
        return got == IMPORT_GOT_ROW ? pass_over(import) : OUTCOME_DONE;
    import->report.records++;
    struct import_slot *slot = next_slot(import);
    if (got == IMPORT_GOT_ROW)
        outcome = take_row(import, slot);
    batch->count++;
    if (outcome == OUTCOME_DONE && import->has_given)
        outcome = import_makers_send(import->makers, batch->count, import->dry_run);
    if (outcome == OUTCOME_DONE && batch->count == IMPORT_SLOTS)
        outcome = commit(import, false);
    if (outcome == OUTCOME_DONE && batch->count == 0 && import->made_here >= IMPORT_RENEW_ROWS)
        outcome = renew(import);
    import_report_progress(&import->report, import->source.position(import->source.context));
    return outcome;
}

/* What can't be read further is no end: the mark is not complete, and the good lines are in. */
static enum outcome take_all(struct import *import)
{
    enum outcome outcome = OUTCOME_DONE;
    enum import_got got = IMPORT_GOT_ROW;
    struct import_row *row = &import->at_hand->row;
    while (outcome == OUTCOME_DONE) {
        got = import->source.next(import->source.context, row, import->why);
        if (got == IMPORT_GOT_END || got == IMPORT_GOT_BROKEN)
            break;
        outcome = take_record(import, got);
    }
    if (outcome != OUTCOME_DONE)
        return outcome;
    outcome = commit(import, got == IMPORT_GOT_END);
    if (outcome == OUTCOME_DONE && got == IMPORT_GOT_BROKEN)
        outcome = outcome_fail(OUTCOME_USAGE, "%s line %zu: %s; nothing behind it was read",
                               import->path, row->line, import->why);
    return outcome;
}

static enum outcome go_through(struct import *import, bool dry_run)
{
    import->dry_run = dry_run;
    import->records = 0;
    import->report.dry_run = dry_run;
    if (lseek(import->descriptor, 0, SEEK_SET) != 0)
        return outcome_fail(OUTCOME_USAGE, "%s: %s", import->path, strerror(errno));
    if (!import->open(import->descriptor, &import->source, import->why))
        return outcome_fail(OUTCOME_USAGE, "%s: %s", import->path, import->why);
    enum outcome outcome =
        name_log_new(&import->names) == STORE_OK
            ? take_all(import)
            : outcome_fail(OUTCOME_FAILED, "no temporary file can be made (TMPDIR)");
    view_end(import);
    if (dry_run)
        import->batch.count = 0; /* what was tried left nothing in the token */
    else
        import_batch_drop(&import->batch);
    name_log_free(&import->names);
    import->source.close(import->source.context);
    return outcome;
}

static enum outcome import_or_check(struct import *import)
{
    bool dry_run = import->arguments->dry_run;
    enum outcome outcome = OUTCOME_DONE;
    if (import->mark.complete)
        return OUTCOME_DONE;
    if (import->arguments->all_or_nothing && !dry_run) {
        outcome = go_through(import, true);
        if (outcome == OUTCOME_DONE && import->report.refused > 0)
            outcome = outcome_fail(OUTCOME_FAILED, "%s: %llu lines are bad: nothing is imported",
                                   import->path, (unsigned long long)import->report.refused);
        import->report.records = 0;
        import->report.imported = 0;
    }
    return outcome == OUTCOME_DONE ? go_through(import, dry_run) : outcome;
}

static enum outcome run(struct import *import)
{
    enum outcome outcome =
        import_report_open(import->arguments, &import->file, import->mark.records, &import->report);
    if (outcome == OUTCOME_DONE)
        outcome = import_or_check(import);
    uint64_t refused = import->report.refused;
    import_report_tell(&import->report, &import->mark, import->office);
    if (outcome == OUTCOME_DONE)
        outcome = import_report_end(&import->report, &import->mark, import->arguments->json);
    enum outcome closed = import_report_close(&import->report);
    if (outcome == OUTCOME_DONE)
        outcome = closed;
    if (outcome == OUTCOME_DONE && refused > 0)
        return outcome_fail(OUTCOME_FAILED, "%s: %llu lines were refused", import->path,
                            (unsigned long long)refused);
    return outcome;
}

static enum outcome find_mark(struct import *import)
{
    enum outcome outcome = import_mark_hash(import->descriptor, import->path, &import->mark);
    if (outcome != OUTCOME_DONE || import->arguments->dry_run)
        return outcome;
    if (import->arguments->again)
        return import_mark_forget(import->office, &import->mark);
    return import_mark_read(import->office, &import->mark);
}

static enum outcome open_office(struct office *office)
{
    enum outcome outcome = office_open_store(office, false);
    if (outcome == OUTCOME_DONE)
        outcome = office_open_token(office, true);
    return outcome == OUTCOME_DONE ? office_prove_token(office) : outcome;
}

static enum outcome act(struct import *import)
{
    enum outcome outcome = open_file(import);
    if (outcome == OUTCOME_DONE)
        outcome = choose_format(import);
    if (outcome == OUTCOME_DONE)
        outcome = prepare(import);
    if (outcome == OUTCOME_DONE)
        outcome = open_office(import->office);
    if (outcome == OUTCOME_DONE)
        outcome = import_keys_new(import->office, import->arguments, &import->keys);
    if (outcome == OUTCOME_DONE)
        outcome = find_mark(import);
    if (outcome != OUTCOME_DONE)
        return outcome;
    import->batch.keys = import->keys;
    if (import->mark.complete)
        outcome_warn("%s was imported already, %llu subscribers of %llu lines; with --again it is "
                     "gone through once more",
                     import->path, (unsigned long long)import->mark.imported,
                     (unsigned long long)import->mark.records);
    return run(import);
}

enum outcome import_file(struct office *office, const struct arguments *arguments)
{
    struct import import = {
        .office = office, .arguments = arguments, .path = arguments->name, .descriptor = -1};
    enum outcome outcome = act(&import);
    import_makers_free(&import.makers);
    import_keys_free(&import.keys);
    secret_pages_free(import.at_hand, sizeof *import.at_hand);
    import_slots_free(&import.batch.slots);
    if (import.descriptor >= 0)
        close(import.descriptor);
    return outcome;
}
