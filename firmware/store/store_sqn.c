#include "store.h"

#include "store_sql.h"

#define SEQ_BYTES 6 /* SEQ has 48 bits at most */
#define SEQS_BYTES_MAX ((size_t)SQN_ENTRIES_MAX * SEQ_BYTES)

/*
 * The SEQ of IND 0, of IND 1 and so on, big-endian, without the zeros at the end: a new
 * subscriber's state is empty, one with 5 bits of IND comes to 192 bytes. How many fit a page is
 * what a commit of many costs. Stores of before have all entries, in eight bytes each.
 */
#define FORMER_SEQ_BYTES 8
#define FORMER_SEQS_BYTES ((size_t)SQN_ENTRIES_MAX * FORMER_SEQ_BYTES)

static size_t entries_used(const struct sqn_array *array)
{
    size_t used = SQN_ENTRIES_MAX;
    while (used > 0 && array->seq[used - 1] == 0)
        used--;
    return used;
}

static enum store_result take_seqs(struct store *store, sqlite3_stmt *statement,
                                   struct sqn_array *out_array)
{
    size_t bytes = (size_t)sqlite3_column_bytes(statement, 1);
    size_t seq_bytes = bytes == FORMER_SEQS_BYTES ? FORMER_SEQ_BYTES : SEQ_BYTES;
    if (bytes % seq_bytes != 0 || bytes / seq_bytes > SQN_ENTRIES_MAX) {
        store_say(store, "an SQN state has %zu bytes", bytes);
        return STORE_BAD_RECORD;
    }
    struct wire_reader reader = wire_reader_of(sqlite3_column_blob(statement, 1), bytes);
    *out_array = (struct sqn_array){{0}};
    for (size_t i = 0; i < bytes / seq_bytes; i++)
        out_array->seq[i] = wire_read_number(&reader, seq_bytes);
    return STORE_OK;
}

enum store_result store_sqn_read(struct store *store, int64_t row, struct sqn_array *out_array,
                                 int64_t *out_version)
{
    sqlite3_stmt *statement = store_statement(store, SQL_SQN_READ);
    sqlite3_bind_int64(statement, 1, row);
    enum store_result rc = store_step(store, statement);
    if (rc == STORE_OK) {
        *out_version = sqlite3_column_int64(statement, 0);
        rc = take_seqs(store, statement, out_array);
    }
    sqlite3_reset(statement);
    return rc;
}

enum store_result store_sqn_swap(struct store *store, int64_t row, int64_t version,
                                 const struct sqn_array *array)
{
    uint8_t seqs[SEQS_BYTES_MAX];
    struct wire_writer writer = wire_writer_of(seqs, sizeof seqs);
    size_t used = entries_used(array);
    for (size_t i = 0; i < used; i++)
        wire_write_number(&writer, array->seq[i], SEQ_BYTES);
    sqlite3_stmt *statement = store_statement(store, SQL_SQN_SWAP);
    sqlite3_bind_int64(statement, 1, row);
    sqlite3_bind_int64(statement, 2, version);
    sqlite3_bind_blob(statement, 3, seqs, (int)writer.used, SQLITE_STATIC);
    enum store_result rc = store_run(store, statement);
    sqlite3_clear_bindings(statement);
    if (rc == STORE_OK && sqlite3_changes(store->db) != 1)
        return STORE_CONFLICT;
    return rc;
}
