/* The public half of the token's audit key, for who verifies: no token is needed. */
#ifndef NISIM_AUDIT_VERIFY_KEY_H
#define NISIM_AUDIT_VERIFY_KEY_H

#include "signature.h"

#define AUDIT_PEM_BYTES 512
#define AUDIT_DER_SIGNATURE_BYTES 80

struct audit_public_key;

/* NULL when it is no point of P-256. */
MUST_CHECK struct audit_public_key *audit_public_key_new(const uint8_t point[AUDIT_POINT_BYTES]);
void audit_public_key_free(struct audit_public_key **key);

MUST_CHECK bool audit_public_key_fits(const struct audit_public_key *key, const char *text,
                                      const uint8_t signature[AUDIT_SIGNATURE_BYTES]);

/* As openssl takes it. */
MUST_CHECK bool audit_public_key_pem(const struct audit_public_key *key,
                                     char out_pem[AUDIT_PEM_BYTES]);

/* A signature as openssl takes it; 0: memory is short. */
MUST_CHECK size_t audit_signature_der(const uint8_t signature[AUDIT_SIGNATURE_BYTES],
                                      uint8_t out_der[AUDIT_DER_SIGNATURE_BYTES]);

#endif
