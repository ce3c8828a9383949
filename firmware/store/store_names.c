#include "store_names.h"

#include "store_sql.h"

enum store_result store_name_is_taken(struct store *store, const char *text)
{
    sqlite3_stmt *statement = store_statement(store, SQL_NAME_TAKEN);
    sqlite3_bind_int64(statement, 1, FIELD_USER_ID);
    sqlite3_bind_int64(statement, 2, FIELD_IMPI);
    sqlite3_bind_text(statement, 3, text, -1, SQLITE_STATIC);
    enum store_result rc = store_step(store, statement);
    sqlite3_reset(statement);
    sqlite3_clear_bindings(statement);
    return rc;
}
