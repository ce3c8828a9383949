/*
 * The officers' audit trail while it is this tool's turn to write it. Others wait: hold it for one
 * transaction, and take it before the store's turn.
 */
#ifndef NISIM_PROVISIONING_ACT_TRAIL_H
#define NISIM_PROVISIONING_ACT_TRAIL_H

#include "office.h"
#include "turn.h"

struct act_trail {
    struct turn turn;
    struct audit_trail *trail;
    uint64_t first_part; /* number of the first part that was added */
    uint64_t parts;
};

/* Says what fails. The caller closes, also on failure; what was added and not written is gone. */
MUST_CHECK enum outcome act_trail_open(struct office *office, struct act_trail *out_trail);
void act_trail_close(struct act_trail *trail);

/* As office->act's: person, verb, officers, and the act's number where it has begun. */
void act_trail_add(const struct office *office, struct act_trail *trail,
                   struct audit_record record);

/*
 * One of the many subscribers that the act is about; `detail` may be NULL. To be written before its
 * transaction, which has office->act.head too: so whose part the store confirms came true.
 */
void act_trail_add_part(const struct office *office, struct act_trail *trail, const char *impi,
                        const char *detail);

/* With the token's signature, durable when this is OUTCOME_DONE; office->act.head says so. */
MUST_CHECK enum outcome act_trail_write(struct office *office, struct act_trail *trail);

/* office->act.head into the store, in a transaction of its own. */
MUST_CHECK enum outcome act_trail_confirm(struct office *office);

/* The parts that were written did not come true. Warns where that can't be recorded. */
void act_trail_withdraw(struct office *office, struct act_trail *trail);

#endif
