/* The key of the subscriber in hand, wherever it rests. */
#ifndef NISIM_KEEPER_OPEN_KEY_H
#define NISIM_KEEPER_OPEN_KEY_H

#include "keeper.h"

/*
 * As keyring_open or key_cache_open; good until the next call of this. out_cipher encrypts under
 * the key until the caller ends out_state, which he does on failure too.
 */
MUST_CHECK enum hsm_result open_key(struct keeper *keeper, struct token_cipher *out_state,
                                    struct cipher *out_cipher, struct key *out_key);

#endif
