/*
 * What nisim-token can do, a function a verb. Each says what it did on standard output, or what
 * went wrong on standard error.
 */
#ifndef NISIM_PROVISIONING_VERBS_H
#define NISIM_PROVISIONING_VERBS_H

#include "office.h"

MUST_CHECK enum outcome initialise_token(struct office *office, const struct arguments *arguments);
MUST_CHECK enum outcome check_token(struct office *office, const struct arguments *arguments);
MUST_CHECK enum outcome subscriber_add(struct office *office, const struct arguments *arguments);
MUST_CHECK enum outcome subscriber_enable(struct office *office, const struct arguments *arguments);
MUST_CHECK enum outcome subscriber_disable(struct office *office,
                                           const struct arguments *arguments);
MUST_CHECK enum outcome subscriber_remove(struct office *office, const struct arguments *arguments);
MUST_CHECK enum outcome show_one(struct office *office, const struct arguments *arguments);
MUST_CHECK enum outcome show_list(struct office *office, const struct arguments *arguments);

/* Officers, rules. */
MUST_CHECK enum outcome officer_add(struct office *office, const struct arguments *arguments);
MUST_CHECK enum outcome officer_list(struct office *office, const struct arguments *arguments);
MUST_CHECK enum outcome officer_remove(struct office *office, const struct arguments *arguments);
MUST_CHECK enum outcome rule_approvals(struct office *office, const struct arguments *arguments);

/* Ceremony. */
MUST_CHECK enum outcome change_pin(struct office *office, const struct arguments *arguments);
MUST_CHECK enum outcome show_status(struct office *office, const struct arguments *arguments);

/* Life. */
MUST_CHECK enum outcome subscriber_move(struct office *office, const struct arguments *arguments);
MUST_CHECK enum outcome subscriber_add_id(struct office *office, const struct arguments *arguments);
MUST_CHECK enum outcome subscriber_drop_id(struct office *office,
                                           const struct arguments *arguments);
MUST_CHECK enum outcome subscriber_rotate_key(struct office *office,
                                              const struct arguments *arguments);
MUST_CHECK enum outcome sqn_show(struct office *office, const struct arguments *arguments);
MUST_CHECK enum outcome sqn_reset(struct office *office, const struct arguments *arguments);

#endif
