#include "store.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "store_sql.h"

#define BUSY_WAIT_MS 2000

static const char *const sql_texts[] = {
#define SQL(name, text) text,
#include "statements.def"
};

void store_say(struct store *store, const char *format, ...)
{
    va_list values;
    va_start(values, format);
    vsnprintf(store->why, sizeof store->why, format, values);
    va_end(values);
}

enum store_result store_result_of(struct store *store, int code)
{
    if (code == SQLITE_OK || code == SQLITE_DONE || code == SQLITE_ROW)
        return STORE_OK;
    int cause = sqlite3_system_errno(store->db);
    store_say(store, "%s%s%s", sqlite3_errmsg(store->db), cause != 0 ? ": " : "",
              cause != 0 ? strerror(cause) : "");
    switch (code & 0xff) {
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
        return STORE_BUSY;
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
        return STORE_CORRUPT;
    case SQLITE_CONSTRAINT:
        return STORE_DUPLICATE;
    default:
        return STORE_FAILED;
    }
}

sqlite3_stmt *store_statement(struct store *store, enum statement which)
{
    sqlite3_stmt *statement = store->statements[which];
    sqlite3_reset(statement);
    sqlite3_clear_bindings(statement);
    return statement;
}

enum store_result store_step(struct store *store, sqlite3_stmt *statement)
{
    int code = sqlite3_step(statement);
    return code == SQLITE_DONE ? STORE_NOT_FOUND : store_result_of(store, code);
}

enum store_result store_run(struct store *store, sqlite3_stmt *statement)
{
    enum store_result rc = store_result_of(store, sqlite3_step(statement));
    sqlite3_reset(statement);
    return rc;
}

enum store_result store_prepare(struct store *store)
{
    enum store_result rc = STORE_OK;
    for (size_t i = 0; i < SQL_COUNT && rc == STORE_OK; i++) {
        rc = store_result_of(store, sqlite3_prepare_v3(store->db, sql_texts[i], -1,
                                                       SQLITE_PREPARE_PERSISTENT,
                                                       &store->statements[i], NULL));
    }
    return rc;
}

/*
 * SQLite makes files for everybody's eyes that the umask allows; ours are the owner's alone. One
 * that is there is not opened: its close would drop the locks of who has it open in this process.
 */
static enum store_result make_file(const char *path, char *out_why)
{
    int descriptor = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (descriptor < 0 && errno == EEXIST)
        return STORE_OK;
    if (descriptor < 0) {
        snprintf(out_why, STORE_WHY_BYTES, "can't be made: %s", strerror(errno));
        return STORE_FAILED;
    }
    close(descriptor);
    return STORE_OK;
}

static enum store_result open_database(struct store *store, const char *path, bool create)
{
    int code = sqlite3_open_v2(path, &store->db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX, NULL);
    if (code == SQLITE_OK) {
        sqlite3_extended_result_codes(store->db, 1);
        code = sqlite3_busy_timeout(store->db, BUSY_WAIT_MS);
    }
    enum store_result rc = store_result_of(store, code);
    if (rc == STORE_OK)
        rc = store_schema_ready(store, create);
    if (rc == STORE_OK && !turn_open(&store->turn, path)) {
        store_say(store, "the file %s-turn can't be used: %s", path, strerror(errno));
        rc = STORE_FAILED;
    }
    if (rc == STORE_OK)
        rc = store_schema_update(store);
    return rc == STORE_OK ? store_prepare(store) : rc;
}

enum store_result store_open(const char *path, bool create, char *out_why, struct store **out_store)
{
    if (create && make_file(path, out_why) != STORE_OK)
        return STORE_FAILED;
    struct store *store = calloc(1, sizeof *store);
    if (store == NULL) {
        snprintf(out_why, STORE_WHY_BYTES, "memory is short");
        return STORE_FAILED;
    }
    store->wait_ms = BUSY_WAIT_MS;
    enum store_result rc = open_database(store, path, create);
    if (rc != STORE_OK) {
        snprintf(out_why, STORE_WHY_BYTES, "%s", store->why);
        store_close(&store);
        return rc;
    }
    *out_store = store;
    return STORE_OK;
}

void store_close(struct store **store)
{
    if (*store == NULL)
        return;
    for (size_t i = 0; i < SQL_COUNT; i++)
        sqlite3_finalize((*store)->statements[i]);
    sqlite3_close((*store)->db);
    turn_close(&(*store)->turn);
    free(*store);
    *store = NULL;
}

void store_set_wait(struct store *store, unsigned ms)
{
    store->wait_ms = ms;
}

const char *store_why(const struct store *store)
{
    return store->why;
}

void store_view_begin(struct store *store)
{
    if (store_run(store, store_statement(store, SQL_VIEW)) != STORE_OK)
        store_rollback(store);
}

void store_view_end(struct store *store)
{
    if (sqlite3_get_autocommit(store->db) == 0 &&
        store_run(store, store_statement(store, SQL_COMMIT)) != STORE_OK)
        store_rollback(store);
}

enum store_result store_begin(struct store *store)
{
    if (!turn_take(&store->turn, store->wait_ms)) {
        store_say(store, "another process is writing");
        return STORE_BUSY;
    }
    enum store_result rc = store_run(store, store_statement(store, SQL_BEGIN));
    if (rc != STORE_OK)
        turn_give(&store->turn);
    return rc;
}

enum store_result store_commit(struct store *store)
{
    enum store_result rc = store_run(store, store_statement(store, SQL_COMMIT));
    if (rc == STORE_OK)
        turn_give(&store->turn);
    return rc;
}

void store_rollback(struct store *store)
{
    /* Some errors have rolled back already. */
    if (sqlite3_get_autocommit(store->db) == 0)
        (void)sqlite3_step(store_statement(store, SQL_ROLLBACK));
    sqlite3_reset(store->statements[SQL_ROLLBACK]);
    turn_give(&store->turn);
}
