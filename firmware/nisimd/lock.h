/*
 * One appliance per store: a lock on a file beside it. nisimd's keepers inherit the descriptor, so
 * that the lock lasts until the last keeper of an nisimd that was killed is gone.
 */
#ifndef NISIM_NISIMD_LOCK_H
#define NISIM_NISIMD_LOCK_H

#include <sys/types.h>

#include "attributes.h"

#define LOCK_WAIT_SECONDS 10

enum lock_result {
    LOCK_TAKEN,
    LOCK_HELD,   /* by another appliance, for longer than we wait */
    LOCK_FAILED, /* errno tells why; the folder is missing or not writable */
    LOCK_STOPPED /* SIGTERM or SIGINT came while waiting */
};

/*
 * The lock of `store`. SIGTERM and SIGINT must be blocked. With LOCK_HELD *out_holder is the
 * nisimd that took it, 0 when that is not known.
 */
MUST_CHECK enum lock_result lock_take(const char *store, int *out_descriptor, pid_t *out_holder);

#endif
