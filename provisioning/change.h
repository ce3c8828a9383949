/*
 * A change of one subscription: read, changed in office->subscription, written only if the record
 * is still the one that was read, so that two officers at once can't undo each other's work.
 */
#ifndef NISIM_PROVISIONING_CHANGE_H
#define NISIM_PROVISIONING_CHANGE_H

#include "office.h"

/* Opens store and token, finds the subscriber, has the act approved, and checks the record. */
MUST_CHECK enum outcome change_open(struct office *office, const char *name);

/* Store and subscriber, then token and approval: the two halves of change_open for a look between.
 */
MUST_CHECK enum outcome change_find(struct office *office, const char *name);
MUST_CHECK enum outcome change_approve(struct office *office);

/* change_open's last part: OUTCOME_STORE, and says so, when the record is not as sealed. */
MUST_CHECK enum outcome change_check_seal(struct office *office);

/* Runs `write` in a transaction, with the record as it was read. Nothing is sealed here. */
MUST_CHECK enum outcome change_same(struct office *office,
                                    enum store_result (*write)(struct office *office));

/* Seals the record as it is now, then as change_same. */
MUST_CHECK enum outcome change_sealed(struct office *office,
                                      enum store_result (*write)(struct office *office));

/* The record alone, and the record with its names: for `write`. */
enum store_result change_write_record(struct office *office);
enum store_result change_write_names(struct office *office);

#endif
