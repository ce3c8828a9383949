/*
 * Freshness of sequence numbers (TS 33.102 C.1.2, C.2.2): SQN = SEQ || IND, 48 bits, an array of
 * the highest SEQ accepted for each IND. Pure arithmetic.
 */
#ifndef NISIM_HSM_SQN_H
#define NISIM_HSM_SQN_H

#include <stdbool.h>
#include <stdint.h>

#include "attributes.h"

#define SQN_BITS 48
#define SQN_IND_BITS_MAX 6
#define SQN_ENTRIES_MAX (1u << SQN_IND_BITS_MAX)
#define SQN_IND_BITS_USUAL 5
#define SQN_DELTA_USUAL (UINT64_C(1) << 28)

/* Fixed for a subscription. */
struct sqn_profile {
    uint8_t ind_bits;   /* 0 to SQN_IND_BITS_MAX; the array has 2^ind_bits entries */
    uint64_t delta;     /* the largest jump of SEQ over SEQ_MS; 1 to 2^48 - 1 */
    uint64_t age_limit; /* L: SEQ_MS - SEQ must be below it; 0 is off */
};

/* seq[i] is the highest SEQ accepted with IND i; entries past 2^ind_bits count for nothing. */
struct sqn_array {
    uint64_t seq[SQN_ENTRIES_MAX];
};

MUST_CHECK bool sqn_profile_is_valid(const struct sqn_profile *profile);

/* SQN_MS: the highest SQN ever accepted, its own IND included; 0 for a new subscription. */
uint64_t sqn_highest(const struct sqn_profile *profile, const struct sqn_array *array);

/* True when sqn (48 bits) is fresh; then, and only then, out_array is `array` with it taken in. */
MUST_CHECK bool sqn_accept(const struct sqn_profile *profile, const struct sqn_array *array,
                           uint64_t sqn, struct sqn_array *out_array);

/*
 * Every entry becomes the highest SEQ of all plus `advance`: no SQN is fresh any more that the
 * network has given out up to there. False when that does not fit 48 bits.
 */
MUST_CHECK bool sqn_skip(const struct sqn_profile *profile, const struct sqn_array *array,
                         uint64_t advance, struct sqn_array *out_array);

uint64_t sqn_from_bytes(const uint8_t bytes[6]);
void sqn_to_bytes(uint64_t sqn, uint8_t out_bytes[6]);

#endif
