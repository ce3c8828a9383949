/* The store's inside: its SQL statements and how their results are read. For store*.c only. */
#ifndef NISIM_STORE_STORE_SQL_H
#define NISIM_STORE_STORE_SQL_H

#include <sqlite3.h>

#include "store.h"
#include "turn.h"

enum statement {
#define SQL(name, text) SQL_##name,
#include "statements.def"
    SQL_COUNT,
};

struct store {
    sqlite3 *db;
    sqlite3_stmt *statements[SQL_COUNT];
    struct turn turn;
    unsigned wait_ms; /* for the turn */
    char why[STORE_WHY_BYTES];
};

/*
 * Refuses an open database that is no store, or one of a schema that is not known; makes schema 1
 * in an empty one only when `create`.
 */
MUST_CHECK enum store_result store_schema_ready(struct store *store, bool create);

/* Brings it up to STORE_SCHEMA_VERSION, which older nisims refuse, and checks what that added. */
MUST_CHECK enum store_result store_schema_update(struct store *store);

/* Prepares every statement. */
MUST_CHECK enum store_result store_prepare(struct store *store);

/* What an SQLite code means to us; says so in store->why unless it is a good one. */
MUST_CHECK enum store_result store_result_of(struct store *store, int code);

/* The statement without its former bindings. */
sqlite3_stmt *store_statement(struct store *store, enum statement which);

/* To the row that is looked for; STORE_NOT_FOUND when there is none. The caller resets. */
MUST_CHECK enum store_result store_step(struct store *store, sqlite3_stmt *statement);

/* Runs a statement that yields no row. */
MUST_CHECK enum store_result store_run(struct store *store, sqlite3_stmt *statement);

void store_say(struct store *store, const char *format, ...) PRINTF_LIKE(2, 3);

#endif
