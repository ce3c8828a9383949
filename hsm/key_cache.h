/*
 * Wrapped subscribers' keys while they are in use: K as a session object of the token, OPc in
 * locked pages, of a bounded number of subscribers. The one that was not used for longest makes
 * room, and its K is destroyed. A subscriber whose wrapped bytes changed is unwrapped anew.
 */
#ifndef NISIM_HSM_KEY_CACHE_H
#define NISIM_HSM_KEY_CACHE_H

#include "keyring.h"
#include "token_kek.h"

#define KEY_CACHE_MOST 1000000

struct key_cache;

/*
 * Room for `room` subscribers, 1 to KEY_CACHE_MOST, all of it now: 16 bytes each of memory that may
 * be locked, and 100 more. Borrows the token, and must be freed before it is closed.
 */
MUST_CHECK enum hsm_result key_cache_new(struct token *token, size_t room,
                                         struct key_cache **out_cache);

/* Destroys the K objects, wipes. Takes NULL. */
void key_cache_free(struct key_cache **cache);

/*
 * As token_kek.h's unwrapping. The key is good until the next call. Starts out_state with it, for
 * the caller's own blocks are of the same operation as the one that uncovers OPc: each costs
 * SoftHSM more than ten blocks. The caller ends it, on failure too.
 */
MUST_CHECK enum hsm_result key_cache_open(struct key_cache *cache, const struct key_ref *ref,
                                          const struct wrapped_keys *wrapped,
                                          struct token_cipher *out_state, struct key *out_key);

/*
 * How many K it has unwrapped since it was made. SoftHSM 2.6.1 keeps about 240 bytes of every
 * session object that was destroyed until C_Finalize: past some number, begin anew.
 */
size_t key_cache_unwrapped(const struct key_cache *cache);

size_t key_cache_count(const struct key_cache *cache);

#endif
