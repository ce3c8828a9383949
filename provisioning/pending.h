/* Requests for approval that were written and not yet used: sealed values "pending/ID". */
#ifndef NISIM_PROVISIONING_PENDING_H
#define NISIM_PROVISIONING_PENDING_H

#include "approval_text.h"

#define PENDING_ID_BYTES 16 /* hex digits: the first half of the nonce */

struct pending {
    char id[PENDING_ID_BYTES + 1];
    struct request_mark mark;
    uint8_t text_hash[SHA256_BYTES]; /* of the text that was written */
};

/* The id that goes with a nonce. */
void pending_name(struct pending *pending);

/* Writes it; forgets those that have expired. Says what is wrong, as do the others. */
MUST_CHECK enum outcome pending_write(struct office *office, const struct pending *pending);

/* OUTCOME_NOT_APPROVED when there is none, or it has expired. */
MUST_CHECK enum outcome pending_read(struct office *office, const char *id,
                                     struct pending *out_pending);

/* Used: of two at once, one is told that it was used already. */
MUST_CHECK enum outcome pending_use(struct office *office, const struct pending *pending);

#endif
