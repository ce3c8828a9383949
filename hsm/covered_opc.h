/*
 * OPc under K itself: OPc xor E_K(salt || constant), a salt for each. Whoever may use K in the
 * token can take the cover off; to all others it is as good as random. A key object for OPc, made,
 * read and destroyed, would cost SoftHSM more than all of Milenage. The record's seal keeps it
 * whole.
 */
#ifndef NISIM_HSM_COVERED_OPC_H
#define NISIM_HSM_COVERED_OPC_H

#include "cipher.h"
#include "token.h"

#define COVER_SALT_BYTES 8

struct covered_opc {
    uint8_t salt[COVER_SALT_BYTES];
    uint8_t bytes[TOKEN_BLOCK_BYTES];
};

/* `k` encrypts under K. */
MUST_CHECK enum hsm_result covered_opc_make(const struct cipher *k, const struct secret128 *opc,
                                            struct covered_opc *out_covered);
MUST_CHECK enum hsm_result covered_opc_open(const struct cipher *k,
                                            const struct covered_opc *covered,
                                            struct secret128 *out_opc);

#endif
