/*
 * The ISIM's answer to a challenge (TS 33.102 6.3.3, TS 31.103 7.1.1.1): MAC first, in constant
 * time; then freshness; then RES, CK, IK or AUTS. Pure: state comes in and goes out.
 */
#ifndef NISIM_HSM_AKA_H
#define NISIM_HSM_AKA_H

#include "milenage.h"
#include "sqn.h"

#define AKA_AUTS_BYTES 14

enum aka_outcome {
    AKA_ACCEPTED,
    AKA_SYNC_FAILURE, /* the MAC is right, the SQN not fresh */
    AKA_MAC_FAILURE,
};

struct aka_answer {
    enum aka_outcome outcome;
    struct secret64 res; /* ACCEPTED only, as are ck and ik */
    struct secret128 ck;
    struct secret128 ik;
    uint8_t auts[AKA_AUTS_BYTES]; /* SYNC_FAILURE only */
    uint64_t sqn;                 /* ACCEPTED and SYNC_FAILURE: what the challenge carried */
    struct sqn_array array;       /* ACCEPTED only: must be durable before the rest is released */
};

static inline void aka_answer_erase(struct aka_answer *answer)
{
    secret_wipe(answer, sizeof *answer);
}

/* What is not named for the outcome is zero. On failure out is wiped. */
MUST_CHECK enum hsm_result aka_answer_challenge(const struct cipher *cipher,
                                                const struct secret128 *opc, const uint8_t rand[16],
                                                const uint8_t autn[16],
                                                const struct sqn_profile *profile,
                                                const struct sqn_array *array,
                                                struct aka_answer *out);

#endif
