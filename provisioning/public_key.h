/* RSA public keys as PEM files (SubjectPublicKeyInfo, RFC 5280) on one side, numbers on the other.
 */
#ifndef NISIM_PROVISIONING_PUBLIC_KEY_H
#define NISIM_PROVISIONING_PUBLIC_KEY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "attributes.h"

#define PUBLIC_KEY_BITS_LEAST 2048
#define PUBLIC_KEY_MODULUS_BYTES 512
#define PUBLIC_KEY_EXPONENT_BYTES 8
#define PUBLIC_KEY_PRINT_TEXT_BYTES 65
#define PUBLIC_KEY_WHY_BYTES 128

/* Big endian, as PKCS#11 has them. */
struct public_key {
    size_t modulus_bytes;
    size_t exponent_bytes;
    uint8_t modulus[PUBLIC_KEY_MODULUS_BYTES];
    uint8_t exponent[PUBLIC_KEY_EXPONENT_BYTES];
};

/* False when it is no RSA public key of 2048 to 4096 bits; out_why says so. */
MUST_CHECK bool public_key_read(const char *path, struct public_key *out_key,
                                char out_why[PUBLIC_KEY_WHY_BYTES]);

/* On standard output. False when memory is short. */
MUST_CHECK bool public_key_print(const struct public_key *key);

/* SHA-256 of the SubjectPublicKeyInfo, in hex: what both ends compare. */
MUST_CHECK bool public_key_fingerprint(const struct public_key *key,
                                       char out_text[PUBLIC_KEY_PRINT_TEXT_BYTES]);

#endif
