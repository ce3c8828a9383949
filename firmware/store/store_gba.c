#include "store_gba.h"

#include <string.h>

#include "store_kek.h"
#include "store_sql.h"

/* Columns: version, record, seal. */
static enum store_result take(struct store *store, sqlite3_stmt *statement, struct gba_state *out)
{
    size_t record_bytes = (size_t)sqlite3_column_bytes(statement, 1);
    size_t seal_bytes = (size_t)sqlite3_column_bytes(statement, 2);
    out->version = sqlite3_column_int64(statement, 0);
    if (record_bytes > 0 && record_bytes <= sizeof out->record && seal_bytes == sizeof out->seal) {
        out->record_bytes = record_bytes;
        memcpy(out->record, sqlite3_column_blob(statement, 1), record_bytes);
        memcpy(out->seal, sqlite3_column_blob(statement, 2), seal_bytes);
        if (gba_state_decode(out))
            return STORE_OK;
    }
    store_say(store, "the GBA record of row %lld is not well formed", (long long)out->row);
    return STORE_BAD_RECORD;
}

enum store_result store_gba_read(struct store *store, int64_t row, struct gba_state *out)
{
    sqlite3_stmt *statement = store_statement(store, SQL_GBA_READ);
    sqlite3_bind_int64(statement, 1, row);
    enum store_result rc = store_step(store, statement);
    out->row = row;
    if (rc == STORE_OK)
        rc = take(store, statement, out);
    sqlite3_reset(statement);
    return rc;
}

enum store_result store_gba_swap(struct store *store, const struct gba_state *state)
{
    enum store_result rc = store_kek_check(store, &state->ks.kek);
    if (rc != STORE_OK)
        return rc;
    sqlite3_stmt *statement = store_statement(store, SQL_GBA_SWAP);
    sqlite3_bind_int64(statement, 1, state->row);
    sqlite3_bind_int64(statement, 2, state->version);
    sqlite3_bind_blob(statement, 3, state->record, (int)state->record_bytes, SQLITE_STATIC);
    sqlite3_bind_blob(statement, 4, state->seal, (int)sizeof state->seal, SQLITE_STATIC);
    rc = store_run(store, statement);
    sqlite3_clear_bindings(statement);
    /* A subscription that was removed meanwhile fails the row's REFERENCES. */
    if (rc == STORE_DUPLICATE || (rc == STORE_OK && sqlite3_changes(store->db) != 1))
        return STORE_CONFLICT;
    return rc;
}

enum store_result store_gba_void(struct store *store)
{
    return store_run(store, store_statement(store, SQL_GBA_VOID));
}
