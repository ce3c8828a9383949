#include "covered_opc.h"

#include <string.h>
#include <sys/random.h>

/* The other half of the block: no RAND of the network's choice meets it but by chance. */
static const uint8_t constant[TOKEN_BLOCK_BYTES - COVER_SALT_BYTES] = {'n', 'i', 's', 'i',
                                                                       'm', 'O', 'P', 'c'};

static enum hsm_result apply(const struct cipher *k, const uint8_t *salt, const uint8_t *in,
                             uint8_t *out)
{
    ERASED(secret128) struct secret128 cover = {{0}};
    uint8_t block[TOKEN_BLOCK_BYTES];
    memcpy(block, salt, COVER_SALT_BYTES);
    memcpy(block + COVER_SALT_BYTES, constant, sizeof constant);
    enum hsm_result rc = k->encrypt(k->context, block, cover.bytes, 1);
    for (size_t i = 0; rc == HSM_OK && i < sizeof cover.bytes; i++)
        out[i] = in[i] ^ cover.bytes[i];
    return rc;
}

enum hsm_result covered_opc_make(const struct cipher *k, const struct secret128 *opc,
                                 struct covered_opc *out_covered)
{
    struct covered_opc covered = {{0}, {0}};
    if (getrandom(covered.salt, sizeof covered.salt, 0) != sizeof covered.salt)
        return HSM_LOST;
    enum hsm_result rc = apply(k, covered.salt, opc->bytes, covered.bytes);
    if (rc == HSM_OK)
        *out_covered = covered;
    return rc;
}

enum hsm_result covered_opc_open(const struct cipher *k, const struct covered_opc *covered,
                                 struct secret128 *out_opc)
{
    return apply(k, covered->salt, covered->bytes, out_opc->bytes);
}
