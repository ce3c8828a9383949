/*
 * The ways in for secrets of SIP digest: clear text, a password or H(A1) (a laboratory's token
 * only), or H(A1) wrapped under a transport key.
 */
#ifndef NISIM_PROVISIONING_DIGEST_WAYS_H
#define NISIM_PROVISIONING_DIGEST_WAYS_H

#include "credentials.h"

/* In an open token, before anything is made: says why not, and warns of clear text. */
MUST_CHECK enum outcome digest_ways_check(const struct office *office,
                                          const struct arguments *arguments,
                                          const struct credentials *credentials);

/* Says what is wrong, and of which algorithm. Fills digest but is_alone, and digest_kcvs. */
MUST_CHECK enum outcome digest_ways_enrol(struct office *office, const struct arguments *arguments,
                                          const struct credentials *credentials,
                                          struct enrolled *out);

/* The realm that H(A1) is for. */
const char *digest_ways_realm(const struct arguments *arguments);

#endif
