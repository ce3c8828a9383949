/* How nisim-token ends: the one result type of this room, and the exit status. */
#ifndef NISIM_PROVISIONING_OUTCOME_H
#define NISIM_PROVISIONING_OUTCOME_H

#include "attributes.h"

/* nisim-token.1 lists them: never renumber. */
enum outcome {
    OUTCOME_DONE = 0,
    OUTCOME_FAILED = 1,
    OUTCOME_USAGE = 2,        /* fix: an argument, a name, or the key file is not as it must be */
    OUTCOME_PIN = 3,          /* fix: the PIN is wrong, locked or can't be read; tried once */
    OUTCOME_NO_TOKEN = 4,     /* fix: no token, or more than one, fits the choice */
    OUTCOME_NO_MODULE = 5,    /* fix: the path names no PKCS#11 module */
    OUTCOME_STORE = 6,        /* fix: the store can't be written, is damaged or is busy */
    OUTCOME_TAKEN = 7,        /* fix: the token's label, a user id or an IMPI is in use already */
    OUTCOME_UNKNOWN = 8,      /* fix: no such subscriber, or no such officer */
    OUTCOME_NOT_APPROVED = 9, /* fix: officers have not approved this, or not in a valid way */
    OUTCOME_OLD_STORE = 10,   /* fix: the store is older than what the token has seen */
};

/* Prints "nisim-token: ..." on standard error and returns `outcome`. */
enum outcome outcome_fail(enum outcome outcome, const char *format, ...) PRINTF_LIKE(2, 3);

/* The same for what is no failure but must be read. */
void outcome_warn(const char *format, ...) PRINTF_LIKE(1, 2);

#endif
