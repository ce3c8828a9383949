#include "import_row.h"

#include <string.h>
#include <strings.h>

#include "secret.h"

static const struct {
    const char *name;
    bool needed;
} columns[IMPORT_COLUMNS] = {
#define IMPORT_COLUMN(member, name, needed) {name, needed},
#include "import_columns.def"
};

const char *import_column_name(enum import_column column)
{
    return columns[column].name;
}

bool import_column_is_needed(enum import_column column)
{
    return columns[column].needed;
}

enum import_column import_column_find(const char *name, size_t length)
{
    for (size_t i = 0; i < IMPORT_COLUMNS; i++) {
        if (strlen(columns[i].name) == length && strncasecmp(columns[i].name, name, length) == 0)
            return (enum import_column)i;
    }
    return IMPORT_COLUMNS;
}

void import_row_clear(struct import_row *row, size_t line)
{
    secret_wipe(row->bytes, row->used);
    memset(row->values, 0, sizeof row->values);
    row->wrap = IMPORT_WRAP_FREE;
    row->used = 0;
    row->line = line;
}

static bool is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

static void trim(const char **text, size_t *length)
{
    while (*length > 0 && is_blank((*text)[0])) {
        (*text)++;
        (*length)--;
    }
    while (*length > 0 && is_blank((*text)[*length - 1]))
        (*length)--;
}

static bool add_bytes(struct import_row *row, const char *text, size_t length)
{
    if (length >= sizeof row->bytes - row->used)
        return false;
    if (length > 0)
        memcpy(row->bytes + row->used, text, length);
    row->used += length;
    row->bytes[row->used] = '\0';
    return true;
}

bool import_row_set(struct import_row *row, enum import_column column, const char *text,
                    size_t length)
{
    char *value = row->bytes + row->used;
    trim(&text, &length);
    if (length == 0)
        return true;
    if (memchr(text, '\0', length) != NULL || !add_bytes(row, text, length))
        return false;
    if (!add_bytes(row, "", 0) || row->used + 1 >= sizeof row->bytes)
        return false;
    row->used++; /* the NUL */
    row->values[column] = value;
    return true;
}

bool import_row_append(struct import_row *row, enum import_column column, const char *text,
                       size_t length)
{
    const char *before = row->values[column];
    char *value = row->bytes + row->used;
    trim(&text, &length);
    if (before == NULL || length == 0)
        return import_row_set(row, column, text, length);
    if (memchr(text, '\0', length) != NULL || memchr(text, '|', length) != NULL ||
        !add_bytes(row, before, strlen(before)) || !add_bytes(row, "|", 1) ||
        !add_bytes(row, text, length) || row->used + 1 >= sizeof row->bytes)
        return false;
    row->used++;
    row->values[column] = value;
    return true;
}
