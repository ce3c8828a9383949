/* A record of the audit trail for people and for programs. */
#ifndef NISIM_PROVISIONING_AUDIT_TEXT_H
#define NISIM_PROVISIONING_AUDIT_TEXT_H

#include <jansson.h>

#include "audit_walk.h"

/* "MAC_FAILURE" of a request, "TAKEN" of an act; NULL where there is no outcome. */
const char *audit_outcome_name(const struct audit_record *record);

/* Does any request or act end so? */
MUST_CHECK bool audit_outcome_exists(const char *name);

/* One line on standard output. */
void audit_print_line(const struct audit_find *find);

/* NULL: memory is short. */
MUST_CHECK json_t *audit_json(const struct audit_find *find);

#endif
