#include "store_sql.h"

/* "nisi" */
#define APPLICATION_ID 0x6e697369

/* kind in name: FIELD_USER_ID or FIELD_IMPI of the wire. AUTOINCREMENT: a row is never reused. */
static const char schema[] = "BEGIN EXCLUSIVE;"
                             "CREATE TABLE subscription ("
                             " row INTEGER PRIMARY KEY AUTOINCREMENT,"
                             " record BLOB NOT NULL, seal BLOB NOT NULL) STRICT;"
                             "CREATE TABLE name ("
                             " kind INTEGER NOT NULL, text TEXT NOT NULL,"
                             " row INTEGER NOT NULL REFERENCES subscription ON DELETE CASCADE,"
                             " PRIMARY KEY (kind, text)) STRICT, WITHOUT ROWID;"
                             "CREATE INDEX name_row ON name (row);"
                             "CREATE TABLE sqn ("
                             " row INTEGER PRIMARY KEY REFERENCES subscription ON DELETE CASCADE,"
                             " version INTEGER NOT NULL, seqs BLOB NOT NULL) STRICT;"
                             "CREATE TABLE gba ("
                             " row INTEGER PRIMARY KEY REFERENCES subscription ON DELETE CASCADE,"
                             " version INTEGER NOT NULL, record BLOB NOT NULL, seal BLOB NOT NULL)"
                             " STRICT;"
                             "CREATE TABLE value ("
                             " name TEXT PRIMARY KEY, value BLOB NOT NULL, seal BLOB NOT NULL)"
                             " STRICT, WITHOUT ROWID;"
                             "CREATE TABLE pin ("
                             " row INTEGER PRIMARY KEY REFERENCES subscription ON DELETE CASCADE,"
                             " version INTEGER NOT NULL, tries INTEGER NOT NULL) STRICT;"
                             "PRAGMA application_id = 0x6e697369;"
                             "PRAGMA user_version = 1;"
                             "COMMIT;";

/*
 * Schema 2: the edition (store_edition). It moves by triggers, so that nobody who changes a record
 * can forget it. Two processes may come to this at once.
 */
static const char schema_2[] =
    "BEGIN EXCLUSIVE;"
    "CREATE TABLE IF NOT EXISTS edition (number INTEGER NOT NULL) STRICT;"
    "INSERT INTO edition SELECT 0 WHERE NOT EXISTS (SELECT 1 FROM edition);"
    "CREATE TRIGGER IF NOT EXISTS record_changed AFTER UPDATE ON subscription"
    " BEGIN UPDATE edition SET number = number + 1; END;"
    "CREATE TRIGGER IF NOT EXISTS record_removed AFTER DELETE ON subscription"
    " BEGIN UPDATE edition SET number = number + 1; END;"
    "CREATE TRIGGER IF NOT EXISTS name_changed AFTER UPDATE ON name"
    " BEGIN UPDATE edition SET number = number + 1; END;"
    "CREATE TRIGGER IF NOT EXISTS name_removed AFTER DELETE ON name"
    " BEGIN UPDATE edition SET number = number + 1; END;"
    "PRAGMA user_version = 2;"
    "COMMIT;";

static const char settings[] = "PRAGMA journal_mode = WAL;"
                               "PRAGMA synchronous = FULL;"
                               "PRAGMA foreign_keys = ON;"
                               "PRAGMA trusted_schema = OFF;";

static enum store_result run_script(struct store *store, const char *sql)
{
    return store_result_of(store, sqlite3_exec(store->db, sql, NULL, NULL, NULL));
}

static enum store_result read_pragma(struct store *store, const char *sql, int *out_value)
{
    sqlite3_stmt *statement = NULL;
    int code = sqlite3_prepare_v2(store->db, sql, -1, &statement, NULL);
    if (code == SQLITE_OK)
        code = sqlite3_step(statement);
    if (code == SQLITE_ROW)
        *out_value = sqlite3_column_int(statement, 0);
    sqlite3_finalize(statement);
    return store_result_of(store, code == SQLITE_ROW ? SQLITE_OK : code);
}

enum store_result store_schema_ready(struct store *store, bool create)
{
    int application = 0;
    int version = 0;
    int tables = 0;
    enum store_result rc = read_pragma(store, "PRAGMA application_id", &application);
    if (rc == STORE_OK)
        rc = read_pragma(store, "PRAGMA user_version", &version);
    if (rc == STORE_OK)
        rc = read_pragma(store, "SELECT count(*) FROM sqlite_schema", &tables);
    if (rc == STORE_OK)
        rc = run_script(store, settings);
    if (rc != STORE_OK)
        return rc;
    /* A store that was emptied behind our back must not pass for one without subscribers. */
    if (create && application == 0 && version == 0 && tables == 0) {
        rc = run_script(store, schema);
        return rc == STORE_OK ? run_script(store, schema_2) : rc;
    }
    if (application != APPLICATION_ID) {
        store_say(store, "is a database, but not a nisim store");
        return STORE_CORRUPT;
    }
    if (version == 1)
        return run_script(store, schema_2);
    if (version != STORE_SCHEMA_VERSION) {
        store_say(store, "has schema version %d, this program knows %d: use the nisim that made it",
                  version, STORE_SCHEMA_VERSION);
        return STORE_CORRUPT;
    }
    return STORE_OK;
}
