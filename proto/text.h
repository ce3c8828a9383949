/* What may stand in a TEXT field, and so in every name the appliance stores or logs. */
#ifndef NISIM_PROTO_TEXT_H
#define NISIM_PROTO_TEXT_H

#include <stdbool.h>
#include <stddef.h>

#include "attributes.h"

/* Well-formed UTF-8 (RFC 3629) with no control character (C0, DEL, C1) and no NUL. */
MUST_CHECK bool text_is_clean(const char *text, size_t length);

/*
 * May it stand between double quotes in a SIP header as it is? Clean, and without a quote or a
 * backslash (RFC 3261 25.1, quoted-string): so nothing can be slipped into a built header.
 */
MUST_CHECK bool text_is_quotable(const char *text, size_t length);

#endif
