/*
 * Where the officer works: the token and the store that the command line or the appliance's
 * configuration names, opened as far as a verb needs. What fails is said here.
 */
#ifndef NISIM_PROVISIONING_OFFICE_H
#define NISIM_PROVISIONING_OFFICE_H

#include "act.h"
#include "anchor.h"
#include "arguments.h"
#include "config.h"
#include "store.h"
#include "token.h"

/* Where a PIN is, and its name for messages: "USER PIN", "SO PIN". */
struct pin_place {
    const char *name;
    const char *file; /* at most one of file and descriptor; neither: ask on the terminal */
    int descriptor;   /* -1 where not given */
};

struct office {
    struct act act;
    struct config *config; /* NULL without --config; the texts below may belong to it */
    const char *module_path;
    unsigned call_seconds;
    struct token_choice choice;
    const char *store_path;
    char audit_path[CONFIG_AUDIT_BYTES]; /* folder of the audit trail; "" without a store */
    struct pin_place user_pin;
    struct module *module;
    struct token *token;
    bool is_laboratory; /* the token takes keys in clear text; known once it is proved */
    struct store *store;
    bool writable;           /* the token's session */
    bool answers_for_anchor; /* this verb makes store and token fit: no refusal because of it */
    int making;              /* orphan.h: descriptor of its lock; -1: not open */
    uint8_t making_mark[8];  /* orphan.h: of this tool's notes; random */
    struct anchor anchor;
    struct subscription subscription;      /* the one at hand: too large for the stack */
    uint8_t seal_as_read[TOKEN_MAC_BYTES]; /* change.h: of its record before any change */
};

/* Settles where everything is; opens nothing but the configuration. */
MUST_CHECK enum outcome office_new(const struct arguments *arguments, struct office **out_office);

/* Closes what is open. Takes NULL. */
void office_free(struct office **office);

MUST_CHECK enum outcome office_open_module(struct office *office);

/* Refuses to act as root where another user runs the appliance. Open already: stays so. */
MUST_CHECK enum outcome office_open_store(struct office *office, bool create);

/* Opens the token of a module that is open, and logs in as USER. */
MUST_CHECK enum outcome office_log_in(struct office *office, bool writable,
                                      const struct secret_pin *pin);

/* Module, and the token that was chosen; no log-in. */
MUST_CHECK enum outcome office_find_token(struct office *office, bool writable);

/* As USER, once: what the token says of the tries that are left is said. */
MUST_CHECK enum outcome office_log_in_once(struct office *office, const struct secret_pin *pin);

/* All of it: module, token, log-in with the USER PIN from where it is. */
MUST_CHECK enum outcome office_open_token(struct office *office, bool writable);

/*
 * Closes token and module and opens them anew, so all handles are void. SoftHSM keeps some memory
 * of each session object until then. Only where the PIN is in a file: else nothing is done.
 */
MUST_CHECK enum outcome office_renew_token(struct office *office);

/*
 * Proves an open token and finds the integrity key, as an appliance does before it serves. A verb
 * that changes something is in the audit trail from here on.
 */
MUST_CHECK enum outcome office_prove_token(struct office *office);

/*
 * office_prove_token's part for store and token together, where both are open: a verb that writes
 * is refused an old store, one that shows warns of it (anchor.h).
 */
MUST_CHECK enum outcome office_check_anchor(struct office *office);

/*
 * At the end of a verb: tells the token of what the verb has written to the store. Gives `outcome`;
 * another, and says why, where that was good and the token could not be told.
 */
MUST_CHECK enum outcome office_advance_anchor(struct office *office, enum outcome outcome);

/* Does the token answer at all? */
MUST_CHECK bool office_has_token(const struct office *office);

/* Says what failed in office->anchor. */
MUST_CHECK enum outcome office_fail_anchor(struct office *office);

/* `is_new`: asks twice on the terminal. */
MUST_CHECK enum outcome office_read_pin(const struct pin_place *place, bool is_new,
                                        struct secret_pin *out_pin);

/* Commits what is done, rolls back what is not; says why a commit failed. */
MUST_CHECK enum outcome office_end_transaction(struct office *office, enum outcome outcome);

/* Says what failed in hsm/ or in the store, and gives the exit status for it. */
MUST_CHECK enum outcome office_fail_hsm(struct office *office, enum hsm_result result,
                                        const char *what);
MUST_CHECK enum outcome office_fail_store(struct office *office, enum store_result result);

/* Seals the value in the token and writes it into the store; `what` is for office_fail_hsm. */
MUST_CHECK enum outcome office_write_sealed(struct office *office, struct stored_value *value,
                                            const char *what);

#endif
