/*
 * The cipher under K, as Milenage sees it: AES-128-ECB encryption of whole blocks (TS 35.206 3).
 * Implementations: a key handle in a token (token_cipher.h), OpenSSL and a fault injector (tests).
 */
#ifndef NISIM_HSM_CIPHER_H
#define NISIM_HSM_CIPHER_H

#include <stddef.h>
#include <stdint.h>

#include "result.h"

#define CIPHER_BLOCK_BYTES 16

struct cipher {
    void *context;

    /*
     * out := E_K(in), block by block; in and out do not overlap; 1 to 4 blocks.
     * HSM_OK; HSM_LOST: the caller's process ends; any other: this key fails, others still work.
     */
    enum hsm_result (*encrypt)(void *context, const uint8_t *in, uint8_t *out, size_t blocks);
};

#endif
