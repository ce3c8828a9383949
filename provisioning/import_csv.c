/*
 * CSV with a header. libcsv takes quotes and commas apart; it is given one line of the file at a
 * time, so that what is wrong with a line ends with it.
 */
#include <csv.h>
#include <errno.h>
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "import_source.h"
#include "secret.h"
#include "text.h"

#define FIELDS_MAX 64
#define BUFFER_BYTES (2 * IMPORT_ROW_BYTES_MAX)
#define CSV_OPTIONS (CSV_STRICT | CSV_STRICT_FINI)

static const char byte_order_mark[] = {'\xef', '\xbb', '\xbf'};

/* In locked pages. */
struct csv {
    int descriptor;
    struct csv_parser parser;
    size_t field_count; /* of the header */
    enum import_column fields[FIELDS_MAX];
    size_t line;
    uint64_t position;
    bool end_of_file;
    size_t first; /* in bytes: what was read and not taken yet */
    size_t end;
    char bytes[BUFFER_BYTES];
};

/* One line on its way through libcsv. */
struct parsing {
    struct csv *csv;
    struct import_row *row; /* NULL for the header */
    char *why;
    size_t fields;
    size_t rows;
    bool failed;
};

enum line {
    LINE_READ,
    LINE_TOO_LONG,
    LINE_NONE, /* the end */
    LINE_BROKEN,
};

static void *grow_secretly(void *old, size_t bytes)
{
    void *new = malloc(bytes);
    if (new != NULL && old != NULL) {
        size_t old_bytes = malloc_usable_size(old);
        memcpy(new, old, old_bytes < bytes ? old_bytes : bytes);
        secret_wipe(old, old_bytes);
        free(old);
    }
    return new;
}

static void free_secretly(void *old)
{
    if (old != NULL)
        secret_wipe(old, malloc_usable_size(old));
    free(old);
}

static bool start_parser(struct csv *csv)
{
    if (csv_init(&csv->parser, CSV_OPTIONS) != 0)
        return false;
    csv_set_realloc_func(&csv->parser, grow_secretly);
    csv_set_free_func(&csv->parser, free_secretly);
    return true;
}

/* False at an error of the file. */
static bool fill(struct csv *csv)
{
    memmove(csv->bytes, csv->bytes + csv->first, csv->end - csv->first);
    csv->end -= csv->first;
    csv->first = 0;
    ssize_t got = 0;
    do {
        got = read(csv->descriptor, csv->bytes + csv->end, sizeof csv->bytes - csv->end);
    } while (got < 0 && errno == EINTR);
    if (got < 0)
        return false;
    csv->end_of_file = got == 0;
    csv->end += (size_t)got;
    return true;
}

static void take(struct csv *csv, size_t length)
{
    csv->first += length;
    csv->position += length;
}

/* To the end of the line or of the file. */
static enum line skip_line(struct csv *csv)
{
    for (;;) {
        const char *start = csv->bytes + csv->first;
        const char *newline = memchr(start, '\n', csv->end - csv->first);
        take(csv, newline == NULL ? csv->end - csv->first : (size_t)(newline - start) + 1);
        if (newline != NULL || csv->end_of_file)
            return LINE_TOO_LONG;
        if (!fill(csv))
            return LINE_BROKEN;
    }
}

/* out_text points into the buffer, good until the next call; no line end in it. */
static enum line read_line(struct csv *csv, const char **out_text, size_t *out_length)
{
    const char *newline = NULL;
    csv->line++;
    for (;;) {
        newline = memchr(csv->bytes + csv->first, '\n', csv->end - csv->first);
        if (newline != NULL || csv->end_of_file)
            break;
        if (csv->end - csv->first >= IMPORT_ROW_BYTES_MAX)
            return skip_line(csv);
        if (!fill(csv))
            return LINE_BROKEN;
    }
    size_t left = csv->end - csv->first;
    size_t length = newline == NULL ? left : (size_t)(newline - csv->bytes) - csv->first;
    if (left == 0)
        return LINE_NONE;
    *out_text = csv->bytes + csv->first;
    *out_length = length;
    take(csv, newline == NULL ? length : length + 1);
    if (length > 0 && (*out_text)[length - 1] == '\r')
        (*out_length)--;
    return *out_length < IMPORT_ROW_BYTES_MAX ? LINE_READ : LINE_TOO_LONG;
}

static void fail(struct parsing *parsing, const char *reason)
{
    if (!parsing->failed)
        snprintf(parsing->why, IMPORT_WHY_BYTES, "%s", reason);
    parsing->failed = true;
}

/* Of the header. */
static void take_name(struct parsing *parsing, const char *text, size_t length)
{
    struct csv *csv = parsing->csv;
    enum import_column column = import_column_find(text, length);
    bool can_be_shown = length <= 64 && text_is_clean(text, length);
    if (parsing->failed)
        return;
    if (csv->field_count == FIELDS_MAX) {
        fail(parsing, "the header has too many columns");
        return;
    }
    for (size_t i = 0; i < csv->field_count; i++) {
        if (column != IMPORT_COLUMNS && csv->fields[i] == column)
            fail(parsing, "a column stands twice in the header");
    }
    if (column == IMPORT_COLUMNS && !parsing->failed) {
        snprintf(parsing->why, IMPORT_WHY_BYTES,
                 "unknown column %zu%s%.*s%s in the header; nisim-token(1) lists the columns",
                 csv->field_count + 1, can_be_shown ? " \"" : "", can_be_shown ? (int)length : 0,
                 text, can_be_shown ? "\"" : "");
        parsing->failed = true;
    }
    csv->fields[csv->field_count++] = column;
}

static void on_field(void *text, size_t length, void *context)
{
    struct parsing *parsing = context;
    if (parsing->row == NULL)
        take_name(parsing, text == NULL ? "" : text, length);
    else if (parsing->fields < parsing->csv->field_count &&
             !import_row_set(parsing->row, parsing->csv->fields[parsing->fields],
                             text == NULL ? "" : text, length))
        fail(parsing, "a field has a NUL in it, or the line is too long");
    parsing->fields++;
}

static void on_row(int end, void *context)
{
    struct parsing *parsing = context;
    (void)end;
    parsing->rows++;
}

/* libcsv keeps what it was at when it fails: it begins anew. */
static void parse(struct parsing *parsing, const char *text, size_t length)
{
    struct csv_parser *parser = &parsing->csv->parser;
    bool good = csv_parse(parser, text, length, on_field, on_row, parsing) == length &&
                csv_fini(parser, on_field, on_row, parsing) == 0;
    if (!good) {
        int error = csv_error(parser);
        fail(parsing, error == CSV_ENOMEM || error == CSV_ETOOBIG
                          ? "memory is short"
                          : "its quotes are not as CSV wants them (RFC 4180)");
        csv_free(parser);
        if (!start_parser(parsing->csv))
            fail(parsing, "memory is short");
    }
    if (parsing->rows > 1)
        fail(parsing, "a carriage return stands alone in it: end lines with LF or CR LF");
}

/* Lines that are empty, and no row in CSV, are passed over. */
static enum line read_full_line(struct csv *csv, const char **out_text, size_t *out_length)
{
    enum line line = LINE_READ;
    do {
        line = read_line(csv, out_text, out_length);
    } while (line == LINE_READ && strspn(*out_text, " \t") >= *out_length);
    return line;
}

static enum import_got parse_row(struct csv *csv, struct import_row *row, const char *text,
                                 size_t length, char out_why[IMPORT_WHY_BYTES])
{
    struct parsing parsing = {.csv = csv, .row = row, .why = out_why};
    parse(&parsing, text, length);
    if (!parsing.failed && parsing.fields != csv->field_count) {
        snprintf(out_why, IMPORT_WHY_BYTES, "it has %zu fields, the header has %zu", parsing.fields,
                 csv->field_count);
        parsing.failed = true;
    }
    return parsing.failed ? IMPORT_GOT_BAD : IMPORT_GOT_ROW;
}

static enum import_got next(void *context, struct import_row *row, char out_why[IMPORT_WHY_BYTES])
{
    struct csv *csv = context;
    const char *text = NULL;
    size_t length = 0;
    enum line line = read_full_line(csv, &text, &length);
    import_row_clear(row, csv->line);
    switch (line) {
    case LINE_READ:
        return parse_row(csv, row, text, length, out_why);
    case LINE_NONE:
        return IMPORT_GOT_END;
    case LINE_TOO_LONG:
        snprintf(out_why, IMPORT_WHY_BYTES, "it is longer than %d bytes", IMPORT_ROW_BYTES_MAX);
        return IMPORT_GOT_BAD;
    case LINE_BROKEN:
        break;
    }
    snprintf(out_why, IMPORT_WHY_BYTES, "the file can't be read: %s", strerror(errno));
    return IMPORT_GOT_BROKEN;
}

static bool has_column(const struct csv *csv, enum import_column column)
{
    for (size_t i = 0; i < csv->field_count; i++) {
        if (csv->fields[i] == column)
            return true;
    }
    return false;
}

static bool is_complete(const struct csv *csv, char out_why[IMPORT_WHY_BYTES])
{
    for (size_t i = 0; i < IMPORT_COLUMNS; i++) {
        enum import_column column = (enum import_column)i;
        if (!import_column_is_needed(column) || has_column(csv, column))
            continue;
        snprintf(out_why, IMPORT_WHY_BYTES, "the header has no column \"%s\"",
                 import_column_name(column));
        return false;
    }
    if (has_column(csv, IMPORT_OP) || has_column(csv, IMPORT_OPC))
        return true;
    snprintf(out_why, IMPORT_WHY_BYTES, "the header has no column \"op\" or \"opc\"");
    return false;
}

static bool read_header(struct csv *csv, char out_why[IMPORT_WHY_BYTES])
{
    const char *text = NULL;
    size_t length = 0;
    struct parsing parsing = {.csv = csv, .why = out_why};
    enum line line = read_full_line(csv, &text, &length);
    if (line == LINE_NONE)
        fail(&parsing, "the file is empty");
    else if (line == LINE_TOO_LONG)
        fail(&parsing, "the first line is too long for a header");
    else if (line == LINE_BROKEN)
        fail(&parsing, strerror(errno));
    if (parsing.failed)
        return false;
    if (length >= sizeof byte_order_mark &&
        memcmp(text, byte_order_mark, sizeof byte_order_mark) == 0) {
        text += sizeof byte_order_mark;
        length -= sizeof byte_order_mark;
    }
    if (!text_is_clean(text, length))
        fail(&parsing, "the header has control characters or is not UTF-8");
    else
        parse(&parsing, text, length);
    return !parsing.failed && is_complete(csv, out_why);
}

static uint64_t position(void *context)
{
    const struct csv *csv = context;
    return csv->position;
}

static void close_csv(void *context)
{
    struct csv *csv = context;
    csv_free(&csv->parser);
    secret_pages_free(csv, sizeof *csv);
}

bool import_csv_open(int descriptor, struct import_source *out_source,
                     char out_why[IMPORT_WHY_BYTES])
{
    struct csv *csv = secret_pages_new(sizeof *csv);
    if (csv == NULL || !start_parser(csv)) {
        snprintf(out_why, IMPORT_WHY_BYTES, "no memory that can be locked: %s", strerror(errno));
        secret_pages_free(csv, sizeof *csv);
        return false;
    }
    csv->descriptor = descriptor;
    if (!read_header(csv, out_why)) {
        close_csv(csv);
        return false;
    }
    *out_source = (struct import_source){next, position, close_csv, csv};
    return true;
}
