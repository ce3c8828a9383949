/* GBA states in the store. As with SQN states, a compare-and-set keeps processes apart. */
#ifndef NISIM_STORE_STORE_GBA_H
#define NISIM_STORE_STORE_GBA_H

#include "gba_state.h"
#include "store.h"

/* The caller checks the seal. STORE_NOT_FOUND before the first run of this subscription. */
MUST_CHECK enum store_result store_gba_read(struct store *store, int64_t row,
                                            struct gba_state *out);

/*
 * Writes a sealed state. STORE_CONFLICT when the version is no longer state->version, the
 * subscription is gone, or the KEK is an old one (store_kek.h). Inside a transaction.
 */
MUST_CHECK enum store_result store_gba_swap(struct store *store, const struct gba_state *state);

/* Drops every GBA state: a next one needs a new run. */
MUST_CHECK enum store_result store_gba_void(struct store *store);

#endif
