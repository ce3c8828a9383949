#include "import_batch.h"

#include <assert.h>
#include <stdio.h>

#include "act_trail.h"
#include "orphan.h"
#include "store_names.h"

static bool has_objects(const struct import_batch *batch, const struct import_slot *slot)
{
    return slot->state == IMPORT_SLOT_MADE &&
           import_keys_make_objects(batch->keys, slot->subscription.digest.algorithms != 0);
}

static enum store_result is_taken(struct store *store, const struct subscription *row)
{
    enum store_result result = store_name_is_taken(store, row->identity.impi);
    for (size_t i = 0; result == STORE_NOT_FOUND && i < row->user_id_count; i++)
        result = store_name_is_taken(store, row->user_ids[i]);
    return result;
}

static enum store_result add_one(struct import_batch *batch, struct import_slot *slot,
                                 struct act_trail *trail)
{
    char line[32];
    struct subscription *row = &slot->subscription;
    if (slot->state != IMPORT_SLOT_MADE)
        return STORE_OK;
    enum store_result result = is_taken(batch->office->store, row);
    if (result == STORE_OK) {
        import_report_refused(batch->report, slot->line,
                              "another nisim-token has taken its IMPI or a user id meanwhile");
        import_keys_drop(batch->keys, row);
        slot->state = IMPORT_SLOT_REFUSED;
        return STORE_OK;
    }
    if (result != STORE_NOT_FOUND)
        return result;
    snprintf(line, sizeof line, "line %zu", slot->line);
    act_trail_add_part(batch->office, trail, row->identity.impi, line);
    result = store_add_in_transaction(batch->office->store, row);
    if (result == STORE_OK && has_objects(batch, slot))
        result = orphan_forget(batch->office, row->identity.impi);
    return result;
}

size_t import_batch_judge(struct import_batch *batch)
{
    size_t made = 0;
    for (size_t i = 0; i < batch->count; i++) {
        assert(batch->slots[i].state != IMPORT_SLOT_GIVEN);
        if (batch->slots[i].state == IMPORT_SLOT_REFUSED)
            import_report_refused(batch->report, batch->slots[i].line, batch->slots[i].why);
        else
            made++;
    }
    return made;
}

static enum outcome fail(struct import_batch *batch, enum store_result result)
{
    if (result == STORE_CONFLICT)
        return outcome_fail(OUTCOME_STORE, "another nisim-token is importing %s",
                            batch->report->path);
    outcome_warn("%s: the first %llu lines are dealt with; run it again to go on from there",
                 batch->report->path, (unsigned long long)batch->mark->records);
    return office_fail_store(batch->office, result);
}

/* The parts are durable before the rows are; the store confirms them with the rows. */
static enum outcome commit(struct import_batch *batch, struct act_trail *trail)
{
    struct office *office = batch->office;
    enum outcome outcome = act_trail_write(office, trail);
    if (outcome != OUTCOME_DONE)
        return outcome;
    enum store_result result = store_value_write(office->store, &office->act.head);
    if (result == STORE_OK)
        result = store_commit(office->store);
    return result == STORE_OK ? OUTCOME_DONE : fail(batch, result);
}

static enum outcome run(struct import_batch *batch, struct import_mark *after,
                        struct act_trail *trail)
{
    enum store_result result = import_mark_compare(batch->office, batch->mark);
    for (size_t i = 0; result == STORE_OK && i < batch->count; i++)
        result = add_one(batch, &batch->slots[i], trail);
    if (result != STORE_OK)
        return fail(batch, result);
    after->imported += trail->parts;
    enum outcome outcome = import_mark_write(batch->office, after);
    if (outcome == OUTCOME_DONE)
        outcome = commit(batch, trail);
    batch->report->imported += outcome == OUTCOME_DONE ? trail->parts : 0;
    return outcome;
}

void import_batch_drop(struct import_batch *batch)
{
    size_t with_objects = 0;
    for (size_t i = 0; i < batch->count; i++)
        with_objects += has_objects(batch, &batch->slots[i]) ? 1 : 0;
    if (with_objects > 0 && !office_has_token(batch->office)) {
        outcome_warn("secrets of %zu subscribers stay in the token until the next run",
                     with_objects);
        batch->count = 0;
    }
    for (size_t i = 0; i < batch->count; i++) {
        if (batch->slots[i].state == IMPORT_SLOT_MADE)
            import_keys_drop(batch->keys, &batch->slots[i].subscription);
    }
    batch->count = 0;
}

static enum outcome run_in_turn(struct import_batch *batch, struct import_mark *after,
                                struct act_trail *trail)
{
    struct office *office = batch->office;
    enum store_result begun = store_begin(office->store);
    if (begun != STORE_OK)
        return fail(batch, begun);
    enum outcome outcome = run(batch, after, trail);
    if (outcome != OUTCOME_DONE) {
        store_rollback(office->store);
        act_trail_withdraw(office, trail);
    }
    return outcome;
}

enum outcome import_batch_commit(struct import_batch *batch, uint64_t records, bool complete)
{
    struct act_trail trail;
    struct import_mark after = *batch->mark;
    after.records = records;
    after.complete = complete;
    enum outcome outcome = act_trail_open(batch->office, &trail);
    if (outcome == OUTCOME_DONE)
        outcome = run_in_turn(batch, &after, &trail);
    act_trail_close(&trail);
    if (outcome == OUTCOME_DONE)
        *batch->mark = after;
    else
        import_batch_drop(batch);
    batch->count = 0;
    return outcome;
}
