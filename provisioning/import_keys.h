/*
 * The secrets of a row of an import file, made in the token: unwrapped there or, in a laboratory,
 * in clear; checked by the KCV. K and OPc rest in the store under the token's KEK, or in the token;
 * secrets of SIP digest in the token.
 */
#ifndef NISIM_PROVISIONING_IMPORT_KEYS_H
#define NISIM_PROVISIONING_IMPORT_KEYS_H

#include "import_terms.h"
#include "office.h"

enum import_made {
    IMPORT_MADE,
    IMPORT_REFUSED, /* the row's fault, and out_why says what */
    IMPORT_FATAL,   /* not the row's: was said, and *out_outcome is how the tool ends */
};

struct import_keys;

/* Token open and proved. Says what is wrong with the options. */
MUST_CHECK enum outcome import_keys_new(struct office *office, const struct arguments *arguments,
                                        struct import_keys **out_keys);
void import_keys_free(struct import_keys **keys);

/* Are the secrets of this row wrapped? False, and out_why, where it may not be as it is. */
MUST_CHECK bool import_keys_are_wrapped(const struct import_keys *keys,
                                        const struct import_row *row, bool *out_wrapped,
                                        char out_why[IMPORT_WHY_BYTES]);

/*
 * The subscription gets its secrets and their origin; `trial`: nothing stays in the token, and the
 * subscription is not to be stored.
 */
MUST_CHECK enum import_made import_keys_make(struct import_keys *keys,
                                             const struct import_terms *terms, bool trial,
                                             struct subscription *subscription,
                                             enum outcome *out_outcome,
                                             char out_why[IMPORT_WHY_BYTES]);

/* Do a row's secrets become objects of the token? Those of SIP digest do in either residence. */
bool import_keys_make_objects(const struct import_keys *keys, bool has_digest);

/* Are they in clear text? Then they stay in this process. */
bool import_keys_are_clear(const struct import_keys *keys);

/* The token was renewed: its handles are others. */
void import_keys_forget(struct import_keys *keys);

/* The subscription was not stored after all. */
void import_keys_drop(struct import_keys *keys, const struct subscription *subscription);

#endif
