/*
 * An act of an officer: a verb that changes something. It is durable in the audit trail before it
 * begins and after it ended; the token signs each time. Two tools at once take turns.
 */
#ifndef NISIM_PROVISIONING_ACT_H
#define NISIM_PROVISIONING_ACT_H

#include "arguments.h"
#include "fields.h"
#include "head.h"
#include "outcome.h"
#include "trail.h"

#define OFFICER_NAME_BYTES_MAX 32

struct office;

struct act {
    char verb[64];                       /* "subscriber add"; "" for a verb that changes nothing */
    const char *named;                   /* whom the command line names; NULL: nobody */
    char subscriber[NAME_BYTES_MAX + 1]; /* the same, by IMPI where it is known; "": nobody */
    verb_set bit;
    const struct arguments *arguments;
    bool asked; /* for approval: a request was written, and the verb ends here, without a failure */
    size_t approver_count;
    char approvers[APPROVALS_MAX][OFFICER_NAME_BYTES_MAX + 1];
    uint64_t intent;                     /* number of its first record; 0: not begun */
    char person[160];                    /* who acts; "" until that is asked for */
    char told[AUDIT_TEXT_BYTES_MAX + 1]; /* act_tell */
    struct token_signer signer;          /* no key: not looked for yet */
    struct stored_value head;            /* at hand: too large for the stack */
};

/*
 * For a new store, the trail's folder if it is not there. A new token's must be empty; a restore
 * goes on in what the store before has left.
 */
MUST_CHECK enum outcome act_make_folder(const struct office *office, bool is_for_new_token);

/* Token proved, store open, nothing changed yet. Without this no act. */
MUST_CHECK enum outcome act_begin(struct office *office);

/*
 * How it ended, once; gives `outcome`, or OUTCOME_STORE when a good end can't be recorded. main.c
 * calls it after every verb; a verb does itself that closes the store of its act_begin.
 */
MUST_CHECK enum outcome act_end(struct office *office, enum outcome outcome);

/* For the record of how it ended: how many subscribers it was about, and the like. */
void act_tell(struct office *office, const char *format, ...) PRINTF_LIKE(2, 3);

#endif
