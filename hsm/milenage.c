#include "milenage.h"

#include <string.h>

#define BLOCK CIPHER_BLOCK_BYTES
#define R1_BYTES 8 /* r1 = 64 bits */

static void xor_block(const uint8_t *a, const uint8_t *b, uint8_t *out)
{
    for (size_t i = 0; i < BLOCK; i++)
        out[i] = a[i] ^ b[i];
}

/* out := rot(in, r), r a whole number of bytes, to the left (TS 35.206 3). */
static void rotate_block(const uint8_t *in, size_t bytes, uint8_t *out)
{
    for (size_t i = 0; i < BLOCK; i++)
        out[i] = in[(i + bytes) % BLOCK];
}

/* The inputs of OUT2..OUT5: rot(TEMP xor OPc, rn) xor cn. */
static void prepare_outputs(const struct secret128 *temp, const struct secret128 *opc,
                            uint8_t out_blocks[4 * BLOCK])
{
    static const uint8_t rotations[4] = {0, 4, 8, 12}; /* r2..r5 = 0, 32, 64, 96 bits */
    static const uint8_t constants[4] = {1, 2, 4, 8};  /* c2..c5, last byte */
    ERASED(secret128) struct secret128 mixed = {0};
    xor_block(temp->bytes, opc->bytes, mixed.bytes);
    for (size_t n = 0; n < 4; n++) {
        uint8_t *block = out_blocks + n * BLOCK;
        rotate_block(mixed.bytes, rotations[n], block);
        block[BLOCK - 1] ^= constants[n];
    }
}

static void take_outputs(const uint8_t blocks[4 * BLOCK], struct milenage *out)
{
    const uint8_t *out2 = blocks;
    memcpy(out->ak, out2, sizeof out->ak);
    memcpy(out->res.bytes, out2 + 8, sizeof out->res);
    memcpy(out->ck.bytes, blocks + BLOCK, sizeof out->ck);
    memcpy(out->ik.bytes, blocks + (size_t)2 * BLOCK, sizeof out->ik);
    memcpy(out->ak_star, blocks + (size_t)3 * BLOCK, sizeof out->ak_star);
}

enum hsm_result milenage_begin(const struct cipher *cipher, const struct secret128 *opc,
                               const uint8_t rand[16], struct milenage *out)
{
    ERASED(milenage) struct milenage result = {.opc = *opc};
    uint8_t in[4 * BLOCK] = {0};
    uint8_t outputs[4 * BLOCK] = {0};
    enum hsm_result rc = HSM_OK;

    xor_block(rand, opc->bytes, in);
    rc = cipher->encrypt(cipher->context, in, result.temp.bytes, 1);
    if (rc != HSM_OK)
        goto out;
    prepare_outputs(&result.temp, opc, in);
    rc = cipher->encrypt(cipher->context, in, outputs, 4);
    if (rc != HSM_OK)
        goto out;
    for (size_t n = 0; n < 4; n++)
        xor_block(outputs + n * BLOCK, opc->bytes, outputs + n * BLOCK);
    take_outputs(outputs, &result);
    *out = result;
out:
    secret_wipe(in, sizeof in);
    secret_wipe(outputs, sizeof outputs);
    return rc;
}

enum hsm_result milenage_f1(const struct cipher *cipher, const struct milenage *milenage,
                            const uint8_t sqn[MILENAGE_SQN_BYTES],
                            const uint8_t amf[MILENAGE_AMF_BYTES], struct secret64 *out_mac_a,
                            struct secret64 *out_mac_s)
{
    ERASED(secret128) struct secret128 in1 = {0};
    ERASED(secret128) struct secret128 mixed = {0};
    ERASED(secret128) struct secret128 out1 = {0};

    memcpy(in1.bytes, sqn, MILENAGE_SQN_BYTES);
    memcpy(in1.bytes + MILENAGE_SQN_BYTES, amf, MILENAGE_AMF_BYTES);
    memcpy(in1.bytes + 8, in1.bytes, 8);
    xor_block(in1.bytes, milenage->opc.bytes, mixed.bytes);
    rotate_block(mixed.bytes, R1_BYTES, in1.bytes);
    xor_block(in1.bytes, milenage->temp.bytes, mixed.bytes); /* c1 = 0 */
    enum hsm_result rc = cipher->encrypt(cipher->context, mixed.bytes, out1.bytes, 1);
    if (rc != HSM_OK)
        return rc;
    xor_block(out1.bytes, milenage->opc.bytes, mixed.bytes);
    memcpy(out_mac_a->bytes, mixed.bytes, 8);
    memcpy(out_mac_s->bytes, mixed.bytes + 8, 8);
    return HSM_OK;
}

enum hsm_result milenage_opc(const struct cipher *cipher, const struct secret128 *op,
                             struct secret128 *out_opc)
{
    ERASED(secret128) struct secret128 encrypted = {0};
    enum hsm_result rc = cipher->encrypt(cipher->context, op->bytes, encrypted.bytes, 1);
    if (rc == HSM_OK)
        xor_block(encrypted.bytes, op->bytes, out_opc->bytes);
    return rc;
}
