/* A segment's copy in another folder: whole and durable under its name, or not there. */
#ifndef NISIM_PROVISIONING_AUDIT_COPY_H
#define NISIM_PROVISIONING_AUDIT_COPY_H

#include "outcome.h"

/* A file that is there already must be the same. Says what fails. */
MUST_CHECK enum outcome audit_copy(const char *from, const char *to);

/* What was made or removed in the folder is durable. */
MUST_CHECK enum outcome audit_sync_folder(const char *path);

#endif
