/* AES-128 by OpenSSL behind cipher.h, with a fault to order: the second implementation of the seam.
 */
#ifndef NISIM_TESTS_HSM_OPENSSL_CIPHER_H
#define NISIM_TESTS_HSM_OPENSSL_CIPHER_H

#include "cipher.h"

struct openssl_cipher {
    uint8_t key[16];
    int calls;           /* made so far */
    int fail_at;         /* this call fails, counted from 1; 0: none */
    enum hsm_result how; /* and says this */
};

struct cipher openssl_cipher(struct openssl_cipher *state, const uint8_t key[16]);

#endif
