/*
 * A wrapped key from one wrapping key to another (RFC 3394), inside the token: what is wrapped is
 * a session object for a moment, sensitive, and nobody reads it.
 */
#ifndef NISIM_HSM_TOKEN_REWRAP_H
#define NISIM_HSM_TOKEN_REWRAP_H

#include "token.h"

#define TOKEN_REWRAP_BYTES_MAX 40 /* of 32 bytes of key */

/*
 * As many bytes come out as go in. HSM_REFUSED: they are not what `from` wrapped; the token itself
 * was asked and is well.
 */
MUST_CHECK enum hsm_result token_rewrap(struct token *token, CK_OBJECT_HANDLE from,
                                        CK_OBJECT_HANDLE to, const uint8_t *wrapped, size_t bytes,
                                        uint8_t *out_wrapped);

#endif
