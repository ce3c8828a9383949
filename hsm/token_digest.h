/*
 * The digest response of a secret that rests in the token. Where the token hashes a key that can't
 * leave (C_DigestKey), H(A1) is never seen here; else it is in memory for the computation only.
 */
#ifndef NISIM_HSM_TOKEN_DIGEST_H
#define NISIM_HSM_TOKEN_DIGEST_H

#include "digest.h"
#include "keyring.h"

/* KD(H(A1), ...) (RFC 7616 3.4.1). HSM_REFUSED when the object is no H(A1) of this hash. */
MUST_CHECK enum hsm_result token_digest_response(struct token *token, const struct digest_key *key,
                                                 const struct digest_terms *terms,
                                                 char out_text[DIGEST_TEXT_BYTES]);

/* What a digest secret is made as. */
struct digest_object {
    const struct secret_ha1 *ha1; /* NULL: for a template only */
    const struct key_ref *ref;
    const char *label;
    bool resident; /* a token object; else one that dies with the session */
};

/* The attributes of such a key but for its value, which goes behind them; borrows the label. */
#define TOKEN_DIGEST_ATTRIBUTES 15
struct digest_template {
    CK_OBJECT_CLASS class;
    CK_KEY_TYPE type;
    CK_BBOOL yes;
    CK_BBOOL no;
    CK_BBOOL resident;
    struct key_ref ref;
    CK_ATTRIBUTE attributes[TOKEN_DIGEST_ATTRIBUTES + 1]; /* point into this struct */
};
void token_digest_template(const struct digest_object *object, struct digest_template *out);

/* A generic secret key: sensitive, not extractable, without any right; C_DigestKey needs none. */
MUST_CHECK enum hsm_result token_digest_key_new(struct token *token,
                                                const struct digest_object *object,
                                                CK_OBJECT_HANDLE *out_object);

/* digest_ha1_hash by the token, of a key that it hashes. */
MUST_CHECK enum hsm_result token_digest_key_hash(struct token *token, CK_OBJECT_HANDLE key,
                                                 char out_text[DIGEST_TEXT_BYTES]);

/*
 * Does the token hash a key that can't leave? HSM_OK: yes, and rightly (RFC 7616 3.9.1).
 * HSM_UNSUPPORTED or HSM_REFUSED: no. Leaves nothing behind.
 */
MUST_CHECK enum hsm_result token_digest_prove(struct token *token, enum digest_hash hash);

#endif
