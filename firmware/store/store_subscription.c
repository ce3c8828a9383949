#include <string.h>

#include "store_kek.h"
#include "store_sql.h"

static void bind_record(sqlite3_stmt *statement, int first, const struct subscription *subscription)
{
    sqlite3_bind_blob(statement, first, subscription->record, (int)subscription->record_bytes,
                      SQLITE_STATIC);
    sqlite3_bind_blob(statement, first + 1, subscription->seal, (int)sizeof subscription->seal,
                      SQLITE_STATIC);
}

/* Columns: row, record, seal. */
static enum store_result take(struct store *store, sqlite3_stmt *statement,
                              struct subscription *out)
{
    size_t record_bytes = (size_t)sqlite3_column_bytes(statement, 1);
    size_t seal_bytes = (size_t)sqlite3_column_bytes(statement, 2);
    out->row = sqlite3_column_int64(statement, 0);
    if (record_bytes <= sizeof out->record && seal_bytes == sizeof out->seal) {
        out->record_bytes = record_bytes;
        memcpy(out->record, sqlite3_column_blob(statement, 1), record_bytes);
        memcpy(out->seal, sqlite3_column_blob(statement, 2), seal_bytes);
        if (subscription_decode(out))
            return STORE_OK;
    }
    store_say(store, "the record of row %lld is not well formed", (long long)out->row);
    return STORE_BAD_RECORD;
}

static enum store_result take_only(struct store *store, sqlite3_stmt *statement,
                                   struct subscription *out)
{
    enum store_result rc = store_step(store, statement);
    if (rc == STORE_OK)
        rc = take(store, statement, out);
    sqlite3_reset(statement);
    return rc;
}

static sqlite3_stmt *bind_name(struct store *store, enum statement which, enum field_tag by,
                               const char *text)
{
    sqlite3_stmt *statement = store_statement(store, which);
    sqlite3_bind_int64(statement, 1, by);
    sqlite3_bind_text(statement, 2, text, -1, SQLITE_STATIC);
    return statement;
}

enum store_result store_find(struct store *store, const struct subscriber_name *name,
                             struct subscription *out)
{
    return take_only(store, bind_name(store, SQL_FIND, name->by, name->text), out);
}

enum store_result store_next(struct store *store, int64_t after, struct subscription *out)
{
    sqlite3_stmt *statement = store_statement(store, SQL_NEXT);
    sqlite3_bind_int64(statement, 1, after);
    return take_only(store, statement, out);
}

static enum store_result add_name(struct store *store, enum field_tag by, const char *text,
                                  int64_t row)
{
    sqlite3_stmt *statement = bind_name(store, SQL_ADD_NAME, by, text);
    sqlite3_bind_int64(statement, 3, row);
    enum store_result rc = store_run(store, statement);
    if (rc == STORE_DUPLICATE)
        store_say(store, "%s '%s' is taken by another subscription",
                  by == FIELD_IMPI ? "IMPI" : "user id", text);
    return rc;
}

static enum store_result add_names(struct store *store, const struct subscription *subscription,
                                   int64_t row)
{
    enum store_result rc = add_name(store, FIELD_IMPI, subscription->identity.impi, row);
    for (size_t i = 0; rc == STORE_OK && i < subscription->user_id_count; i++)
        rc = add_name(store, FIELD_USER_ID, subscription->user_ids[i], row);
    return rc;
}

/* `which`: SQL_ADD_SQN or SQL_SQN_ZERO. */
static enum store_result write_zero_sqn(struct store *store, enum statement which, int64_t row)
{
    sqlite3_stmt *statement = store_statement(store, which);
    sqlite3_bind_int64(statement, 1, row);
    sqlite3_bind_zeroblob(statement, 2, 0); /* Annex C.2: the array begins at zero */
    return store_run(store, statement);
}

static enum store_result add_pin(struct store *store, int64_t row)
{
    sqlite3_stmt *statement = store_statement(store, SQL_PIN_ADD);
    sqlite3_bind_int64(statement, 1, row);
    sqlite3_bind_int64(statement, 2, PIN_TRIES);
    return store_run(store, statement);
}

/* Inside a transaction: what is wrapped must be so under no KEK that is to be destroyed. */
static enum store_result check_kek(struct store *store, const struct subscription *subscription)
{
    return subscription->residence == RESIDENCE_WRAPPED
               ? store_kek_check(store, &subscription->wrapped.kek)
               : STORE_OK;
}

enum store_result store_add_in_transaction(struct store *store, struct subscription *subscription)
{
    enum store_result rc = check_kek(store, subscription);
    if (rc != STORE_OK)
        return rc;
    sqlite3_stmt *statement = store_statement(store, SQL_ADD);
    bind_record(statement, 1, subscription);
    rc = store_run(store, statement);
    int64_t row = sqlite3_last_insert_rowid(store->db);
    if (rc == STORE_OK)
        rc = add_names(store, subscription, row);
    if (rc == STORE_OK)
        rc = write_zero_sqn(store, SQL_ADD_SQN, row);
    if (rc == STORE_OK && subscription->pin.is_set)
        rc = add_pin(store, row);
    if (rc == STORE_OK)
        subscription->row = row;
    return rc;
}

enum store_result store_add(struct store *store, struct subscription *subscription)
{
    enum store_result rc = store_begin(store);
    if (rc != STORE_OK)
        return rc;
    rc = store_add_in_transaction(store, subscription);
    if (rc == STORE_OK)
        rc = store_commit(store);
    if (rc != STORE_OK)
        store_rollback(store);
    return rc;
}

/* One row or none was meant to change. */
static enum store_result change_row(struct store *store, sqlite3_stmt *statement)
{
    enum store_result rc = store_run(store, statement);
    if (rc == STORE_OK && sqlite3_changes(store->db) != 1)
        return STORE_NOT_FOUND;
    return rc;
}

static enum store_result update(struct store *store, const struct subscription *subscription)
{
    enum store_result rc = check_kek(store, subscription);
    if (rc != STORE_OK)
        return rc;
    sqlite3_stmt *statement = store_statement(store, SQL_UPDATE);
    sqlite3_bind_int64(statement, 1, subscription->row);
    bind_record(statement, 2, subscription);
    return change_row(store, statement);
}

enum store_result store_update(struct store *store, const struct subscription *subscription)
{
    if (sqlite3_get_autocommit(store->db) == 0)
        return update(store, subscription);
    enum store_result rc = store_begin(store);
    if (rc != STORE_OK)
        return rc;
    rc = update(store, subscription);
    if (rc == STORE_OK)
        rc = store_commit(store);
    if (rc != STORE_OK)
        store_rollback(store);
    return rc;
}

enum store_result store_remove(struct store *store, int64_t row)
{
    sqlite3_stmt *statement = store_statement(store, SQL_REMOVE);
    sqlite3_bind_int64(statement, 1, row);
    return change_row(store, statement);
}

enum store_result store_set_names(struct store *store, const struct subscription *subscription)
{
    sqlite3_stmt *statement = store_statement(store, SQL_DROP_NAMES);
    sqlite3_bind_int64(statement, 1, subscription->row);
    enum store_result rc = store_run(store, statement);
    return rc == STORE_OK ? add_names(store, subscription, subscription->row) : rc;
}

enum store_result store_begin_anew(struct store *store, int64_t row)
{
    sqlite3_stmt *statement = store_statement(store, SQL_GBA_FORGET);
    sqlite3_bind_int64(statement, 1, row);
    enum store_result rc = store_run(store, statement);
    if (rc == STORE_OK)
        rc = write_zero_sqn(store, SQL_SQN_ZERO, row);
    if (rc == STORE_OK && sqlite3_changes(store->db) != 1)
        return STORE_NOT_FOUND;
    return rc;
}

/* One number, or no row. */
static enum store_result take_number(struct store *store, sqlite3_stmt *statement, int64_t *out)
{
    enum store_result rc = store_step(store, statement);
    if (rc == STORE_OK)
        *out = sqlite3_column_int64(statement, 0);
    sqlite3_reset(statement);
    return rc;
}

enum store_result store_check_same(struct store *store, int64_t row,
                                   const uint8_t seal[TOKEN_MAC_BYTES])
{
    int64_t is_same = 0;
    sqlite3_stmt *statement = store_statement(store, SQL_IS_SAME);
    sqlite3_bind_int64(statement, 1, row);
    sqlite3_bind_blob(statement, 2, seal, TOKEN_MAC_BYTES, SQLITE_STATIC);
    enum store_result rc = take_number(store, statement, &is_same);
    return rc == STORE_OK && is_same != 1 ? STORE_CONFLICT : rc;
}

enum store_result store_edition(struct store *store, int64_t *out_edition)
{
    enum store_result rc = take_number(store, store_statement(store, SQL_EDITION), out_edition);
    if (rc != STORE_NOT_FOUND)
        return rc;
    store_say(store, "has no edition: its table was emptied");
    return STORE_CORRUPT;
}

enum store_result store_count(struct store *store, int64_t *out_count)
{
    return take_number(store, store_statement(store, SQL_HOW_MANY), out_count);
}

enum store_result store_next_impi(struct store *store, char in_out_impi[NAME_BYTES_MAX + 1],
                                  struct subscription *out)
{
    sqlite3_stmt *statement = bind_name(store, SQL_NEXT_IMPI, FIELD_IMPI, in_out_impi);
    enum store_result rc = store_step(store, statement);
    if (rc == STORE_OK) {
        size_t bytes = (size_t)sqlite3_column_bytes(statement, 3);
        rc = take(store, statement, out);
        if (bytes > NAME_BYTES_MAX)
            bytes = NAME_BYTES_MAX;
        memcpy(in_out_impi, sqlite3_column_text(statement, 3), bytes);
        in_out_impi[bytes] = '\0';
    }
    sqlite3_reset(statement);
    return rc;
}
