#include "anchor.h"

#include <string.h>
#include <sys/random.h>

#include "store_sql.h"

/* An advance by another process may fall between the reading of the two marks. */
#define COMPARE_TRIES 3

bool anchor_is_good(enum anchor_verdict verdict)
{
    return verdict == ANCHOR_GOOD || verdict == ANCHOR_TOKEN_BEHIND;
}

const char *anchor_verdict_text(enum anchor_verdict verdict)
{
    switch (verdict) {
    case ANCHOR_TOKEN_BEHIND:
        return "the token has seen less than this store: was the token put back from a copy?";
    case ANCHOR_STORE_OLD:
        return "the store is older than what this token has seen: put the newest one back, or make "
               "this one safe by nisim-token state accept";
    case ANCHOR_STORE_OTHER:
        return "the token works with another store: put that one back, or make this one safe by "
               "nisim-token state accept";
    case ANCHOR_STORE_NONE:
        return "the store holds no mark: it was not made by nisim-token init for this token";
    case ANCHOR_STORE_ALTERED:
        return "the store's mark is not as this token sealed it: the file was altered, or belongs "
               "to another token";
    case ANCHOR_TOKEN_NONE:
        return "the token has no object '" TOKEN_ANCHOR_NAME "': prepare it by nisim-token init, "
               "or take this store for its own by nisim-token state accept";
    default:
        return "";
    }
}

void anchor_start(struct anchor *anchor, struct token *token, struct store *store)
{
    memset(anchor, 0, sizeof *anchor);
    anchor->token = token;
    anchor->store = store;
    /* What was written before is no act: a store that was brought up to date may yet be refused. */
    anchor->own_changes = sqlite3_total_changes64(store->db);
}

static bool passed(const struct anchor *anchor)
{
    return anchor->hsm == HSM_OK && anchor->stored == STORE_OK;
}

/* The value is the store's mark, then the one of the token that it replaced. */
static enum anchor_verdict read_store(struct anchor *anchor)
{
    struct stored_value *value = &anchor->value;
    anchor->hsm = HSM_OK;
    anchor->stored = store_value_read(anchor->store, ANCHOR_VALUE_NAME, value);
    if (anchor->stored == STORE_OK)
        anchor->hsm = stored_value_check_seal(anchor->token, value);
    if (anchor->stored == STORE_NOT_FOUND) {
        anchor->stored = STORE_OK;
        return ANCHOR_STORE_NONE;
    }
    bool is_whole = anchor->hsm == HSM_OK && value->bytes == 2 * (size_t)ANCHOR_MARK_BYTES;
    if (anchor->stored == STORE_BAD_RECORD || anchor->hsm == HSM_BAD_ANSWER ||
        (passed(anchor) && !is_whole)) {
        anchor->stored = STORE_OK;
        anchor->hsm = HSM_OK;
        return ANCHOR_STORE_ALTERED;
    }
    if (passed(anchor)) {
        anchor_mark_from_bytes(value->value, &anchor->in_store);
        anchor_mark_from_bytes(value->value + ANCHOR_MARK_BYTES, &anchor->replaced);
    }
    return ANCHOR_GOOD;
}

static enum anchor_verdict judge(const struct anchor *anchor)
{
    const struct anchor_mark *token = &anchor->in_token;
    const struct anchor_mark *store = &anchor->in_store;
    if (anchor_mark_equal(&anchor->replaced, token))
        return ANCHOR_GOOD;
    if (memcmp(token->store_id, store->store_id, sizeof token->store_id) != 0)
        return ANCHOR_STORE_OTHER;
    if (store->counter < token->counter)
        return ANCHOR_STORE_OLD;
    return store->counter - token->counter <= 1 ? ANCHOR_GOOD : ANCHOR_TOKEN_BEHIND;
}

/* The token first: what the store says is then at least as new. */
static bool compare_once(struct anchor *anchor, enum anchor_verdict *out_verdict)
{
    enum hsm_result in_token = token_anchor_read(anchor->token, &anchor->in_token);
    if (in_token != HSM_OK && in_token != HSM_NO_KEY) {
        anchor->stored = STORE_OK;
        anchor->hsm = in_token;
        return false;
    }
    enum anchor_verdict verdict = read_store(anchor);
    if (!passed(anchor))
        return false;
    if (verdict == ANCHOR_GOOD)
        verdict = in_token == HSM_NO_KEY ? ANCHOR_TOKEN_NONE : judge(anchor);
    *out_verdict = verdict;
    return true;
}

bool anchor_compare(struct anchor *anchor, enum anchor_verdict *out_verdict)
{
    enum anchor_verdict verdict = ANCHOR_TOKEN_BEHIND;
    for (int tries = 0; verdict == ANCHOR_TOKEN_BEHIND && tries < COMPARE_TRIES; tries++) {
        if (!compare_once(anchor, &verdict))
            return false;
    }
    *out_verdict = verdict;
    return true;
}

static bool write_store(struct anchor *anchor)
{
    struct stored_value *value = &anchor->value;
    memcpy(value->name, ANCHOR_VALUE_NAME, sizeof ANCHOR_VALUE_NAME);
    value->bytes = 2 * (size_t)ANCHOR_MARK_BYTES;
    anchor_mark_to_bytes(&anchor->in_store, value->value);
    anchor_mark_to_bytes(&anchor->replaced, value->value + ANCHOR_MARK_BYTES);
    anchor->hsm = stored_value_seal(anchor->token, value);
    if (anchor->hsm == HSM_OK)
        anchor->stored = store_value_write(anchor->store, value);
    return passed(anchor);
}

/* Others' commits, then rows this connection has written. */
static bool count_changes(struct anchor *anchor, int64_t *out_others, int64_t *out_own)
{
    sqlite3_stmt *statement = store_statement(anchor->store, SQL_DATA_VERSION);
    int code = sqlite3_step(statement);
    anchor->hsm = HSM_OK;
    anchor->stored = store_result_of(anchor->store, code);
    *out_others = sqlite3_column_int64(statement, 0);
    *out_own = sqlite3_total_changes64(anchor->store->db);
    sqlite3_reset(statement);
    return passed(anchor);
}

bool anchor_is_behind(struct anchor *anchor, bool *out_behind)
{
    int64_t others = 0;
    int64_t own = 0;
    if (!count_changes(anchor, &others, &own))
        return false;
    *out_behind = others != anchor->others_changes || own != anchor->own_changes;
    return true;
}

bool anchor_wrote(const struct anchor *anchor)
{
    return sqlite3_total_changes64(anchor->store->db) != anchor->own_changes;
}

/* What others commit later shows as a change, since nobody else can commit meanwhile. */
static bool advance_store(struct anchor *anchor)
{
    enum anchor_verdict verdict = read_store(anchor);
    if (passed(anchor) && verdict != ANCHOR_GOOD)
        anchor->hsm = HSM_BAD_ANSWER;
    if (!passed(anchor))
        return false;
    anchor->in_store.counter++;
    return write_store(anchor) &&
           count_changes(anchor, &anchor->others_changes, &anchor->own_changes);
}

bool anchor_advance(struct anchor *anchor)
{
    anchor->hsm = HSM_OK;
    anchor->stored = store_begin(anchor->store);
    if (anchor->stored != STORE_OK)
        return false;
    if (advance_store(anchor))
        anchor->stored = store_commit(anchor->store);
    if (!passed(anchor)) {
        store_rollback(anchor->store);
        return false;
    }
    return anchor_finish(anchor);
}

static bool make_id(struct anchor *anchor)
{
    ssize_t got = getrandom(anchor->in_store.store_id, ANCHOR_ID_BYTES, 0);
    anchor->stored = STORE_OK;
    anchor->hsm = got == ANCHOR_ID_BYTES ? HSM_OK : HSM_NO_MEMORY;
    return passed(anchor);
}

bool anchor_disown(struct anchor *anchor)
{
    if (!make_id(anchor))
        return false;
    anchor->in_store.counter = 0;
    memset(&anchor->replaced, 0, sizeof anchor->replaced);
    return write_store(anchor);
}

bool anchor_adopt(struct anchor *anchor)
{
    enum hsm_result rc = token_anchor_read(anchor->token, &anchor->replaced);
    anchor->stored = STORE_OK;
    anchor->hsm = rc == HSM_NO_KEY ? HSM_OK : rc;
    if (anchor->hsm != HSM_OK)
        return false;
    if (rc == HSM_NO_KEY)
        memset(&anchor->replaced, 0, sizeof anchor->replaced);
    if (!make_id(anchor))
        return false;
    anchor->in_store.counter = anchor->replaced.counter + 1;
    return write_store(anchor);
}

/* Another process may have come further meanwhile: the token is told the newest. */
bool anchor_finish(struct anchor *anchor)
{
    enum anchor_verdict verdict = read_store(anchor);
    if (passed(anchor) && verdict != ANCHOR_GOOD)
        anchor->hsm = HSM_BAD_ANSWER;
    if (passed(anchor))
        anchor->hsm = token_anchor_write(anchor->token, &anchor->in_store);
    if (passed(anchor))
        anchor->in_token = anchor->in_store;
    return passed(anchor);
}
