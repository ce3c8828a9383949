/* What a new PIN must be, and what the token says of the tries that are left. */
#ifndef NISIM_PROVISIONING_PIN_POLICY_H
#define NISIM_PROVISIONING_PIN_POLICY_H

#include "office.h"

/*
 * `least`: beside what the token itself demands. Warns of a PIN of digits alone. OUTCOME_PIN, and
 * says so, when it will not do.
 */
MUST_CHECK enum outcome pin_policy_check(const char *name, const struct secret_pin *pin,
                                         const CK_TOKEN_INFO *info, unsigned least);

MUST_CHECK bool pin_policy_same(const struct secret_pin *a, const struct secret_pin *b);

/* What CK_TOKEN_INFO.flags say of the USER PIN, or the SO PIN; "" when there is nothing to say. */
const char *pin_policy_tries(CK_FLAGS flags, bool so);

#endif
