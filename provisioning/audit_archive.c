/*
 * nisim-token audit archive FOLDER: copies, durable; then, in one transaction, how far each trail
 * was archived, and the act's records; then the originals go. Cut off before the transaction,
 * nothing has happened that the next run would not do again; after it, the next run removes what is
 * left.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "act_trail.h"
#include "audit_copy.h"
#include "audit_key.h"
#include "cursor.h"
#include "verbs.h"
#include "verify.h"

#define SHARES_MOST 80 /* 64 keepers, the officers */

/* What of one writer's trail moves. */
struct share {
    char writer[AUDIT_WRITER_BYTES];
    struct audit_head before; /* how far it was archived; segment 0: it never was */
    struct audit_head end;    /* how far it is now: a checkpoint that ends a segment */
};

struct archive {
    struct office *office;
    const char *to;
    struct audit_public_key *key;
    size_t segments; /* that move */
    size_t count;
    struct share shares[SHARES_MOST];
    struct audit_cursor cursor;
    struct stored_value value;
};

static void hear(void *user, bool is_fault, const char *text)
{
    (void)user;
    if (is_fault)
        outcome_warn("WRONG: %s", text);
}

static enum outcome fail_hsm(struct archive *archive, enum hsm_result result, const char *writer)
{
    struct office *office = archive->office;
    if (result == HSM_REFUSED)
        return outcome_fail(OUTCOME_STORE, "store %s: %s", office->store_path,
                            store_why(office->store));
    if (result == HSM_NO_KEY || result == HSM_BAD_ANSWER)
        return outcome_fail(OUTCOME_STORE,
                            "what store %s has of the trail of %s is not as it was written; see "
                            "nisim-token audit verify",
                            office->store_path, writer);
    return office_fail_hsm(office, result, "how far the audit trail has come");
}

/* What is not as it was written stays where it is, for who looks into it. */
static enum outcome check(struct archive *archive, const struct share *share,
                          const struct audit_head *confirmed)
{
    struct audit_report report = {.say = hear,
                                  .archived = share->before.segment == 0 ? NULL : &share->before};
    audit_verify(archive->office->audit_path, share->writer, confirmed, archive->key, &report);
    if (report.faults == 0)
        return OUTCOME_DONE;
    return outcome_fail(OUTCOME_FAILED,
                        "the trail of %s is NOT as it was written: nothing is archived",
                        share->writer);
}

/* The last segment up to `most` that ends with a checkpoint; the trail is good. */
static void find_end(struct archive *archive, struct share *share, uint32_t most)
{
    bool is_signed = false;
    struct audit_cursor *cursor = &archive->cursor;
    struct audit_head at = {0};
    struct audit_head from = share->before;
    from.segment++;
    from.offset = 0;
    share->end = share->before;
    if (most <= share->before.segment)
        return;
    bool open = audit_cursor_open(cursor, archive->office->audit_path, share->writer, &from);
    while (open && at.segment <= most && audit_cursor_next(cursor) == AUDIT_READ) {
        if (cursor->at.segment > at.segment && is_signed)
            share->end = at;
        at = cursor->at;
        is_signed = cursor->read.record.kind == AUDIT_CHECKPOINT;
    }
    audit_cursor_close(cursor);
    archive->segments += share->end.segment - share->before.segment;
}

/* What lies behind the head that the store confirmed is still being written. */
static enum outcome take_writer(struct archive *archive, const char *writer)
{
    struct office *office = archive->office;
    struct audit_head confirmed;
    if (archive->count == SHARES_MOST)
        return outcome_fail(OUTCOME_FAILED, "folder %s has more than %d trails", office->audit_path,
                            SHARES_MOST);
    struct share *share = &archive->shares[archive->count];
    memcpy(share->writer, writer, sizeof share->writer);
    enum hsm_result result = audit_head_read(office->token, office->store, writer, &confirmed);
    if (result != HSM_OK)
        return fail_hsm(archive, result, writer);
    result = audit_archived_read(office->token, office->store, writer, &share->before);
    if (result != HSM_OK && result != HSM_NO_KEY)
        return fail_hsm(archive, result, writer);
    enum outcome outcome = check(archive, share, &confirmed);
    if (outcome == OUTCOME_DONE)
        find_end(archive, share, confirmed.segment - 1);
    archive->count++;
    return outcome;
}

static enum outcome take_all(struct archive *archive)
{
    const char *folder = archive->office->audit_path;
    char writer[AUDIT_WRITER_BYTES] = "";
    enum outcome outcome = OUTCOME_DONE;
    while (outcome == OUTCOME_DONE && audit_next_writer(folder, writer, writer))
        outcome = take_writer(archive, writer);
    if (outcome == OUTCOME_DONE && errno != 0)
        return outcome_fail(OUTCOME_STORE, "folder %s: %s", folder, strerror(errno));
    return outcome;
}

static enum outcome copy_share(struct archive *archive, const struct share *share)
{
    char from[AUDIT_PATH_BYTES];
    char to[AUDIT_PATH_BYTES];
    enum outcome outcome = OUTCOME_DONE;
    uint32_t segment = share->before.segment + 1;
    for (; outcome == OUTCOME_DONE && segment <= share->end.segment; segment++) {
        audit_segment_path(archive->office->audit_path, share->writer, segment, from);
        audit_segment_path(archive->to, share->writer, segment, to);
        outcome = audit_copy(from, to);
    }
    return outcome;
}

static enum outcome copy_all(struct archive *archive)
{
    enum outcome outcome = OUTCOME_DONE;
    for (size_t i = 0; outcome == OUTCOME_DONE && i < archive->count; i++)
        outcome = copy_share(archive, &archive->shares[i]);
    return outcome == OUTCOME_DONE ? audit_sync_folder(archive->to) : outcome;
}

static bool moves(const struct share *share)
{
    return share->end.segment > share->before.segment;
}

static void add_record(struct archive *archive, const struct share *share, struct act_trail *trail)
{
    char detail[AUDIT_TEXT_BYTES_MAX + 1];
    snprintf(detail, sizeof detail, "%s: segments %u to %u, up to record %llu, moved to %s",
             share->writer, share->before.segment + 1, share->end.segment,
             (unsigned long long)share->end.sequence, archive->to);
    act_trail_add_part(archive->office, trail, NULL, detail);
}

static enum outcome write_end(struct archive *archive, const struct share *share)
{
    struct office *office = archive->office;
    enum hsm_result sealed =
        audit_archived_seal(office->token, share->writer, &share->end, &archive->value);
    if (sealed != HSM_OK)
        return office_fail_hsm(office, sealed, "sealing how far the trail is archived");
    enum store_result stored = store_value_write(office->store, &archive->value);
    return stored == STORE_OK ? OUTCOME_DONE : office_fail_store(office, stored);
}

static enum outcome write_ends(struct archive *archive)
{
    struct office *office = archive->office;
    enum outcome outcome = OUTCOME_DONE;
    for (size_t i = 0; outcome == OUTCOME_DONE && i < archive->count; i++) {
        if (moves(&archive->shares[i]))
            outcome = write_end(archive, &archive->shares[i]);
    }
    if (outcome != OUTCOME_DONE)
        return outcome;
    enum store_result stored = store_value_write(office->store, &office->act.head);
    return stored == STORE_OK ? OUTCOME_DONE : office_fail_store(office, stored);
}

/* From its commit on the trail here begins behind what moved. */
static enum outcome note_in_turn(struct archive *archive, struct act_trail *trail)
{
    struct office *office = archive->office;
    for (size_t i = 0; i < archive->count; i++) {
        if (moves(&archive->shares[i]))
            add_record(archive, &archive->shares[i], trail);
    }
    enum outcome outcome = act_trail_write(office, trail);
    if (outcome != OUTCOME_DONE)
        return outcome;
    enum store_result begun = store_begin(office->store);
    if (begun == STORE_OK)
        outcome = office_end_transaction(office, write_ends(archive));
    else
        outcome = office_fail_store(office, begun);
    if (outcome != OUTCOME_DONE)
        act_trail_withdraw(office, trail);
    return outcome;
}

static enum outcome note_all(struct archive *archive)
{
    struct act_trail trail;
    enum outcome outcome = act_trail_open(archive->office, &trail);
    if (outcome == OUTCOME_DONE)
        outcome = note_in_turn(archive, &trail);
    act_trail_close(&trail);
    return outcome;
}

/* Also what an earlier run had no time to remove. */
static enum outcome remove_share(struct archive *archive, const struct share *share)
{
    char path[AUDIT_PATH_BYTES];
    uint32_t segment = 0;
    const char *folder = archive->office->audit_path;
    if (!audit_first_segment(folder, share->writer, &segment) || segment == 0)
        return outcome_fail(OUTCOME_STORE, "folder %s: the trail of %s is gone", folder,
                            share->writer);
    for (; segment <= share->end.segment; segment++) {
        audit_segment_path(folder, share->writer, segment, path);
        if (unlink(path) != 0 && errno != ENOENT)
            return outcome_fail(OUTCOME_STORE, "%s is archived, and can't be removed: %s", path,
                                strerror(errno));
    }
    return OUTCOME_DONE;
}

static enum outcome remove_all(struct archive *archive)
{
    enum outcome outcome = OUTCOME_DONE;
    for (size_t i = 0; outcome == OUTCOME_DONE && i < archive->count; i++)
        outcome = remove_share(archive, &archive->shares[i]);
    return outcome == OUTCOME_DONE ? audit_sync_folder(archive->office->audit_path) : outcome;
}

static enum outcome move_all(struct archive *archive)
{
    enum outcome outcome = take_all(archive);
    act_tell(archive->office, "%zu segments to %s", archive->segments, archive->to);
    if (outcome == OUTCOME_DONE && archive->segments > 0) {
        outcome = copy_all(archive);
        if (outcome == OUTCOME_DONE)
            outcome = note_all(archive);
    }
    return outcome == OUTCOME_DONE ? remove_all(archive) : outcome;
}

static enum outcome check_folder(const struct office *office, const char *to)
{
    struct stat there = {0};
    struct stat here = {0};
    if (stat(to, &there) != 0 || access(to, W_OK) != 0)
        return outcome_fail(OUTCOME_USAGE, "folder %s: %s", to, strerror(errno));
    if (!S_ISDIR(there.st_mode))
        return outcome_fail(OUTCOME_USAGE, "%s is no folder", to);
    if (stat(office->audit_path, &here) == 0 && here.st_dev == there.st_dev &&
        here.st_ino == there.st_ino)
        return outcome_fail(OUTCOME_USAGE, "%s is the folder of the audit trail itself", to);
    return OUTCOME_DONE;
}

static void report(const struct archive *archive)
{
    for (size_t i = 0; i < archive->count; i++) {
        const struct share *share = &archive->shares[i];
        if (moves(share))
            printf("%s: segments %u to %u, up to record %llu, are in %s\n", share->writer,
                   share->before.segment + 1, share->end.segment,
                   (unsigned long long)share->end.sequence, archive->to);
    }
    if (archive->segments == 0)
        puts("no segment has ended since: nothing is moved");
}

static enum outcome open_all(struct archive *archive)
{
    struct office *office = archive->office;
    struct token_signer signer;
    enum outcome outcome = office_open_store(office, false);
    if (outcome == OUTCOME_DONE)
        outcome = office_open_token(office, true);
    if (outcome == OUTCOME_DONE)
        outcome = check_folder(office, archive->to);
    if (outcome == OUTCOME_DONE)
        outcome = office_prove_token(office);
    if (outcome != OUTCOME_DONE)
        return outcome;
    enum hsm_result result = token_find_signer(office->token, &signer);
    return result == HSM_OK ? audit_key_of(&signer, &archive->key)
                            : office_fail_hsm(office, result, "key pair \"" TOKEN_AUDIT_LABEL "\"");
}

enum outcome audit_archive(struct office *office, const struct arguments *arguments)
{
    struct archive *archive = calloc(1, sizeof *archive);
    if (archive == NULL)
        return outcome_fail(OUTCOME_FAILED, "memory is short");
    archive->office = office;
    archive->to = arguments->name;
    enum outcome outcome = open_all(archive);
    if (outcome == OUTCOME_DONE)
        outcome = move_all(archive);
    if (outcome == OUTCOME_DONE)
        report(archive);
    audit_public_key_free(&archive->key);
    free(archive);
    return outcome;
}
