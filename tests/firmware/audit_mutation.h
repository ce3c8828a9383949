/* A random single change to an audit trail, of the kinds that audit verify must find. */
#ifndef NISIM_TESTS_FIRMWARE_AUDIT_MUTATION_H
#define NISIM_TESTS_FIRMWARE_AUDIT_MUTATION_H

#include "verify.h"

/*
 * Changes one of the writer's segments, verifies, and puts it back. False, and says so: it was not
 * found. With random(), which the caller seeds.
 */
bool mutation_is_found(const char *folder, const char *writer, const struct audit_head *head,
                       const struct audit_public_key *key);

#endif
