/*
 * GBA_U's key derivation (TS 33.220 5.3, annex B): Ks = CK || IK, and the octets whose HMAC-SHA-256
 * under Ks is a NAF's key. Pure: the HMAC itself is the token's (token_ks.h).
 */
#ifndef NISIM_HSM_GBA_H
#define NISIM_HSM_GBA_H

#include "milenage.h"

#define GBA_KEY_BYTES 32
#define GBA_AUTN_BYTES 16
#define GBA_NAME_BYTES_MAX 255 /* of an IMPI and of a NAF_ID */
/* FC, then RAND, IMPI, NAF_ID and P0, each with its length. */
#define GBA_INPUT_BYTES_MAX (1 + (6 + 2) + (16 + 2) + 2 * (GBA_NAME_BYTES_MAX + 2))

/* Ks, Ks_ext_NAF or Ks_int_NAF. */
struct gba_key {
    uint8_t bytes[GBA_KEY_BYTES];
};

static inline void gba_key_erase(struct gba_key *key)
{
    secret_wipe(key, sizeof *key);
}

enum gba_key_kind {
    GBA_KS_EXT_NAF, /* P0 = "gba-me": may leave */
    GBA_KS_INT_NAF, /* P0 = "gba-u" */
};

struct gba_naf {
    const uint8_t *rand; /* 16 octets: of the run that made Ks */
    const char *impi;
    const uint8_t *id; /* FQDN, then the Ua security protocol's 5 octets */
    size_t id_bytes;
};

void gba_ks(const struct secret128 *ck, const struct secret128 *ik, struct gba_key *out_ks);

/* Returns its length; 0 when the IMPI or the NAF_ID is longer than GBA_NAME_BYTES_MAX. */
MUST_CHECK size_t gba_naf_input(enum gba_key_kind kind, const struct gba_naf *naf,
                                uint8_t out_input[GBA_INPUT_BYTES_MAX]);

/*
 * The AUTN a card would check: MAC = MAC* xor the first 64 bits of SHA-1(IK). Taken from secondary
 * sources, not confirmed by a text of TS 33.220; used only where a subscription asks for it.
 */
MUST_CHECK enum hsm_result gba_restore_autn(const struct cipher *cipher,
                                            const struct secret128 *opc, const uint8_t rand[16],
                                            const uint8_t autn_star[GBA_AUTN_BYTES],
                                            uint8_t out_autn[GBA_AUTN_BYTES]);

#endif
