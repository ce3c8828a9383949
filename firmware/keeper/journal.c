#include "journal.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#include "batch.h"
#include "log.h"

_Static_assert(KEEPER_BATCH_MAX <= 64, "a batch's records are bits of owed_mask");

static void note_trail(struct journal *journal, bool works)
{
    if (!works && !journal->is_failing)
        log_line(LOG_LEVEL_ERROR, "audit-failing", "reason=\"%s\"",
                 audit_trail_why(journal->trail));
    if (works && journal->is_failing)
        log_line(LOG_LEVEL_WARNING, "audit-works-again", NULL);
    journal->is_failing = !works;
}

static bool flush(struct journal *journal)
{
    bool works = audit_trail_flush(journal->trail);
    note_trail(journal, works);
    return works;
}

static enum exit_code lose(struct keeper *keeper, enum hsm_result result)
{
    log_line(LOG_LEVEL_ERROR, "token-lost", "reason=\"%s\" call=\"%s\"", hsm_result_text(result),
             module_fault(keeper->token->module));
    return EXIT_LOST;
}

static enum hsm_result sign(struct keeper *keeper)
{
    struct journal *journal = &keeper->journal;
    enum hsm_result rc = audit_trail_sign(journal->trail, keeper->token, &journal->signer);
    journal->signed_next = audit_trail_next(journal->trail);
    journal->signed_s = time(NULL);
    return rc;
}

static bool is_checkpoint_due(const struct journal *journal)
{
    return audit_trail_next(journal->trail) > journal->signed_next &&
           time(NULL) - journal->signed_s >= JOURNAL_CHECKPOINT_SECONDS;
}

/* What is durable in the trail, sealed for the store. */
static enum hsm_result seal(struct keeper *keeper)
{
    struct journal *journal = &keeper->journal;
    enum hsm_result rc = audit_head_seal(keeper->token, journal->writer,
                                         audit_trail_head(journal->trail), &journal->head);
    journal->is_unconfirmed = rc == HSM_OK;
    return rc;
}

static void add(struct journal *journal, enum audit_kind kind, const char *detail)
{
    audit_trail_add(journal->trail, (struct audit_record){
                                        .kind = kind, .status = AUDIT_NO_STATUS, .detail = detail});
}

static void add_owed(struct journal *journal)
{
    if (journal->owed_mask == 0)
        return;
    audit_trail_add(journal->trail, (struct audit_record){.kind = AUDIT_WITHDRAWN,
                                                          .status = AUDIT_NO_STATUS,
                                                          .detail = "not committed, not answered",
                                                          .has_range = true,
                                                          .range_first = journal->owed_first,
                                                          .range_mask = journal->owed_mask});
}

static size_t add_requests(struct journal *journal, struct batch *batch)
{
    size_t count = 0;
    journal->batch_first = audit_trail_next(journal->trail);
    for (size_t i = 0; i < batch->count; i++) {
        struct note *note = &batch->replies[i].note;
        if (!note->is_wanted)
            continue;
        note->record = count++;
        audit_trail_add(journal->trail,
                        (struct audit_record){.kind = AUDIT_REQUEST,
                                              .person = note->client,
                                              .operation = message_name(batch->replies[i].type),
                                              .subscriber = note->subscriber,
                                              .status = (uint16_t)note->outcome});
    }
    return count;
}

/* A segment ends with a checkpoint. */
static enum hsm_result turn(struct keeper *keeper, bool *out_done)
{
    struct journal *journal = &keeper->journal;
    enum hsm_result rc = sign(keeper);
    if (rc != HSM_OK)
        return rc;
    *out_done = flush(journal);
    if (*out_done) {
        *out_done = audit_trail_turn(journal->trail);
        note_trail(journal, *out_done);
    }
    return HSM_OK;
}

static bool wants_records(const struct batch *batch)
{
    for (size_t i = 0; i < batch->count; i++) {
        if (batch->replies[i].note.is_wanted)
            return true;
    }
    return false;
}

static enum hsm_result write_records(struct keeper *keeper, struct batch *batch, bool *out_written)
{
    struct journal *journal = &keeper->journal;
    enum hsm_result rc = HSM_OK;
    *out_written = true;
    if (!wants_records(batch))
        return HSM_OK;
    if (audit_trail_is_full(journal->trail))
        rc = turn(keeper, out_written);
    if (rc != HSM_OK || !*out_written)
        return rc;
    add_owed(journal);
    add_requests(journal, batch);
    if (is_checkpoint_due(journal))
        rc = sign(keeper);
    *out_written = flush(journal);
    if (!*out_written)
        return rc;
    journal->owed_mask = 0;
    return rc == HSM_OK ? seal(keeper) : rc;
}

enum exit_code journal_write(struct keeper *keeper, struct batch *batch, bool *out_written)
{
    module_hold(keeper->token->module);
    enum hsm_result rc = write_records(keeper, batch, out_written);
    return rc == HSM_OK ? EXIT_DONE : lose(keeper, rc);
}

enum store_result journal_confirm(struct keeper *keeper)
{
    if (!keeper->journal.is_unconfirmed)
        return STORE_OK;
    return store_value_write(keeper->store, &keeper->journal.head);
}

void journal_confirmed(struct keeper *keeper)
{
    keeper->journal.is_unconfirmed = false;
}

void journal_withdraw(struct keeper *keeper, const struct batch *batch, const bool *withdrawn)
{
    struct journal *journal = &keeper->journal;
    journal->owed_first = journal->batch_first;
    journal->owed_mask = 0;
    for (size_t i = 0; i < batch->count; i++) {
        if (withdrawn[i] && batch->replies[i].note.is_wanted)
            journal->owed_mask |= UINT64_C(1) << batch->replies[i].note.record;
    }
}

void journal_settle(struct keeper *keeper)
{
    add_owed(&keeper->journal);
    if (flush(&keeper->journal))
        keeper->journal.owed_mask = 0;
}

/* In a transaction of its own. When that fails, the next batch's confirms it. */
static enum hsm_result confirm_alone(struct keeper *keeper)
{
    enum hsm_result rc = seal(keeper);
    if (rc != HSM_OK)
        return rc;
    enum store_result stored = store_begin(keeper->store);
    if (stored == STORE_OK)
        stored = journal_confirm(keeper);
    if (stored == STORE_OK)
        stored = store_commit(keeper->store);
    if (stored == STORE_OK)
        journal_confirmed(keeper);
    else
        store_rollback(keeper->store);
    keeper_note_store(keeper, stored);
    return HSM_OK;
}

enum exit_code journal_watch(struct keeper *keeper)
{
    if (!is_checkpoint_due(&keeper->journal))
        return EXIT_DONE;
    enum hsm_result rc = sign(keeper);
    if (rc == HSM_OK && flush(&keeper->journal))
        rc = confirm_alone(keeper);
    return rc == HSM_OK ? EXIT_DONE : lose(keeper, rc);
}

static enum exit_code refuse(const char *folder, const char *writer, const char *why)
{
    log_line(LOG_LEVEL_ERROR, "audit-unusable", "folder=\"%s\" writer=%s reason=\"%s\"", folder,
             writer, why);
    return EXIT_STORE;
}

/* A head with a wrong seal is no head: the trail is then read as one that nobody confirmed. */
static const struct audit_head *read_confirmed(struct keeper *keeper, const char *writer,
                                               struct audit_head *room)
{
    enum hsm_result rc = audit_head_read(keeper->token, keeper->store, writer, room);
    if (rc == HSM_BAD_ANSWER)
        log_line(LOG_LEVEL_ERROR, "audit-head-tampered", "writer=%s", writer);
    return rc == HSM_OK ? room : NULL;
}

static enum exit_code begin(struct keeper *keeper, uint32_t generation)
{
    char detail[64];
    struct journal *journal = &keeper->journal;
    snprintf(detail, sizeof detail, "generation %u, token %s", generation, keeper->token->serial);
    add(journal, AUDIT_START, detail);
    enum hsm_result rc = sign(keeper);
    if (rc == HSM_OK && !flush(journal))
        return EXIT_LOST;
    if (rc == HSM_OK)
        rc = confirm_alone(keeper);
    return rc == HSM_OK ? EXIT_DONE : lose(keeper, rc);
}

enum exit_code journal_open(struct keeper *keeper, const char *folder, const char *writer,
                            uint32_t generation)
{
    char why[AUDIT_WHY_BYTES];
    struct audit_head room;
    struct journal *journal = &keeper->journal;
    enum hsm_result rc = token_find_signer(keeper->token, &journal->signer);
    if (rc == HSM_NO_KEY)
        return refuse(folder, writer,
                      "the token has no '" TOKEN_AUDIT_LABEL
                      "' key pair: prepare it with nisim-token init");
    if (rc != HSM_OK)
        return lose(keeper, rc);
    snprintf(journal->writer, sizeof journal->writer, "%s", writer);
    journal->trail = audit_trail_open(folder, writer, read_confirmed(keeper, writer, &room), why);
    if (journal->trail == NULL)
        return refuse(folder, writer, why);
    audit_trail_make_room(journal->trail);
    if (audit_trail_met(journal->trail) != NULL)
        log_line(LOG_LEVEL_WARNING, "audit-resumed", "reason=\"%s\"",
                 audit_trail_met(journal->trail));
    return begin(keeper, generation);
}

void journal_close(struct keeper *keeper, enum exit_code exit)
{
    struct journal *journal = &keeper->journal;
    if (journal->trail != NULL && exit == EXIT_DONE) {
        add(journal, AUDIT_STOP, NULL);
        if (sign(keeper) == HSM_OK && flush(journal) && confirm_alone(keeper) != HSM_OK)
            log_line(LOG_LEVEL_WARNING, "audit-unconfirmed", "writer=%s", journal->writer);
    }
    audit_trail_close(&journal->trail);
}
