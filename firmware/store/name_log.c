#include "name_log.h"

#include <sqlite3.h>
#include <stdlib.h>

struct name_log {
    sqlite3 *db;
    sqlite3_stmt *add;
    sqlite3_stmt *forget;
    sqlite3_stmt *find;
};

/* One transaction from beginning to end, never committed: nothing of it is to last. */
static const char schema[] = "PRAGMA journal_mode = OFF;"
                             "PRAGMA synchronous = OFF;"
                             "PRAGMA temp_store = FILE;"
                             "PRAGMA cache_size = -4096;"
                             "CREATE TABLE name (text TEXT PRIMARY KEY, line INTEGER NOT NULL)"
                             " STRICT, WITHOUT ROWID;"
                             "BEGIN;";

enum store_result name_log_new(struct name_log **out_log)
{
    struct name_log *log = calloc(1, sizeof *log);
    if (log == NULL)
        return STORE_FAILED;
    bool good = sqlite3_open_v2("", &log->db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE, NULL) ==
                    SQLITE_OK &&
                sqlite3_exec(log->db, schema, NULL, NULL, NULL) == SQLITE_OK &&
                sqlite3_prepare_v2(log->db,
                                   "INSERT INTO name (text, line) VALUES (?1, ?2)"
                                   " ON CONFLICT DO NOTHING",
                                   -1, &log->add, NULL) == SQLITE_OK &&
                sqlite3_prepare_v2(log->db, "DELETE FROM name WHERE text = ?1 AND line = ?2", -1,
                                   &log->forget, NULL) == SQLITE_OK &&
                sqlite3_prepare_v2(log->db, "SELECT line FROM name WHERE text = ?1", -1, &log->find,
                                   NULL) == SQLITE_OK;
    if (good)
        *out_log = log;
    else
        name_log_free(&log);
    return good ? STORE_OK : STORE_FAILED;
}

void name_log_free(struct name_log **log)
{
    if (*log == NULL)
        return;
    sqlite3_finalize((*log)->add);
    sqlite3_finalize((*log)->forget);
    sqlite3_finalize((*log)->find);
    sqlite3_close((*log)->db);
    free(*log);
    *log = NULL;
}

static enum store_result change(sqlite3_stmt *statement, const char *name, size_t line)
{
    sqlite3_bind_text(statement, 1, name, -1, SQLITE_STATIC);
    sqlite3_bind_int64(statement, 2, (sqlite3_int64)line);
    int code = sqlite3_step(statement);
    sqlite3_reset(statement);
    sqlite3_clear_bindings(statement);
    return code == SQLITE_DONE ? STORE_OK : STORE_FAILED;
}

enum store_result name_log_add(struct name_log *log, const char *name, size_t line)
{
    return change(log->add, name, line);
}

enum store_result name_log_forget(struct name_log *log, const char *name, size_t line)
{
    return change(log->forget, name, line);
}

enum store_result name_log_find(struct name_log *log, const char *name, size_t *out_line)
{
    sqlite3_bind_text(log->find, 1, name, -1, SQLITE_STATIC);
    int code = sqlite3_step(log->find);
    if (code == SQLITE_ROW)
        *out_line = (size_t)sqlite3_column_int64(log->find, 0);
    sqlite3_reset(log->find);
    sqlite3_clear_bindings(log->find);
    return code == SQLITE_ROW ? STORE_OK : code == SQLITE_DONE ? STORE_NOT_FOUND : STORE_FAILED;
}
