/* The subscriber an officer names, by a user id or the IMPI. */
#ifndef NISIM_PROVISIONING_LOOKUP_H
#define NISIM_PROVISIONING_LOOKUP_H

#include "office.h"

/* Into office->subscription; says so when there is none. The store must be open. */
MUST_CHECK enum outcome lookup_subscriber(struct office *office, const char *name);

/* OUTCOME_TAKEN, and says so, when the name is anybody's user id or IMPI. */
MUST_CHECK enum outcome lookup_must_be_free(struct office *office, const char *name);

#endif
