/*
 * A cipher (cipher.h) on a key handle in a token: one C_EncryptInit and an Update a step where the
 * token can, single-part calls where it can't. The open operation is always ended.
 */
#ifndef NISIM_HSM_TOKEN_CIPHER_H
#define NISIM_HSM_TOKEN_CIPHER_H

#include "cipher.h"
#include "token.h"

/* Lives on the caller's stack; borrows the token. */
struct token_cipher {
    struct token *token;
    CK_OBJECT_HANDLE key;
    bool open; /* a C_EncryptInit waits for its Final */
};

/* The cipher borrows `state`, which must live as long as it. Calls nothing in the token yet. */
struct cipher token_cipher_start(struct token_cipher *state, struct token *token,
                                 CK_OBJECT_HANDLE key);

/* The cipher of a state that is started. */
struct cipher token_cipher_of(struct token_cipher *state);

/* Ends the operation if one is open; call it on every path. */
MUST_CHECK enum hsm_result token_cipher_end(struct token_cipher *state);

/* One block, alone. */
MUST_CHECK enum hsm_result token_cipher_once(struct token *token, CK_OBJECT_HANDLE key,
                                             const struct secret128 *in, struct secret128 *out);

#endif
