#include <openssl/evp.h>
#include <string.h>

#include "gba.h"

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
