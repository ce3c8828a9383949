/* A challenge put to the subscriber's K: the part that all forms of answer share. */
#ifndef NISIM_KEEPER_CHALLENGE_H
#define NISIM_KEEPER_CHALLENGE_H

#include "aka.h"
#include "work.h"

/*
 * For keeper->subscription. True: `out` is AKA_ACCEPTED, its SQN state pending, or
 * AKA_SYNC_FAILURE; the reply needs the commit either way. False: work->fault (MAC_FAILURE among
 * them) or work->exit says why there is nothing to answer with.
 */
MUST_CHECK bool challenge_run(struct work *work, const uint8_t rand[RAND_BYTES],
                              const uint8_t autn[AUTN_BYTES], struct aka_answer *out);

/* For GBA_U's MAC* (gba.h in hsm/): the AUTN to put to challenge_run. */
MUST_CHECK bool challenge_restore_autn(struct work *work, const uint8_t rand[RAND_BYTES],
                                       const uint8_t autn_star[AUTN_BYTES],
                                       uint8_t out_autn[AUTN_BYTES]);

#endif
