/*
 * The ways in for K and OPc: clear text (a laboratory's token only), wrapped under a transport key,
 * or made in the token and handed over to the HSS. Each ends with both in the token or under its
 * KEK, and K's check value known; or with nothing changed.
 */
#ifndef NISIM_PROVISIONING_WAYS_H
#define NISIM_PROVISIONING_WAYS_H

#include "credentials.h"

/* Says what is wrong. Fills key_ref, kcv, origin and what goes with the residence, which is set. */
MUST_CHECK enum outcome ways_enrol(struct office *office, const struct arguments *arguments,
                                   const struct credentials *credentials, struct enrolled *out);

/* ways_enrol's last part: K by the source, checked; OPc from OP where it is not OPc itself. */
MUST_CHECK enum hsm_result ways_load(struct office *office, const struct enrolment *enrolment,
                                     struct enrolled *out);

/* --generate. */
MUST_CHECK enum outcome ways_generate(struct office *office, const struct arguments *arguments,
                                      const struct credentials *credentials, struct enrolled *out);

#endif
