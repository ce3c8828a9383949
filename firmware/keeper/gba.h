/*
 * GBA_U for keeper->subscription, whatever asks for it: messages here, APDUs elsewhere. Each
 * function returns false when work->fault or work->exit says why not (GBA_OFF among them). What
 * changes is pending, as SQN states are, and committed with them.
 */
#ifndef NISIM_KEEPER_GBA_H
#define NISIM_KEEPER_GBA_H

#include "aka.h"
#include "gba_state.h"
#include "work.h"

/*
 * Fills keeper->gba. *out_done: there was a run, so it holds something (EF_GBABP, EF_GBANL);
 * otherwise only row and version mean anything.
 */
MUST_CHECK bool gba_load(struct work *work, bool *out_done);

/* As challenge_run. AKA_ACCEPTED: Ks is replaced; of `out` nothing but RES may go out. */
MUST_CHECK bool gba_bootstrap(struct work *work, const uint8_t rand[RAND_BYTES],
                              const uint8_t autn[AUTN_BYTES], struct aka_answer *out);

/* What the BSF said of the run with this RAND; NOT_BOOTSTRAPPED when that is not the last one. */
MUST_CHECK bool gba_store(struct work *work, const uint8_t rand[RAND_BYTES], const char *b_tid,
                          uint64_t lifetime);

/* Ks_ext_NAF; keeper->gba then holds the B-TID and lifetime that go with it. */
MUST_CHECK bool gba_naf_key(struct work *work, const uint8_t *naf_id, size_t naf_id_bytes,
                            struct gba_key *out_key);

#endif
