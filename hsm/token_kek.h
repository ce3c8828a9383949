/*
 * The KEKs of the token: AES keys labelled TOKEN_KEK_LABEL that wrap and unwrap (RFC 3394) and do
 * nothing else. Each has a number of four bytes as CKA_ID; the newest has the highest. What a KEK
 * wrapped may lie anywhere: only the token that holds the KEK can make use of it. Where the token
 * allows it, a KEK is used as a session copy, so that its use opens none of the token's files.
 */
#ifndef NISIM_HSM_TOKEN_KEK_H
#define NISIM_HSM_TOKEN_KEK_H

#include "covered_opc.h"

#define TOKEN_WRAPPED_BYTES (TOKEN_BLOCK_BYTES + 8)

/* An AES-128 key as a KEK wrapped it. */
struct wrapped_key {
    uint8_t bytes[TOKEN_WRAPPED_BYTES];
};

/* A subscriber's K and OPc outside the token. Another KEK changes `kek` and `k` alone. */
struct wrapped_keys {
    struct kek_id kek;
    struct wrapped_key k;
    struct covered_opc opc;
};

/* HSM_NO_KEY: the token has no KEK. */
MUST_CHECK enum hsm_result token_kek_newest(struct token *token, struct kek_id *out_id);

/*
 * Borrowed. HSM_NO_KEY: the token has no KEK of this number; HSM_LATER: not sure, for the last
 * search that was in vain is less than a second old; HSM_REFUSED: it has two.
 */
MUST_CHECK enum hsm_result token_kek_find(struct token *token, const struct kek_id *id,
                                          CK_OBJECT_HANDLE *out_kek);

/* Forgets what was found: for one who made or destroyed a KEK just now. */
void token_kek_forget(struct token *token);

/* `key` has 16 bytes and is extractable. HSM_UNSUPPORTED: the token's way of wrapping is another.
 */
MUST_CHECK enum hsm_result token_kek_wrap(struct token *token, const struct kek_id *id,
                                          CK_OBJECT_HANDLE key, struct wrapped_key *out_wrapped);

/*
 * A new object with these attributes from what was wrapped. HSM_REFUSED: the bytes are not what
 * this KEK wrapped; the token itself was asked and is well (SoftHSM says CKR_GENERAL_ERROR to
 * both).
 */
MUST_CHECK enum hsm_result token_kek_unwrap(struct token *token, const struct kek_id *id,
                                            const struct wrapped_key *wrapped,
                                            CK_ATTRIBUTE *attributes, CK_ULONG count,
                                            CK_OBJECT_HANDLE *out_object);

/* What C_UnwrapKey's answer means, as above. */
MUST_CHECK enum hsm_result token_kek_unwrap_result(struct token *token, CK_RV rv);

/* K as a session object that can only encrypt, by CKM_AES_ECB alone, and can't leave. */
MUST_CHECK enum hsm_result token_kek_unwrap_k(struct token *token, const struct wrapped_keys *keys,
                                              CK_OBJECT_HANDLE *out_k);

#endif
