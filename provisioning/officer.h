/*
 * Officers: persons who approve sensitive acts, each with a key pair of his own. An officer rests
 * in the store as the sealed value "officer/NAME".
 */
#ifndef NISIM_PROVISIONING_OFFICER_H
#define NISIM_PROVISIONING_OFFICER_H

#include "office.h"
#include "officer_key.h"
#include "stored_value.h"

#define OFFICER_PREFIX "officer/"
#define OFFICERS_MAX 32

struct officer {
    char name[OFFICER_NAME_BYTES_MAX + 1];
    uint64_t enrolled;                         /* seconds since 1970 */
    char by[3 * (OFFICER_NAME_BYTES_MAX + 2)]; /* who approved; "" for the first */
    struct public_key key;
};

/* NULL, or what is wrong with the name. */
MUST_CHECK const char *officer_check_name(const char *name);

/* By name; STORE_NOT_FOUND when there is none. The seal is checked: STORE_BAD_RECORD. */
MUST_CHECK enum store_result officer_find(struct office *office, const char *name,
                                          struct officer *out_officer);

/* The officer behind `after` by name ("" to begin); as officer_find. */
MUST_CHECK enum store_result officer_next(struct office *office, const char *after,
                                          struct officer *out_officer);

/* How many there are; says what is wrong. */
MUST_CHECK enum outcome officers_count(struct office *office, size_t *out_count);

/* SHA-256 over the officers as they rest, by name; says what is wrong. */
MUST_CHECK enum outcome officers_hash(struct office *office, uint8_t out_hash[SHA256_BYTES]);

/* Seals and writes; inside a transaction, rule_replace after it. */
MUST_CHECK enum outcome officer_write(struct office *office, const struct officer *officer);
MUST_CHECK enum outcome officer_erase(struct office *office, const char *name);

/* What store_result of an officer's record means, said. */
enum outcome officer_fail(struct office *office, const char *name, enum store_result result);

#endif
