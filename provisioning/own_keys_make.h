/* Making the keys that belong to the token itself. */
#ifndef NISIM_PROVISIONING_OWN_KEYS_MAKE_H
#define NISIM_PROVISIONING_OWN_KEYS_MAKE_H

#include "token.h"

/* Durable, as the next: the first KEK, the integrity key and the key pair that signs the audit
 * trail, in a new token. */
MUST_CHECK enum hsm_result own_keys_make(struct token *token);

/*
 * One KEK more, of this number. It is made under another label and gets TOKEN_KEK_LABEL when it is
 * whole, so that a run which is killed leaves nothing that anybody takes for a KEK; the next one
 * destroys what it left.
 */
MUST_CHECK enum hsm_result own_keys_make_kek(struct token *token, const struct kek_id *id);

#endif
