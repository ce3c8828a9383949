/* Is a trail as its writer left it? Every fault is said with its file, offset and record. */
#ifndef NISIM_AUDIT_VERIFY_H
#define NISIM_AUDIT_VERIFY_H

#include "place.h"
#include "verify_key.h"

/* The caller sets what stands before the numbers, which are added to. */
struct audit_report {
    void (*say)(void *user, bool is_fault, const char *text);
    void *user;
    const struct audit_head *archived; /* the trail begins behind this; NULL: with record 1 */
    bool is_archive; /* begins anywhere, ends with a checkpoint; nobody need have confirmed it */
    uint64_t records;
    uint64_t checkpoints;
    uint64_t unconfirmed; /* records behind what the store confirmed: true, or a killed keeper's */
    uint64_t faults;
};

/* confirmed: the head that the store has of this writer, its seal checked; NULL: none. */
void audit_verify(const char *folder, const char *writer, const struct audit_head *confirmed,
                  const struct audit_public_key *key, struct audit_report *report);

#endif
