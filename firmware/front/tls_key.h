/*
 * The server's private key: a PEM file, or a key in a token named by a PKCS#11 URI (RFC 7512) and
 * used through libp11 without an ENGINE.
 */
#ifndef NISIM_FRONT_TLS_KEY_H
#define NISIM_FRONT_TLS_KEY_H

#include <openssl/evp.h>
#include <stdbool.h>

#include "channel.h"
#include "config.h"

struct tls_key;

/* Is tls.key a PKCS#11 URI? */
bool tls_key_in_token(const struct config *config);

/*
 * EXIT_DONE; or how the process is to end: EXIT_CONFIG, EXIT_NO_TOKEN, or EXIT_WRONG_PIN (tried
 * once). out_why then says what is wrong.
 */
MUST_CHECK enum exit_code tls_key_load(const struct config *config, OSSL_LIB_CTX *library,
                                       char out_why[CONFIG_WHY_BYTES], struct tls_key **out_key);
void tls_key_free(struct tls_key **key);

/* Borrowed. */
EVP_PKEY *tls_key_of(const struct tls_key *key);

#endif
