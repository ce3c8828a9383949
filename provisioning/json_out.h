/* JSON on standard output. */
#ifndef NISIM_PROVISIONING_JSON_OUT_H
#define NISIM_PROVISIONING_JSON_OUT_H

#include <jansson.h>

#include "outcome.h"

/* Takes over `value`; NULL is what jansson gives when memory is short. */
MUST_CHECK enum outcome json_print(json_t *value);

#endif
