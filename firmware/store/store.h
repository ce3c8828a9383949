/*
 * Subscriptions and their SQN state in one SQLite file (WAL, synchronous=FULL): what a COMMIT has
 * returned survives a power cut. Used by keepers (reads, SQN) and by the officer's tool (writes).
 * Several processes may have it open; the SQN compare-and-set is what keeps them from accepting
 * one SQN twice.
 */
#ifndef NISIM_STORE_STORE_H
#define NISIM_STORE_STORE_H

#include "subscription.h"

#define STORE_SCHEMA_VERSION 2
#define STORE_WHY_BYTES 256

enum store_result {
    STORE_OK = 0,
    STORE_NOT_FOUND,
    STORE_DUPLICATE,  /* a user id or an IMPI is taken; store_why names it */
    STORE_CONFLICT,   /* the row is no longer what the caller read: read again */
    STORE_BUSY,       /* another process holds the file longer than we wait: retry */
    STORE_BAD_RECORD, /* this row is not as it was written: others still work */
    STORE_CORRUPT,    /* give up: the file is damaged or not a nisim store */
    STORE_FAILED,     /* disk full, not writable, I/O error: store_why says which */
};

struct store;

/* Makes the file when `create`. On failure out_why (STORE_WHY_BYTES) says what and where. */
MUST_CHECK enum store_result store_open(const char *path, bool create, char *out_why,
                                        struct store **out_store);

/* How long store_begin waits for its turn, where 2 s are not it: a keeper's clients can't wait. */
void store_set_wait(struct store *store, unsigned ms);
void store_close(struct store **store);

/* What the last call that failed said; one line, no subscriber's secret in it. */
const char *store_why(const struct store *store);

/*
 * by: FIELD_USER_ID or FIELD_IMPI. The caller checks the seal and that the name is the
 * subscription's (subscription.h).
 */
MUST_CHECK enum store_result store_find(struct store *store, const struct subscriber_name *name,
                                        struct subscription *out);

/*
 * A number that is another after every UPDATE or DELETE of a record or a name, whoever makes it,
 * and does not come again: what store_find has found under one edition is so as long as it stands.
 */
MUST_CHECK enum store_result store_edition(struct store *store, int64_t *out_edition);

/* The SQN state and its version, the stamp that store_sqn_swap compares. */
MUST_CHECK enum store_result store_sqn_read(struct store *store, int64_t row,
                                            struct sqn_array *out_array, int64_t *out_version);

/*
 * Reads between these see the store as it is at the first of them, at less cost. Without
 * success, which shows at the next read, they see it as it is at each.
 */
void store_view_begin(struct store *store);
void store_view_end(struct store *store);

/*
 * Waits for its turn among the processes that write (turn.h); STORE_BUSY when that takes too long.
 * All between begin and commit is durable when commit returns STORE_OK, and undone else. */
MUST_CHECK enum store_result store_begin(struct store *store);
MUST_CHECK enum store_result store_commit(struct store *store);
void store_rollback(struct store *store);

/* STORE_CONFLICT when the version is no longer `version`. Inside a transaction. */
MUST_CHECK enum store_result store_sqn_swap(struct store *store, int64_t row, int64_t version,
                                            const struct sqn_array *array);

/* For the officer's tool, on a sealed subscription. store_add sets subscription->row. */
MUST_CHECK enum store_result store_add(struct store *store, struct subscription *subscription);

/*
 * The same between store_begin and store_commit, for many rows that are durable together or not at
 * all: on failure the caller rolls back.
 */
MUST_CHECK enum store_result store_add_in_transaction(struct store *store,
                                                      struct subscription *subscription);

/* The sealed subscription in place of its row; a transaction of its own unless one is open. */
MUST_CHECK enum store_result store_update(struct store *store,
                                          const struct subscription *subscription);
MUST_CHECK enum store_result store_remove(struct store *store, int64_t row);

/* How many subscriptions there are. */
MUST_CHECK enum store_result store_count(struct store *store, int64_t *out_count);

/*
 * For changes, inside a transaction. STORE_CONFLICT when the row no longer has this seal: somebody
 * changed it since it was read.
 */
MUST_CHECK enum store_result store_check_same(struct store *store, int64_t row,
                                              const uint8_t seal[TOKEN_MAC_BYTES]);

/* The names of the sealed subscription in place of those that the row has. */
MUST_CHECK enum store_result store_set_names(struct store *store,
                                             const struct subscription *subscription);

/* For a new K: the SQN state of a new subscription, and no GBA record of the old K. */
MUST_CHECK enum store_result store_begin_anew(struct store *store, int64_t row);

/*
 * The subscription with the smallest IMPI above `in_out_impi` ("" to begin), which then is that
 * one, even where the record is bad; else as store_next.
 */
MUST_CHECK enum store_result store_next_impi(struct store *store,
                                             char in_out_impi[NAME_BYTES_MAX + 1],
                                             struct subscription *out);

/*
 * The subscription with the smallest row above `after` (0 to begin): a list in pages of one.
 * STORE_NOT_FOUND at the end.
 */
MUST_CHECK enum store_result store_next(struct store *store, int64_t after,
                                        struct subscription *out);

#endif
