#include "gba.h"

#include <openssl/evp.h>
#include <string.h>

#define KDF_FC 0x01 /* TS 33.220 B.3 */
#define RAND_BYTES 16
#define AUTN_MAC 8
#define MAC_BYTES 8
#define SHA1_BYTES 20

/* SHA-1 of IK; wiped as IK is. */
struct secret_sha1 {
    uint8_t bytes[SHA1_BYTES];
};

static void secret_sha1_erase(struct secret_sha1 *hash)
{
    secret_wipe(hash, sizeof *hash);
}

void gba_ks(const struct secret128 *ck, const struct secret128 *ik, struct gba_key *out_ks)
{
    memcpy(out_ks->bytes, ck->bytes, sizeof ck->bytes);
    memcpy(out_ks->bytes + sizeof ck->bytes, ik->bytes, sizeof ik->bytes);
}

/* A parameter and its length (TS 33.220 B.2). */
static size_t append(uint8_t *input, size_t at, const void *bytes, size_t length)
{
    memcpy(input + at, bytes, length);
    input[at + length] = (uint8_t)(length >> 8);
    input[at + length + 1] = (uint8_t)length;
    return at + length + 2;
}

size_t gba_naf_input(enum gba_key_kind kind, const struct gba_naf *naf,
                     uint8_t out_input[GBA_INPUT_BYTES_MAX])
{
    const char *p0 = kind == GBA_KS_EXT_NAF ? "gba-me" : "gba-u";
    size_t impi_bytes = strlen(naf->impi);
    if (impi_bytes > GBA_NAME_BYTES_MAX || naf->id_bytes > GBA_NAME_BYTES_MAX)
        return 0;
    out_input[0] = KDF_FC;
    size_t at = append(out_input, 1, p0, strlen(p0));
    at = append(out_input, at, naf->rand, RAND_BYTES);
    at = append(out_input, at, naf->impi, impi_bytes);
    return append(out_input, at, naf->id, naf->id_bytes);
}

enum hsm_result gba_restore_autn(const struct cipher *cipher, const struct secret128 *opc,
                                 const uint8_t rand[16], const uint8_t autn_star[GBA_AUTN_BYTES],
                                 uint8_t out_autn[GBA_AUTN_BYTES])
{
    ERASED(milenage) struct milenage milenage = {0};
    ERASED(secret_sha1) struct secret_sha1 hash = {{0}};
    enum hsm_result rc = milenage_begin(cipher, opc, rand, &milenage);
    if (rc != HSM_OK)
        return rc;
    if (EVP_Digest(milenage.ik.bytes, sizeof milenage.ik, hash.bytes, NULL, EVP_sha1(), NULL) != 1)
        return HSM_NO_MEMORY;
    memcpy(out_autn, autn_star, GBA_AUTN_BYTES);
    for (size_t i = 0; i < MAC_BYTES; i++)
        out_autn[AUTN_MAC + i] ^= hash.bytes[i];
    return HSM_OK;
}
