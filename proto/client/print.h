/* How the nisim command prints: for its command_print*.c. */
#ifndef NISIM_PROTO_CLIENT_PRINT_H
#define NISIM_PROTO_CLIENT_PRINT_H

#include <jansson.h>

#include "command.h"

/* "ok", "sync-failure" or "mac-failure". */
const char *print_name_of(enum nisim_result result);

/* Takes over `object`; NULL is a failure. */
MUST_CHECK bool print_json(json_t *object);
MUST_CHECK bool print_line(const char *name, const char *value);

#endif
