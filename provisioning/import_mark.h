/*
 * How far a file has been imported: a sealed value of the store, named for the SHA-256 of the file
 * and written in the transaction of the rows it counts. So an import that was cut off goes on
 * exactly behind what is in.
 */
#ifndef NISIM_PROVISIONING_IMPORT_MARK_H
#define NISIM_PROVISIONING_IMPORT_MARK_H

#include "office.h"
#include "stored_value.h"

#define IMPORT_HASH_BYTES 32

struct import_mark {
    uint8_t hash[IMPORT_HASH_BYTES];
    uint64_t records; /* dealt with: imported or refused */
    uint64_t imported;
    bool complete; /* to the end of the file */
};

/* SHA-256 of the file from its beginning, where the descriptor stands again afterwards. */
MUST_CHECK enum outcome import_mark_hash(int descriptor, const char *path,
                                         struct import_mark *out_mark);

/* All zero but the hash where the store has none. */
MUST_CHECK enum outcome import_mark_read(struct office *office, struct import_mark *mark);

/* For one who wants to begin anew. */
MUST_CHECK enum outcome import_mark_forget(struct office *office, const struct import_mark *mark);

/* Inside the transaction: STORE_CONFLICT unless the store's mark is still `before`. */
MUST_CHECK enum store_result import_mark_compare(struct office *office,
                                                 const struct import_mark *before);

/* Inside the transaction. OUTCOME_FAILED when the seal can't be made. */
MUST_CHECK enum outcome import_mark_write(struct office *office, const struct import_mark *mark);

#endif
