/* The token's key pair that signs the audit trail's checkpoints: EC P-256, made by nisim-token. */
#ifndef NISIM_HSM_TOKEN_SIGN_H
#define NISIM_HSM_TOKEN_SIGN_H

#include "token.h"

#define TOKEN_AUDIT_LABEL "nisim audit"
#define TOKEN_DIGEST_BYTES 32    /* SHA-256 */
#define TOKEN_SIGNATURE_BYTES 64 /* r, then s */
#define TOKEN_POINT_BYTES 65     /* 04, x, y */

struct token_signer {
    CK_OBJECT_HANDLE key;
    uint8_t point[TOKEN_POINT_BYTES]; /* the public key */
};

/* Makes the pair, in the token and for good; the private key can sign and do nothing else. */
MUST_CHECK enum hsm_result token_make_signer(struct token *token);

/* HSM_NO_KEY when the token has no such pair. */
MUST_CHECK enum hsm_result token_find_signer(struct token *token, struct token_signer *out_signer);

MUST_CHECK enum hsm_result token_sign(struct token *token, const struct token_signer *signer,
                                      const uint8_t digest[TOKEN_DIGEST_BYTES],
                                      uint8_t out_signature[TOKEN_SIGNATURE_BYTES]);

#endif
