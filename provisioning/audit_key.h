/* The public key that the audit trail's checkpoints are verified with, from the token. */
#ifndef NISIM_PROVISIONING_AUDIT_KEY_H
#define NISIM_PROVISIONING_AUDIT_KEY_H

#include "office.h"
#include "verify_key.h"

/* Opens and proves the token. */
MUST_CHECK enum outcome audit_key_open(struct office *office, struct audit_public_key **out_key);

/* The same of a pair that was found. */
MUST_CHECK enum outcome audit_key_of(const struct token_signer *signer,
                                     struct audit_public_key **out_key);

#endif
