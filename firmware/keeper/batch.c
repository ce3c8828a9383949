#include "batch.h"

#include <string.h>

#include "store_gba.h"

/* How often a batch is executed again because another process moved one of its SQN states. */
#define CONFLICTS_MAX 4

/* Reads of one batch are one view of the store; without it each takes SQLite's locks anew. */
static enum exit_code execute_all(struct keeper *keeper, struct batch *batch)
{
    enum exit_code exit = EXIT_DONE;
    keeper->pending_count = 0;
    card_sessions_rewind(keeper->cards);
    keeper->gba_pending_count = 0;
    keeper->pin_pending_count = 0;
    records_begin(&keeper->records);
    store_view_begin(keeper->store);
    for (size_t i = 0; i < batch->count && exit == EXIT_DONE; i++) {
        batch->replies[i].at = i;
        module_hold(keeper->token->module);
        exit = keeper_execute(keeper, batch->requests[i].octets, batch->requests[i].bytes,
                              &batch->replies[i]);
    }
    store_view_end(keeper->store);
    return exit;
}

static enum store_result swap_all(struct keeper *keeper)
{
    for (size_t i = 0; i < keeper->pending_count; i++) {
        const struct pending *pending = &keeper->pending[i];
        enum store_result rc =
            store_sqn_swap(keeper->store, pending->row, pending->version, &pending->array);
        if (rc != STORE_OK)
            return rc;
    }
    for (size_t i = 0; i < keeper->gba_pending_count; i++) {
        enum store_result rc = store_gba_swap(keeper->store, &keeper->gba_pending[i]);
        if (rc != STORE_OK)
            return rc;
    }
    for (size_t i = 0; i < keeper->pin_pending_count; i++) {
        enum store_result rc = store_pin_swap(keeper->store, &keeper->pin_pending[i]);
        if (rc != STORE_OK)
            return rc;
    }
    return journal_confirm(keeper);
}

static enum store_result commit(struct keeper *keeper)
{
    if (keeper->pending_count == 0 && keeper->gba_pending_count == 0 &&
        keeper->pin_pending_count == 0 && !keeper->journal.is_unconfirmed)
        return STORE_OK;
    enum store_result rc = store_begin(keeper->store);
    if (rc == STORE_OK)
        rc = swap_all(keeper);
    if (rc == STORE_OK)
        rc = store_commit(keeper->store);
    keeper_note_store(keeper, rc);
    if (rc == STORE_OK)
        journal_confirmed(keeper);
    else
        store_rollback(keeper->store);
    return rc;
}

/* Nothing of it is to be: it is executed again, and may then come to a shorter answer. */
static void withdraw_all(struct keeper *keeper, struct batch *batch)
{
    bool all[KEEPER_BATCH_MAX];
    for (size_t i = 0; i < batch->count; i++) {
        all[i] = true;
        secret_wipe(batch->replies[i].packet, sizeof batch->replies[i].packet);
    }
    journal_withdraw(keeper, batch, all);
}

/* What was not made durable is not said; without a record nothing about a subscriber is. */
static void withhold(struct keeper *keeper, struct batch *batch, bool is_recorded)
{
    bool awaits[KEEPER_BATCH_MAX] = {false};
    bool withheld[KEEPER_BATCH_MAX];
    for (size_t i = 0; i < batch->count; i++)
        awaits[i] =
            batch->replies[i].needs_commit || (!is_recorded && batch->replies[i].note.is_wanted);
    memcpy(withheld, awaits, sizeof withheld);
    card_sessions_revert(keeper->cards, awaits, batch->count, withheld);
    for (size_t i = 0; i < batch->count; i++) {
        if (withheld[i])
            reply_fail(&batch->replies[i], (struct fault){STATUS_UNAVAILABLE, 0});
    }
    if (is_recorded) {
        journal_withdraw(keeper, batch, withheld);
        journal_settle(keeper);
    }
}

enum exit_code batch_run(struct keeper *keeper, struct batch *batch)
{
    enum store_result rc = STORE_CONFLICT;
    bool is_recorded = true;
    card_sessions_begin(keeper->cards);
    for (int tries = 0; rc == STORE_CONFLICT && tries <= CONFLICTS_MAX; tries++) {
        enum exit_code exit = execute_all(keeper, batch);
        if (exit == EXIT_DONE)
            exit = journal_write(keeper, batch, &is_recorded);
        module_release(keeper->token->module);
        if (exit != EXIT_DONE)
            return exit;
        rc = is_recorded ? commit(keeper) : STORE_FAILED;
        if (rc == STORE_CONFLICT)
            withdraw_all(keeper, batch);
    }
    if (rc == STORE_CORRUPT)
        return EXIT_STORE;
    if (rc != STORE_OK)
        withhold(keeper, batch, is_recorded);
    card_sessions_begin(keeper->cards);
    return EXIT_DONE;
}

void batch_clear(struct batch *batch)
{
    for (size_t i = 0; i < batch->count; i++) {
        secret_wipe(batch->requests[i].octets, batch->requests[i].bytes);
        secret_wipe(batch->replies[i].packet, batch->replies[i].bytes);
    }
    batch->count = 0;
}
