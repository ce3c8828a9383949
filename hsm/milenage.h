/*
 * Milenage (TS 35.206) over a cipher under K. Pure: no PKCS#11 here.
 * Three dependent steps for a challenge: TEMP; OUT2..OUT5 in one call; OUT1.
 */
#ifndef NISIM_HSM_MILENAGE_H
#define NISIM_HSM_MILENAGE_H

#include "cipher.h"
#include "secret.h"

#define MILENAGE_SQN_BYTES 6
#define MILENAGE_AMF_BYTES 2

/* f2 to f5* of one RAND, and what f1 still needs. */
struct milenage {
    struct secret128 opc;
    struct secret128 temp;
    struct secret64 res;
    struct secret128 ck;
    struct secret128 ik;
    uint8_t ak[MILENAGE_SQN_BYTES];      /* f5 */
    uint8_t ak_star[MILENAGE_SQN_BYTES]; /* f5* */
};

static inline void milenage_erase(struct milenage *milenage)
{
    secret_wipe(milenage, sizeof *milenage);
}

/* f2, f3, f4, f5, f5* (TS 35.206 4.1). */
MUST_CHECK enum hsm_result milenage_begin(const struct cipher *cipher, const struct secret128 *opc,
                                          const uint8_t rand[16], struct milenage *out);

/* f1 (MAC-A) and f1* (MAC-S) of SQN and AMF (TS 35.206 4.1): the halves of OUT1. */
MUST_CHECK enum hsm_result milenage_f1(const struct cipher *cipher, const struct milenage *milenage,
                                       const uint8_t sqn[MILENAGE_SQN_BYTES],
                                       const uint8_t amf[MILENAGE_AMF_BYTES],
                                       struct secret64 *out_mac_a, struct secret64 *out_mac_s);

/* OPc = E_K(OP) xor OP (TS 35.206 4.1, 5.1). */
MUST_CHECK enum hsm_result milenage_opc(const struct cipher *cipher, const struct secret128 *op,
                                        struct secret128 *out_opc);

#endif
