/*
 * The secrets of SIP digest in clear text: a password, or H(A1) itself. A password file is one
 * line. A file of H(A1) has lines "MD5=HEX", "SHA-256=HEX", "SHA-512-256=HEX"; blank lines and
 * lines that begin with # are skipped. Anything else is an error.
 */
#ifndef NISIM_PROVISIONING_DIGESTFILE_H
#define NISIM_PROVISIONING_DIGESTFILE_H

#include "digest.h"
#include "keyfile.h"

#define DIGEST_ALGORITHMS_ALL ((1u << DIGEST_HASHES) - 1)

/* In locked memory until digest_secrets_free. */
struct digest_secrets {
    uint8_t algorithms; /* bit n: ha1[n] is there, n an enum digest_hash */
    struct secret_ha1 ha1[DIGEST_HASHES];
};

/* What a password is hashed with. */
struct digest_account {
    const char *username;
    const char *realm;
    uint8_t algorithms;
};

/* "SHA-256", as `algorithm` says it. */
const char *digest_hash_name(enum digest_hash hash);

/* From names with commas between; false when one is none, or stands twice. */
MUST_CHECK bool digest_algorithms_from_text(const char *text, uint8_t *out_algorithms);

/* Read to the end of the file. NULL on failure, and out_why says why, nothing of the secret. */
MUST_CHECK struct digest_secrets *digestfile_read_password(int descriptor,
                                                           const struct digest_account *account,
                                                           char out_why[KEYFILE_WHY_BYTES]);
MUST_CHECK struct digest_secrets *digestfile_read_ha1(int descriptor,
                                                      char out_why[KEYFILE_WHY_BYTES]);

/* Wipes. Takes NULL. */
void digest_secrets_free(struct digest_secrets **secrets);

#endif
