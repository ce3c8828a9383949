/*
 * The rule of the house, one sealed value of the store that init writes: how many officers must
 * approve a sensitive act, the least length of a PIN, the store's own number, and a hash over all
 * officers: so that none can be taken out of the store, or brought back into it, by hand.
 */
#ifndef NISIM_PROVISIONING_RULE_H
#define NISIM_PROVISIONING_RULE_H

#include "office.h"
#include "officer_key.h"

#define RULE_NAME "rule/approvals"
#define RULE_APPROVALS_MAX 2
#define STORE_ID_BYTES 16

struct rule {
    uint8_t approvals; /* 0 to RULE_APPROVALS_MAX */
    uint8_t pin_least; /* bytes; 0: as the token says */
    uint8_t store_id[STORE_ID_BYTES];
    uint8_t officers[SHA256_BYTES]; /* of all officers, by name */
    uint8_t seal[TOKEN_MAC_BYTES];  /* as it was read */
};

/* Token and store are open, the integrity key is found. Says what is wrong: gone, or altered. */
MUST_CHECK enum outcome rule_read(struct office *office, struct rule *out_rule);

/* Without the seal, where the token can't be asked: of what it says nothing may depend but help. */
MUST_CHECK bool rule_read_unproved(struct office *office, struct rule *out_rule);

/* For init: no officers, no approvals. */
MUST_CHECK enum outcome rule_write_first(struct office *office, uint8_t pin_least);

/* Inside a transaction: STORE_CONFLICT's message when it is no longer as `rule` was read. */
MUST_CHECK enum outcome rule_replace(struct office *office, const struct rule *rule);

#endif
