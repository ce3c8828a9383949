#include "stored_value.h"

#include <string.h>

#include "store_sql.h"

/* The name with its NUL, then the value: no two pairs give the same bytes. */
static enum hsm_result compute(struct token *token, const struct stored_value *value,
                               uint8_t out_seal[TOKEN_MAC_BYTES])
{
    uint8_t bytes[sizeof value->name + sizeof value->value];
    struct wire_writer writer = wire_writer_of(bytes, sizeof bytes);
    wire_write_bytes(&writer, value->name, strlen(value->name) + 1);
    wire_write_bytes(&writer, value->value, value->bytes);
    return writer.failed ? HSM_REFUSED : token_mac(token, bytes, writer.used, out_seal);
}

enum hsm_result stored_value_seal(struct token *token, struct stored_value *value)
{
    return compute(token, value, value->seal);
}

enum hsm_result stored_value_check_seal(struct token *token, const struct stored_value *value)
{
    uint8_t seal[TOKEN_MAC_BYTES] = {0};
    enum hsm_result rc = compute(token, value, seal);
    if (rc != HSM_OK)
        return rc;
    return secret_equal(seal, value->seal, sizeof seal) ? HSM_OK : HSM_BAD_ANSWER;
}

/* Columns: name, value, seal. */
static enum store_result take(struct store *store, sqlite3_stmt *statement,
                              struct stored_value *out)
{
    size_t name_bytes = (size_t)sqlite3_column_bytes(statement, 0);
    size_t bytes = (size_t)sqlite3_column_bytes(statement, 1);
    if (name_bytes >= sizeof out->name || bytes > sizeof out->value ||
        sqlite3_column_bytes(statement, 2) != (int)sizeof out->seal) {
        store_say(store, "a stored value is not well formed");
        return STORE_BAD_RECORD;
    }
    memcpy(out->name, sqlite3_column_text(statement, 0), name_bytes);
    out->name[name_bytes] = '\0';
    out->bytes = bytes;
    if (bytes > 0)
        memcpy(out->value, sqlite3_column_blob(statement, 1), bytes);
    memcpy(out->seal, sqlite3_column_blob(statement, 2), sizeof out->seal);
    return STORE_OK;
}

static enum store_result take_only(struct store *store, sqlite3_stmt *statement,
                                   struct stored_value *out)
{
    enum store_result rc = store_step(store, statement);
    if (rc == STORE_OK)
        rc = take(store, statement, out);
    sqlite3_reset(statement);
    return rc;
}

enum store_result store_value_read(struct store *store, const char *name, struct stored_value *out)
{
    sqlite3_stmt *statement = store_statement(store, SQL_VALUE_READ);
    sqlite3_bind_text(statement, 1, name, -1, SQLITE_STATIC);
    return take_only(store, statement, out);
}

enum store_result store_value_next(struct store *store, const char *prefix, const char *after,
                                   struct stored_value *out)
{
    sqlite3_stmt *statement = store_statement(store, SQL_VALUE_NEXT);
    sqlite3_bind_text(statement, 1, after[0] == '\0' ? prefix : after, -1, SQLITE_STATIC);
    enum store_result rc = take_only(store, statement, out);
    if (rc == STORE_OK && strncmp(out->name, prefix, strlen(prefix)) != 0)
        rc = STORE_NOT_FOUND;
    return rc;
}

enum store_result store_value_write(struct store *store, const struct stored_value *value)
{
    sqlite3_stmt *statement = store_statement(store, SQL_VALUE_WRITE);
    sqlite3_bind_text(statement, 1, value->name, -1, SQLITE_STATIC);
    sqlite3_bind_blob(statement, 2, value->value, (int)value->bytes, SQLITE_STATIC);
    sqlite3_bind_blob(statement, 3, value->seal, (int)sizeof value->seal, SQLITE_STATIC);
    enum store_result rc = store_run(store, statement);
    sqlite3_clear_bindings(statement);
    return rc;
}

enum store_result store_value_remove(struct store *store, const char *name)
{
    sqlite3_stmt *statement = store_statement(store, SQL_VALUE_REMOVE);
    sqlite3_bind_text(statement, 1, name, -1, SQLITE_STATIC);
    enum store_result rc = store_run(store, statement);
    if (rc == STORE_OK && sqlite3_changes(store->db) != 1)
        return STORE_NOT_FOUND;
    return rc;
}
