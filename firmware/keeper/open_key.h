/* The key of the subscriber in hand, wherever it rests. */
#ifndef NISIM_KEEPER_OPEN_KEY_H
#define NISIM_KEEPER_OPEN_KEY_H

#include "keeper.h"

/* As keyring_open or key_cache_open; good until the next call of this. */
MUST_CHECK enum hsm_result open_key(struct keeper *keeper, struct key *out_key);

#endif
