/* What `subscriber add` asks for: checked, then made a subscription. */
#ifndef NISIM_PROVISIONING_ADMISSION_H
#define NISIM_PROVISIONING_ADMISSION_H

#include "arguments.h"
#include "subscription.h"

/* Says which argument is missing or wrong, and why. */
MUST_CHECK enum outcome admission_check(const struct arguments *arguments);

/* Without a digest secret `digest` is zero. `arguments` passed admission_check. The subscription is
 * enabled and not sealed yet. */
void admission_fill(const struct arguments *arguments, const struct key_ref *ref,
                    const struct digest_credential *digest, struct subscription *out_subscription);

/* One way in for K at most, with what belongs to it; says what is wrong. */
MUST_CHECK enum outcome admission_check_way(const struct arguments *arguments);

#endif
