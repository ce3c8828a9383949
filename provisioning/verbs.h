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
MUST_CHECK enum outcome residence_move(struct office *office, const struct arguments *arguments);
MUST_CHECK enum outcome show_one(struct office *office, const struct arguments *arguments);
MUST_CHECK enum outcome show_list(struct office *office, const struct arguments *arguments);

/* Rollback, backup, KEK. */
MUST_CHECK enum outcome state_accept(struct office *office, const struct arguments *arguments);
MUST_CHECK enum outcome backup_make(struct office *office, const struct arguments *arguments);
MUST_CHECK enum outcome backup_restore(struct office *office, const struct arguments *arguments);
MUST_CHECK enum outcome kek_rotate(struct office *office, const struct arguments *arguments);

#endif
