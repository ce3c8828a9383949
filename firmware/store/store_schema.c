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
 * Schema 2: the edition (store_edition). It changes by triggers, so that who changes a record by
 * SQL can't forget it, and to a number that was never before: in a copy that is put back, too.
 */
#define CHANGES_EDITION " BEGIN UPDATE edition SET number = random(); END"
#define RECORD_CHANGED "CREATE TRIGGER record_changed AFTER UPDATE ON subscription" CHANGES_EDITION
#define RECORD_REMOVED "CREATE TRIGGER record_removed AFTER DELETE ON subscription" CHANGES_EDITION
#define NAME_CHANGED "CREATE TRIGGER name_changed AFTER UPDATE ON name" CHANGES_EDITION
#define NAME_REMOVED "CREATE TRIGGER name_removed AFTER DELETE ON name" CHANGES_EDITION

static const char schema_2[] = "BEGIN EXCLUSIVE;"
                               "CREATE TABLE edition (number INTEGER NOT NULL) STRICT;"
                               "INSERT INTO edition VALUES (random());" RECORD_CHANGED
                               ";" RECORD_REMOVED ";" NAME_CHANGED ";" NAME_REMOVED ";"
                               "PRAGMA user_version = 2;"
                               "COMMIT;";

/* A store without them would let keepers use what was changed long ago. */
static const char edition_parts[] =
    "SELECT (SELECT count(*) FROM edition) + (SELECT count(*) FROM sqlite_schema WHERE sql IN ("
    "'" RECORD_CHANGED "', '" RECORD_REMOVED "', '" NAME_CHANGED "', '" NAME_REMOVED "'))";
#define EDITION_PARTS 5

static const char settings[] = "PRAGMA journal_mode = WAL;"
                               "PRAGMA synchronous = FULL;"
                               "PRAGMA foreign_keys = ON;"
                               "PRAGMA trusted_schema = OFF;";

static enum store_result run_script(struct store *store, const char *sql)
{
    return store_result_of(store, sqlite3_exec(store->db, sql, NULL, NULL, NULL));
}

static enum store_result read_number(struct store *store, const char *sql, int *out_value)
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
    enum store_result rc = read_number(store, "PRAGMA application_id", &application);
    if (rc == STORE_OK)
        rc = read_number(store, "PRAGMA user_version", &version);
    if (rc == STORE_OK)
        rc = read_number(store, "SELECT count(*) FROM sqlite_schema", &tables);
    if (rc == STORE_OK)
        rc = run_script(store, settings);
    if (rc != STORE_OK)
        return rc;
    /* A store that was emptied behind our back must not pass for one without subscribers. */
    if (create && application == 0 && version == 0 && tables == 0)
        return run_script(store, schema);
    if (application != APPLICATION_ID) {
        store_say(store, "is a database, but not a nisim store");
        return STORE_CORRUPT;
    }
    if (version < 1 || version > STORE_SCHEMA_VERSION) {
        store_say(store, "has schema version %d, this program knows %d: use the nisim that made it",
                  version, STORE_SCHEMA_VERSION);
        return STORE_CORRUPT;
    }
    return STORE_OK;
}

/* In the turn, another process may just have done it. */
static enum store_result update(struct store *store)
{
    int version = 0;
    if (!turn_take(&store->turn, store->wait_ms)) {
        store_say(store, "another process is writing, and it has to be brought up to schema %d",
                  STORE_SCHEMA_VERSION);
        return STORE_BUSY;
    }
    enum store_result rc = read_number(store, "PRAGMA user_version", &version);
    if (rc == STORE_OK && version == 1)
        rc = run_script(store, schema_2);
    turn_give(&store->turn);
    return rc;
}

enum store_result store_schema_update(struct store *store)
{
    int version = 0;
    int parts = 0;
    enum store_result rc = read_number(store, "PRAGMA user_version", &version);
    if (rc == STORE_OK && version < STORE_SCHEMA_VERSION)
        rc = update(store);
    if (rc == STORE_OK)
        rc = read_number(store, edition_parts, &parts);
    if (rc != STORE_OK || parts == EDITION_PARTS)
        return rc;
    store_say(
        store,
        "its edition or the triggers that change it were altered: put an unaltered copy back, "
        "or restore a backup");
    return STORE_CORRUPT;
}
