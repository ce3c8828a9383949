/*
 * One subscriber as an import file says it: texts by column, not judged yet. The bytes hold K, or
 * H(A1), where the file has it in clear: a row lives in locked pages and is wiped before the next.
 */
#ifndef NISIM_PROVISIONING_IMPORT_ROW_H
#define NISIM_PROVISIONING_IMPORT_ROW_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "attributes.h"

#define IMPORT_ROW_BYTES_MAX 32768
#define IMPORT_WHY_BYTES 256

enum import_column {
#define IMPORT_COLUMN(member, name, needed) IMPORT_##member,
#include "import_columns.def"
    IMPORT_COLUMNS,
};

/* How K, OP, OPc and H(A1) are written. */
enum import_wrap {
    IMPORT_WRAP_NONE, /* clear text */
    IMPORT_WRAP_FREE, /* wrapped, the file does not say how: the transport key and length do */
    IMPORT_WRAP_KW,   /* RFC 3394 */
    IMPORT_WRAP_KWP,  /* RFC 5649 */
    IMPORT_WRAP_OAEP, /* RSA-OAEP with SHA-1 */
};

struct import_row {
    size_t line;                  /* where it begins in the file, from 1 */
    char *values[IMPORT_COLUMNS]; /* into bytes; NULL where not given or empty */
    enum import_wrap wrap;
    size_t used;
    char bytes[IMPORT_ROW_BYTES_MAX];
};

const char *import_column_name(enum import_column column);
bool import_column_is_needed(enum import_column column);

/* IMPORT_COLUMNS when there is none of this name; upper and lower case are the same. */
enum import_column import_column_find(const char *name, size_t length);

/* Wipes, and says where the next one begins. */
void import_row_clear(struct import_row *row, size_t line);

/* Without the blanks around it; false when the row is full or there is a NUL. */
MUST_CHECK bool import_row_set(struct import_row *row, enum import_column column, const char *text,
                               size_t length);

/* One more value of a list. */
MUST_CHECK bool import_row_append(struct import_row *row, enum import_column column,
                                  const char *text, size_t length);

#endif
