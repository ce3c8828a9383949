/*
 * The resident keys of a token (DESIGN 6): K is an AES-128 token object that can only encrypt; OPc
 * is a private data object. A digest secret, H(A1) as the hex digits that are hashed, is a generic
 * secret key where the token hashes one that can't leave, else a private data object. The index of
 * handles is built by one enumeration; a key that appears later costs one more, and a search in
 * vain keeps the next one waiting for a second.
 */
#ifndef NISIM_HSM_KEYRING_H
#define NISIM_HSM_KEYRING_H

#include "token_cipher.h"

#define KEY_REF_BYTES 8
#define KEY_REF_TEXT_BYTES (2 * KEY_REF_BYTES + 1)

/*
 * Names one subscriber's K and OPc: CKA_ID of the K object, and behind KEYRING_OPC_PREFIX, in hex,
 * CKA_APPLICATION of the OPc object. Or one digest secret: CKA_ID of the key, or CKA_APPLICATION
 * behind KEYRING_DIGEST_PREFIX. Random, never used twice.
 */
struct key_ref {
    uint8_t bytes[KEY_REF_BYTES];
};

#define KEYRING_OPC_PREFIX "nisim OPc "
#define KEYRING_DIGEST_PREFIX "nisim HA1 " /* as long as the other */

/* K ready for use. Borrowed from the keyring; good until the next keyring call. */
struct key {
    CK_OBJECT_HANDLE handle; /* a session copy where the token allows one */
    const struct secret128 *opc;
};

/* A digest secret ready for use. As good for as long. */
struct digest_key {
    CK_OBJECT_HANDLE handle;
    bool inside; /* hash it by C_DigestKey; else read the object */
};

/* Where a digest secret rests. */
enum digest_place {
    DIGEST_PLACE_NONE, /* not in the token */
    DIGEST_PLACE_KEY,  /* a key that does not leave */
    DIGEST_PLACE_DATA, /* a private object that its user can read */
};

struct keyring;

/* Enumerates the token. The keyring borrows the token and must be freed before it is closed. */
MUST_CHECK enum hsm_result keyring_new(struct token *token, struct keyring **out_keyring);
void keyring_free(struct keyring **keyring);

/*
 * HSM_NO_KEY when the token has no such pair of objects; HSM_LATER when that is not sure because
 * the last search in vain is less than a second old; HSM_REFUSED when K could leave the token.
 */
MUST_CHECK enum hsm_result keyring_open(struct keyring *keyring, const struct key_ref *ref,
                                        struct key *out_key);

/* The same for a digest secret. */
MUST_CHECK enum hsm_result keyring_open_digest(struct keyring *keyring, const struct key_ref *ref,
                                               struct digest_key *out_key);

/* Pairs and digest secrets. */
size_t keyring_count(const struct keyring *keyring);

/* True when the token holds both objects of this reference; calls nothing in the token. */
bool keyring_holds(const struct keyring *keyring, const struct key_ref *ref);
enum digest_place keyring_digest_place(const struct keyring *keyring, const struct key_ref *ref);

/* False when it is not 2 * KEY_REF_BYTES hex digits. */
MUST_CHECK bool key_ref_from_text(const char *text, size_t length, struct key_ref *out_ref);
void key_ref_to_text(const struct key_ref *ref, char out_text[KEY_REF_TEXT_BYTES]);

#endif
