/* That a subscriber's secrets are no longer in the token: looked for anew, object by object. */
#ifndef NISIM_PROVISIONING_ABSENCE_H
#define NISIM_PROVISIONING_ABSENCE_H

#include "credentials.h"

/*
 * Looks for every object that `enrolled` names, and prints a line for each reference with what was
 * found. OUTCOME_FAILED, and says so, when one is still there.
 */
MUST_CHECK enum outcome absence_prove(struct office *office, const struct enrolled *enrolled);

#endif
