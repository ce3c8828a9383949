/* Which digest secrets a subscription has (TS 33.203 annex N), as an extension of its record. */
#ifndef NISIM_STORE_DIGEST_CREDENTIAL_H
#define NISIM_STORE_DIGEST_CREDENTIAL_H

#include "digest.h"
#include "key_origin.h"
#include "keyring.h"
#include "message.h"
#include "wire.h"

#define DIGEST_CREDENTIAL_TAG 3
/* Flags, algorithms, the realm, and a reference for each algorithm. */
#define DIGEST_CREDENTIAL_BYTES_MAX (1 + 1 + 2 + NAME_BYTES_MAX + DIGEST_HASHES * KEY_REF_BYTES)

/* All zero: AKA keys, and no digest secret. */
struct digest_credential {
    bool is_alone;          /* the subscription has no AKA keys */
    uint8_t algorithms;     /* bit n: there is a secret for the enum digest_hash n */
    enum key_origin origin; /* of all of them; never KEY_ORIGIN_GENERATED */
    struct key_ref refs[DIGEST_HASHES];
    char realm[NAME_BYTES_MAX + 1]; /* as it stands in H(A1) */
};

bool digest_credential_has(const struct digest_credential *credential, enum digest_hash hash);

/* Tag, length and value; nothing without a secret. */
void digest_credential_write(struct wire_writer *writer,
                             const struct digest_credential *credential);

/*
 * From the value; false when it is not well formed, or *out is filled already. What is left in the
 * reader is the caller's.
 */
MUST_CHECK bool digest_credential_read(struct wire_reader *value, struct digest_credential *out);

#endif
