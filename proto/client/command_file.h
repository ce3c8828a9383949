/* The files of the ISIM for people: their names, and what their bytes say. */
#ifndef NISIM_PROTO_CLIENT_COMMAND_FILE_H
#define NISIM_PROTO_CLIENT_COMMAND_FILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "attributes.h"

#define FILE_VALUE_BYTES 512 /* a text, or the numbers of all services */

/* A name such as IMPI, in any case, or four hex digits; false when it is neither. */
MUST_CHECK bool file_from_name(const char *name, uint16_t *out_fid);

/* What the record or the whole file says in words; false when that can't be said. */
MUST_CHECK bool file_value(uint16_t fid, const uint8_t *bytes, size_t length,
                           char out_text[FILE_VALUE_BYTES]);

#endif
