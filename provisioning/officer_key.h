/*
 * An officer's own key pair: EC on P-256 or RSA of 2048 bits and more. The public half is enrolled;
 * the private half signs what he approves, here or on a machine of his own (openssl dgst -sha256
 * -sign).
 */
#ifndef NISIM_PROVISIONING_OFFICER_KEY_H
#define NISIM_PROVISIONING_OFFICER_KEY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "outcome.h"

#define PUBLIC_KEY_BYTES_MAX 1200 /* SubjectPublicKeyInfo, DER; RSA of 8192 bits is 1,062 */
#define SIGNATURE_BYTES_MAX 1024  /* RSA of 8192 bits */
#define SHA256_BYTES 32
#define FINGERPRINT_BYTES (2 * SHA256_BYTES + 1)

struct public_key {
    size_t bytes;
    uint8_t der[PUBLIC_KEY_BYTES_MAX];
};

struct signature {
    size_t length;
    uint8_t bytes[SIGNATURE_BYTES_MAX];
};

/* PEM or DER; says what is wrong. */
MUST_CHECK enum outcome officer_key_read(const char *path, struct public_key *out_key);

/* SHA-256 over the DER, in hex, as `openssl pkey -pubin -outform DER | sha256sum` prints it. */
MUST_CHECK bool officer_key_fingerprint(const struct public_key *key,
                                        char out_text[FINGERPRINT_BYTES]);

MUST_CHECK bool officer_key_verify(const struct public_key *key, const char *text, size_t length,
                                   const struct signature *signature);

/*
 * With the private key of a PEM file that only its owner can read; its passphrase is asked for on
 * the terminal, once. Says what is wrong.
 */
MUST_CHECK enum outcome officer_key_sign(const char *officer, const char *path, const char *text,
                                         size_t length, struct signature *out_signature);

/* SHA-256 of bytes, and of a regular file; errno tells why the file can't be read, 0: no file. */
MUST_CHECK bool sha256_of(const void *bytes, size_t length, uint8_t out_hash[SHA256_BYTES]);
MUST_CHECK bool sha256_of_file(const char *path, uint8_t out_hash[SHA256_BYTES]);

#endif
