/*
 * What a subscription keeps of GBA_U: the last run's RAND and Ks, what the BSF said of it, and
 * which NAFs had a key. It rests in the store as a record, Ks wrapped, under a seal like a
 * subscription's; the row is part of the record, so that none passes for another's.
 */
#ifndef NISIM_STORE_GBA_STATE_H
#define NISIM_STORE_GBA_STATE_H

#include "message.h"
#include "token_ks.h"

#define GBA_NAFS_MAX 8
#define GBA_RECORD_BYTES_MAX                                                                \
    (64 + TOKEN_KEK_ID_BYTES + TOKEN_KS_WRAPPED_BYTES + RAND_BYTES + (2 + NAME_BYTES_MAX) + \
     GBA_NAFS_MAX * (2 + NAF_ID_BYTES_MAX))

struct gba_naf_id {
    size_t length;
    uint8_t bytes[NAF_ID_BYTES_MAX];
};

struct gba_state {
    int64_t row;     /* of the subscription */
    int64_t version; /* what store_gba_swap compares; 0 before the first run */
    uint8_t rand[RAND_BYTES];
    struct token_wrapped_ks ks;
    char b_tid[NAME_BYTES_MAX + 1]; /* empty, and lifetime 0, until the BSF has said */
    uint64_t lifetime;              /* end of Ks: seconds since 1970-01-01 UTC */
    size_t naf_count;
    struct gba_naf_id nafs[GBA_NAFS_MAX]; /* the last used first */

    /* As stored; written by gba_state_seal, read by gba_state_decode. */
    size_t record_bytes;
    uint8_t record[GBA_RECORD_BYTES_MAX];
    uint8_t seal[TOKEN_MAC_BYTES];
};

/* Begins anew: no B-TID, no NAF. row and version stay. */
void gba_state_renew(struct gba_state *state, const uint8_t rand[RAND_BYTES],
                     const struct token_wrapped_ks *ks);

/* Puts this NAF first; a list that is full loses its last. False when it was first already. */
bool gba_state_use_naf(struct gba_state *state, const uint8_t *naf_id, size_t naf_id_bytes);

/* Makes the record of the fields as they are, and its seal. */
MUST_CHECK enum hsm_result gba_state_seal(struct token *token, struct gba_state *state);

/* HSM_BAD_ANSWER when the record is not as it was sealed. */
MUST_CHECK enum hsm_result gba_state_check_seal(struct token *token, const struct gba_state *state);

/* The fields from the record; false when it is not well formed or of another row. */
MUST_CHECK bool gba_state_decode(struct gba_state *state);

#endif
