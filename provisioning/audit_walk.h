/* All trails of a folder as one list in the order of time, for who reads; nothing is verified. */
#ifndef NISIM_PROVISIONING_AUDIT_WALK_H
#define NISIM_PROVISIONING_AUDIT_WALK_H

#include "cursor.h"
#include "outcome.h"

struct audit_walk;

/* What is found next; borrowed until the next call. */
struct audit_find {
    const char *writer;
    const struct audit_cursor *cursor;
    bool is_withdrawn; /* a later record says that it did not come true */
};

/* `only`: of this writer; NULL: of all. Says what fails: also that there is no trail. */
MUST_CHECK enum outcome audit_walk_new(const char *folder, const char *only,
                                       struct audit_walk **out_walk);
void audit_walk_free(struct audit_walk **walk);

/* False at the end. */
MUST_CHECK bool audit_walk_next(struct audit_walk *walk, struct audit_find *out_find);

/* What could not be read, as said on the way; OUTCOME_FAILED when that was anything. */
MUST_CHECK enum outcome audit_walk_outcome(const struct audit_walk *walk);

#endif
