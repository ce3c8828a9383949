/*
 * The digest secrets of a subscriber as token objects (keyring.h): for each algorithm a key that
 * does not leave, where the token hashes one, else a private data object.
 */
#ifndef NISIM_PROVISIONING_ENROL_DIGEST_H
#define NISIM_PROVISIONING_ENROL_DIGEST_H

#include "digest_credential.h"
#include "digestfile.h"

/*
 * Makes the objects under new references, tries them and makes them durable; fills algorithms and
 * refs. On failure the token is as before; HSM_BAD_ANSWER: what the token holds is not what it was
 * given.
 */
MUST_CHECK enum hsm_result enrol_digests(struct token *token, const struct digest_secrets *secrets,
                                         const char *impi, struct digest_credential *out);

/* HSM_NO_KEY when one was not there; the others are destroyed. */
MUST_CHECK enum hsm_result enrol_digests_destroy(struct token *token,
                                                 const struct digest_credential *credential);

#endif
