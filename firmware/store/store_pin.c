#include "store_pin.h"

#include "store_sql.h"

static enum store_result take(struct store *store, sqlite3_stmt *statement, struct pin_state *out)
{
    sqlite3_int64 tries = sqlite3_column_int64(statement, 1);
    out->version = sqlite3_column_int64(statement, 0);
    out->tries = (uint8_t)tries;
    if (tries >= 0 && tries <= PIN_TRIES)
        return STORE_OK;
    store_say(store, "the PIN counter of row %lld is %lld", (long long)out->row, (long long)tries);
    return STORE_BAD_RECORD;
}

enum store_result store_pin_read(struct store *store, int64_t row, struct pin_state *out)
{
    sqlite3_stmt *statement = store_statement(store, SQL_PIN_READ);
    sqlite3_bind_int64(statement, 1, row);
    enum store_result rc = store_step(store, statement);
    out->row = row;
    if (rc == STORE_OK)
        rc = take(store, statement, out);
    sqlite3_reset(statement);
    if (rc == STORE_NOT_FOUND) {
        store_say(store, "row %lld has no PIN counter", (long long)row);
        return STORE_BAD_RECORD;
    }
    return rc;
}

enum store_result store_pin_swap(struct store *store, const struct pin_state *state)
{
    sqlite3_stmt *statement = store_statement(store, SQL_PIN_SWAP);
    sqlite3_bind_int64(statement, 1, state->row);
    sqlite3_bind_int64(statement, 2, state->version);
    sqlite3_bind_int64(statement, 3, state->tries);
    enum store_result rc = store_run(store, statement);
    return rc == STORE_OK && sqlite3_changes(store->db) != 1 ? STORE_CONFLICT : rc;
}

enum store_result store_pin_unblock(struct store *store, int64_t row)
{
    sqlite3_stmt *statement = store_statement(store, SQL_PIN_UNBLOCK);
    sqlite3_bind_int64(statement, 1, row);
    sqlite3_bind_int64(statement, 2, PIN_TRIES);
    enum store_result rc = store_run(store, statement);
    return rc == STORE_OK && sqlite3_changes(store->db) != 1 ? STORE_NOT_FOUND : rc;
}
