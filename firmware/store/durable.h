/*
 * A new, renamed or removed name on the disk is as durable as the folder it is in (fsync(2)). Both
 * return false with errno.
 */
#ifndef NISIM_STORE_DURABLE_H
#define NISIM_STORE_DURABLE_H

#include <stdbool.h>

#include "attributes.h"

MUST_CHECK bool durable_folder(const char *folder);

/* The folder that `path` is in. */
MUST_CHECK bool durable_name(const char *path);

#endif
