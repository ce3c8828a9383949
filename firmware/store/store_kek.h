/*
 * Which KEK what is written to the store must be wrapped under: none older, from the beginning of
 * a rotation on. So when the rotation has gone through all rows, the old one is used by none.
 */
#ifndef NISIM_STORE_STORE_KEK_H
#define NISIM_STORE_STORE_KEK_H

#include "stored_value.h"
#include "token_kek.h"

#define STORE_KEK_NAME "kek"

/* Zero, which every KEK is newer than, before the first rotation. */
MUST_CHECK enum store_result store_kek_read(struct store *store, struct kek_id *out_oldest);

/* STORE_CONFLICT when this KEK is too old. Inside the transaction that writes. */
MUST_CHECK enum store_result store_kek_check(struct store *store, const struct kek_id *id);

#endif
