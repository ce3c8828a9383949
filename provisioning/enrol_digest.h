/*
 * The digest secrets of a subscriber as token objects (keyring.h): for each algorithm a key that
 * does not leave, where the token hashes one, else a private data object. What comes wrapped for
 * such a key is unwrapped in the token and seen by nobody; for a data object it is in locked memory
 * for a moment, as it will be in a keeper for each answer.
 */
#ifndef NISIM_PROVISIONING_ENROL_DIGEST_H
#define NISIM_PROVISIONING_ENROL_DIGEST_H

#include "digest_credential.h"
#include "digestfile.h"
#include "transport.h"

/* Where one comes from; all of it borrowed. */
struct digest_source {
    const struct secret_ha1 *clear;   /* NULL: it comes wrapped, or not at all */
    struct transport_wrapped wrapped; /* the digits of H(A1); length 0: not at all */
    struct kcv kcv;                   /* length 0: not known */
};

/* What is loaded for one subscriber. */
struct digest_loading {
    struct digest_source sources[DIGEST_HASHES];
    const char *impi;
    bool is_trial;                  /* everything is tried, and nothing stays in the token */
    enum digest_hash last;          /* out: the one that was begun last, and failed if one did */
    struct kcv kcvs[DIGEST_HASHES]; /* out */
};

/*
 * Makes the objects under new references, tries them and makes them durable; fills algorithms and
 * refs. On failure the token is as before. HSM_BAD_WRAP: as of transport_source; HSM_BAD_HA1: what
 * was wrapped is no H(A1); HSM_BAD_KCV: it is another one than the check value says, or not in the
 * lower-case digits that it is over; HSM_BAD_ANSWER: what the token holds is not what it was given.
 */
MUST_CHECK enum hsm_result enrol_digests(struct token *token, struct digest_loading *loading,
                                         struct digest_credential *out);

/* HSM_NO_KEY when one was not there; the others are destroyed. */
MUST_CHECK enum hsm_result enrol_digests_destroy(struct token *token,
                                                 const struct digest_credential *credential);

#endif
