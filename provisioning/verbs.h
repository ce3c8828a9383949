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
MUST_CHECK enum outcome subscriber_unblock_pin(struct office *office,
                                               const struct arguments *arguments);
MUST_CHECK enum outcome show_one(struct office *office, const struct arguments *arguments);
MUST_CHECK enum outcome show_list(struct office *office, const struct arguments *arguments);

/* import and export */
MUST_CHECK enum outcome export_hss(struct office *office, const struct arguments *arguments);
MUST_CHECK enum outcome import_file(struct office *office, const struct arguments *arguments);
/* Transport keys */
MUST_CHECK enum outcome transport_key_make(struct office *office,
                                           const struct arguments *arguments);
MUST_CHECK enum outcome transport_key_hss(struct office *office, const struct arguments *arguments);
MUST_CHECK enum outcome transport_key_components(struct office *office,
                                                 const struct arguments *arguments);
MUST_CHECK enum outcome transport_key_receive(struct office *office,
                                              const struct arguments *arguments);
MUST_CHECK enum outcome transport_key_remove(struct office *office,
                                             const struct arguments *arguments);
MUST_CHECK enum outcome transport_key_list(struct office *office,
                                           const struct arguments *arguments);
/* The audit trail. */
MUST_CHECK enum outcome audit_verify_trail(struct office *office,
                                           const struct arguments *arguments);
MUST_CHECK enum outcome audit_show(struct office *office, const struct arguments *arguments);
MUST_CHECK enum outcome audit_export(struct office *office, const struct arguments *arguments);
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
/* Rollback, backup, KEK. */
MUST_CHECK enum outcome state_accept(struct office *office, const struct arguments *arguments);
MUST_CHECK enum outcome backup_make(struct office *office, const struct arguments *arguments);
MUST_CHECK enum outcome backup_restore(struct office *office, const struct arguments *arguments);
MUST_CHECK enum outcome kek_rotate(struct office *office, const struct arguments *arguments);

#endif
