/*
 * A subscriber's K and OPc as token objects (keyring.h): made, tried, destroyed. The sync after
 * each change is for SoftHSM, which writes objects without an fsync: a power cut could lose a key
 * that the store names already.
 */
#ifndef NISIM_PROVISIONING_ENROL_H
#define NISIM_PROVISIONING_ENROL_H

#include "key_source.h"
#include "keyfile.h"
#include "keyring.h"

/*
 * An AES key that can only encrypt, and only by CKM_AES_ECB: what every K is. It stays modifiable,
 * for SoftHSM copies into a session no other; what keeps it inside is refused by tokens for ever
 * (trials.c).
 */
struct enrol_key {
    struct key_source source;
    const struct key_ref *ref;
    const char *label;
    bool resident;       /* a token object; else one that dies with the session */
    bool may_be_wrapped; /* extractable, for the moment until it is wrapped: never a token object */
};

MUST_CHECK enum hsm_result enrol_create_key(struct token *token, const struct enrol_key *key,
                                            CK_OBJECT_HANDLE *out_object);

/* Where OPc comes from. */
struct opc_source {
    const struct secret128 *value; /* borrowed; OPc, or OP, of which the token makes it with K */
    bool is_opc;
};

MUST_CHECK enum hsm_result enrol_find_opc(struct token *token, CK_OBJECT_HANDLE k,
                                          const struct opc_source *source,
                                          struct secret128 *out_opc);

/* HSM_BAD_ANSWER unless both keys encrypt a block to the same. */
MUST_CHECK enum hsm_result enrol_check_same(struct token *token, CK_OBJECT_HANDLE one,
                                            CK_OBJECT_HANDLE other);

/* HSM_BAD_ANSWER unless the object is sensitive, not extractable and can only encrypt. */
MUST_CHECK enum hsm_result enrol_check_rights(struct token *token, CK_OBJECT_HANDLE key);

/* What a pair of resident objects is made of. */
struct enrol_sources {
    struct key_source k;
    struct opc_source opc;
    CK_OBJECT_HANDLE same; /* a key of the same value, to try K against; CK_INVALID_HANDLE: none */
};

/* As enrol_keys, from anywhere. */
MUST_CHECK enum hsm_result enrol_resident(struct token *token, const struct enrol_sources *sources,
                                          const char *impi, struct key_ref *out_ref);

/*
 * Makes both objects under a new reference, tries them and makes them durable. On failure the
 * token is as before; HSM_BAD_ANSWER: what the token holds is not what it was given.
 */
MUST_CHECK enum hsm_result enrol_keys(struct token *token, const struct keyfile *keyfile,
                                      const char *impi, struct key_ref *out_ref);

/* Destroys both objects. HSM_NO_KEY when one or both were not there. */
MUST_CHECK enum hsm_result enrol_destroy(struct token *token, const struct key_ref *ref);

#endif
