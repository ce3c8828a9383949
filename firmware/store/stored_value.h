/*
 * What the appliance keeps beside its subscriptions: officers, rules, how far a trail or a token
 * has come. A value has a name and rests with a seal: an HMAC over both by the token's integrity
 * key, so that neither an edit nor a value under another's name passes.
 */
#ifndef NISIM_STORE_STORED_VALUE_H
#define NISIM_STORE_STORED_VALUE_H

#include "store.h"

#define STORED_NAME_BYTES_MAX 127
#define STORED_VALUE_BYTES_MAX 2048

struct stored_value {
    char name[STORED_NAME_BYTES_MAX + 1]; /* "room/what": "officer/alice" */
    size_t bytes;
    uint8_t value[STORED_VALUE_BYTES_MAX];
    uint8_t seal[TOKEN_MAC_BYTES];
};

MUST_CHECK enum hsm_result stored_value_seal(struct token *token, struct stored_value *value);

/* HSM_BAD_ANSWER when it is not as it was sealed. */
MUST_CHECK enum hsm_result stored_value_check_seal(struct token *token,
                                                   const struct stored_value *value);

/* The caller checks the seal. STORE_NOT_FOUND when there is no such name. */
MUST_CHECK enum store_result store_value_read(struct store *store, const char *name,
                                              struct stored_value *out);

/*
 * The value with the smallest name above `after` that begins with `prefix` ("" to begin):
 * STORE_NOT_FOUND at the end.
 */
MUST_CHECK enum store_result store_value_next(struct store *store, const char *prefix,
                                              const char *after, struct stored_value *out);

/* New or in place of the old one; a transaction of its own unless one is open. */
MUST_CHECK enum store_result store_value_write(struct store *store,
                                               const struct stored_value *value);

/* STORE_NOT_FOUND when there is no such name. */
MUST_CHECK enum store_result store_value_remove(struct store *store, const char *name);

#endif
