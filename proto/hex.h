/* Octets as hex digits, two each, either case on the way in, lower case on the way out. */
#ifndef NISIM_PROTO_HEX_H
#define NISIM_PROTO_HEX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "attributes.h"

#define HEX_TEXT_BYTES(octets) (2 * (octets) + 1) /* the NUL included */

/* True when text is exactly 2 * octets hex digits; out_bytes is written only then. */
MUST_CHECK bool hex_decode(const char *text, size_t length, uint8_t *out_bytes, size_t octets);

/* out_text has room for HEX_TEXT_BYTES(octets). */
void hex_encode(const uint8_t *bytes, size_t octets, char *out_text);

#endif
