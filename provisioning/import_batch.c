#include "import_batch.h"

#include "store_names.h"

static enum store_result is_taken(struct store *store, const struct subscription *row)
{
    enum store_result result = store_name_is_taken(store, row->identity.impi);
    for (size_t i = 0; result == STORE_NOT_FOUND && i < row->user_id_count; i++)
        result = store_name_is_taken(store, row->user_ids[i]);
    return result;
}

static enum store_result add_one(struct import_batch *batch, size_t i, size_t *added)
{
    enum store_result result = is_taken(batch->office->store, &batch->rows[i]);
    if (result == STORE_OK) {
        import_report_refused(batch->report, batch->lines[i],
                              "another nisim-token has taken its IMPI or a user id meanwhile");
        import_keys_drop(batch->keys, &batch->rows[i]);
        batch->rows[i].row = -1;
        return STORE_OK;
    }
    if (result != STORE_NOT_FOUND)
        return result;
    result = store_add_in_transaction(batch->office->store, &batch->rows[i]);
    *added += result == STORE_OK ? 1 : 0;
    return result;
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

static enum outcome run(struct import_batch *batch, struct import_mark *after)
{
    size_t added = 0;
    enum store_result result = import_mark_compare(batch->office, batch->mark);
    for (size_t i = 0; result == STORE_OK && i < batch->count; i++)
        result = add_one(batch, i, &added);
    if (result != STORE_OK)
        return fail(batch, result);
    after->imported += added;
    enum outcome outcome = import_mark_write(batch->office, after);
    if (outcome != OUTCOME_DONE)
        return outcome;
    result = store_commit(batch->office->store);
    if (result != STORE_OK)
        return fail(batch, result);
    batch->report->imported += added;
    return OUTCOME_DONE;
}

void import_batch_drop(struct import_batch *batch)
{
    for (size_t i = 0; i < batch->count; i++) {
        if (batch->rows[i].row != -1)
            import_keys_drop(batch->keys, &batch->rows[i]);
    }
    batch->count = 0;
}

enum outcome import_batch_commit(struct import_batch *batch, uint64_t records, bool complete)
{
    struct import_mark after = *batch->mark;
    after.records = records;
    after.complete = complete;
    enum store_result begun = store_begin(batch->office->store);
    enum outcome outcome = begun == STORE_OK ? run(batch, &after) : fail(batch, begun);
    if (outcome == OUTCOME_DONE) {
        *batch->mark = after;
    } else {
        if (begun == STORE_OK)
            store_rollback(batch->office->store);
        import_batch_drop(batch);
    }
    batch->count = 0;
    return outcome;
}
