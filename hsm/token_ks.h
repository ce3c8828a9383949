/*
 * Ks of GBA_U, used by the token and kept outside it wrapped under its KEK (RFC 3394). In the token
 * it is a session object only: nothing is left over there, however a process ends.
 */
#ifndef NISIM_HSM_TOKEN_KS_H
#define NISIM_HSM_TOKEN_KS_H

#include "gba.h"
#include "token.h"

#define TOKEN_KS_WRAPPED_BYTES (GBA_KEY_BYTES + 8)

/* Only the token that wrapped it can make use of it. */
struct token_wrapped_ks {
    struct kek_id kek; /* under which it is wrapped */
    uint8_t bytes[TOKEN_KS_WRAPPED_BYTES];
};

/*
 * Both: the first call of a process finds the KEK and proves by a known answer that the token can
 * do this; HSM_NO_KEY without a KEK, HSM_UNSUPPORTED when it answers wrongly.
 */
MUST_CHECK enum hsm_result token_ks_wrap(struct token *token, const struct gba_key *ks,
                                         struct token_wrapped_ks *out_wrapped);

/* HMAC-SHA-256 under Ks, which is unwrapped in the token and can't be read there. */
MUST_CHECK enum hsm_result token_ks_mac(struct token *token, const struct token_wrapped_ks *wrapped,
                                        const uint8_t *input, size_t input_bytes,
                                        struct gba_key *out_key);

#endif
