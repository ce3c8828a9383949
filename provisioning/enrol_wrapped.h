/*
 * A subscriber's K wrapped under the token's newest KEK (token_kek.h), and OPc under K
 * (covered_opc.h), for the store to keep. In the token K is a session object for that moment;
 * nothing is left there.
 */
#ifndef NISIM_PROVISIONING_ENROL_WRAPPED_H
#define NISIM_PROVISIONING_ENROL_WRAPPED_H

#include "enrol.h"
#include "token_kek.h"

/*
 * Makes K by the source, OPc by the other, and proves that what was wrapped unwraps to a key that
 * encrypts as K does and to OPc. HSM_BAD_ANSWER: it does not; HSM_NO_KEY: no KEK.
 */
MUST_CHECK enum hsm_result enrol_wrap(struct token *token, const struct key_source *source,
                                      const struct opc_source *opc, struct key_ref *out_ref,
                                      struct wrapped_keys *out_wrapped);

/*
 * Makes K and OPc token objects under a new reference, as enrol_keys does, by unwrapping: K in the
 * token, never extractable. On failure the token is as before. HSM_REFUSED: the bytes are not what
 * the KEK wrapped.
 */
MUST_CHECK enum hsm_result enrol_unwrap(struct token *token, const struct wrapped_keys *wrapped,
                                        const char *impi, struct key_ref *out_ref);

#endif
