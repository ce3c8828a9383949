/*
 * How many tries a card's PIN has left. As with SQN states, a compare-and-set keeps processes
 * apart: two of them can't both give the last try.
 */
#ifndef NISIM_STORE_STORE_PIN_H
#define NISIM_STORE_STORE_PIN_H

#include "store.h"

struct pin_state {
    int64_t row;     /* of the subscription */
    int64_t version; /* what store_pin_swap compares */
    uint8_t tries;   /* left; 0: the PIN is blocked */
};

/* STORE_BAD_RECORD when the row has no counter, or not one of 0 to PIN_TRIES. */
MUST_CHECK enum store_result store_pin_read(struct store *store, int64_t row,
                                            struct pin_state *out);

/* STORE_CONFLICT when the version is no longer state->version. Inside a transaction. */
MUST_CHECK enum store_result store_pin_swap(struct store *store, const struct pin_state *state);

/* All tries anew. STORE_NOT_FOUND when the row has no counter. */
MUST_CHECK enum store_result store_pin_unblock(struct store *store, int64_t row);

#endif
