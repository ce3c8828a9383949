#include "store_kek.h"

#include <string.h>

#include "store_sql.h"

/* Without its seal checked: an altered one keeps writers away, or lets them be as before. */
enum store_result store_kek_read(struct store *store, struct kek_id *out_oldest)
{
    sqlite3_stmt *statement = store_statement(store, SQL_VALUE_READ);
    sqlite3_bind_text(statement, 1, STORE_KEK_NAME, -1, SQLITE_STATIC);
    int code = sqlite3_step(statement);
    enum store_result rc = store_result_of(store, code);
    memset(out_oldest, 0, sizeof *out_oldest);
    if (code == SQLITE_ROW && sqlite3_column_bytes(statement, 1) == (int)sizeof *out_oldest)
        memcpy(out_oldest, sqlite3_column_blob(statement, 1), sizeof *out_oldest);
    sqlite3_reset(statement);
    return rc;
}

enum store_result store_kek_check(struct store *store, const struct kek_id *id)
{
    struct kek_id oldest = {{0}};
    enum store_result rc = store_kek_read(store, &oldest);
    if (rc == STORE_OK && memcmp(id, &oldest, sizeof oldest) < 0) {
        store_say(store, "the KEK was rotated meanwhile: do it again");
        return STORE_CONFLICT;
    }
    return rc;
}
