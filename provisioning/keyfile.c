#include "keyfile.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "hex.h"

enum name {
    NAME_K,
    NAME_OP,
    NAME_OPC,
    NAMES,
};

static const char *const name_texts[NAMES] = {"K", "OP", "OPc"};

/* In locked pages. */
struct reading {
    char text[KEYFILE_BYTES_MAX + 1];
    size_t length;
    size_t line_number;
    bool seen[NAMES];
    char *out_why; /* KEYFILE_WHY_BYTES */
};

static bool fail(const struct reading *reading, const char *what, const char *reason)
{
    snprintf(reading->out_why, KEYFILE_WHY_BYTES, "line %zu: %s%s", reading->line_number, what,
             reason);
    return false;
}

/* read(2): a FILE would leave K in its buffer. */
static bool fill(struct reading *reading, int descriptor)
{
    ssize_t got = 1;
    while (got > 0 && reading->length < sizeof reading->text) {
        do {
            got = read(descriptor, reading->text + reading->length,
                       sizeof reading->text - reading->length);
        } while (got < 0 && errno == EINTR);
        reading->length += got > 0 ? (size_t)got : 0;
    }
    if (got < 0)
        snprintf(reading->out_why, KEYFILE_WHY_BYTES, "it can't be read: %s", strerror(errno));
    else if (reading->length > KEYFILE_BYTES_MAX)
        snprintf(reading->out_why, KEYFILE_WHY_BYTES, "it is longer than %d bytes",
                 KEYFILE_BYTES_MAX);
    return got >= 0 && reading->length <= KEYFILE_BYTES_MAX;
}

static bool is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\r';
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

/* NAMES when the text before the = is no name. */
static enum name find_name(const char *text, size_t length)
{
    for (enum name name = 0; name < NAMES; name++) {
        if (strlen(name_texts[name]) == length && memcmp(name_texts[name], text, length) == 0)
            return name;
    }
    return NAMES;
}

static bool take_value(struct reading *reading, enum name name, const char *hex, size_t length,
                       struct keyfile *keyfile)
{
    struct secret128 *value = name == NAME_K ? &keyfile->k : &keyfile->op;
    if (reading->seen[name])
        return fail(reading, name_texts[name], " stands twice");
    if (name != NAME_K && (reading->seen[NAME_OP] || reading->seen[NAME_OPC]))
        return fail(reading, "", "both OP and OPc are given; give exactly one");
    if (!hex_decode(hex, length, value->bytes, sizeof value->bytes))
        return fail(reading, name_texts[name], " is not 32 hex digits");
    reading->seen[name] = true;
    keyfile->op_is_opc = reading->seen[NAME_OPC];
    return true;
}

static bool take_line(struct reading *reading, const char *line, size_t length,
                      struct keyfile *keyfile)
{
    trim(&line, &length);
    if (length == 0 || line[0] == '#')
        return true;
    const char *equals = memchr(line, '=', length);
    enum name name = equals == NULL ? NAMES : find_name(line, (size_t)(equals - line));
    if (name == NAMES)
        return fail(reading, "", "not K=, OP= or OPc= and 32 hex digits");
    const char *value = equals + 1;
    return take_value(reading, name, value, length - (size_t)(value - line), keyfile);
}

static bool take_lines(struct reading *reading, struct keyfile *keyfile)
{
    const char *at = reading->text;
    size_t left = reading->length;
    while (left > 0) {
        const char *end = memchr(at, '\n', left);
        size_t length = end == NULL ? left : (size_t)(end - at);
        reading->line_number++;
        if (!take_line(reading, at, length, keyfile))
            return false;
        size_t step = end == NULL ? length : length + 1;
        at += step;
        left -= step;
    }
    return true;
}

static bool is_complete(const struct reading *reading, bool with_k)
{
    if (reading->seen[NAME_K] != with_k) {
        snprintf(reading->out_why, KEYFILE_WHY_BYTES,
                 with_k ? "it has no line K=" : "it has a line K=, where only OP or OPc belongs");
        return false;
    }
    if (!reading->seen[NAME_OP] && !reading->seen[NAME_OPC]) {
        snprintf(reading->out_why, KEYFILE_WHY_BYTES, "it has no line OP= or OPc=");
        return false;
    }
    return true;
}

static struct keyfile *read_file(int descriptor, bool with_k, char out_why[KEYFILE_WHY_BYTES])
{
    struct reading *reading = secret_pages_new(sizeof *reading);
    struct keyfile *keyfile = secret_pages_new(sizeof *keyfile);
    bool good = reading != NULL && keyfile != NULL;
    if (!good)
        snprintf(out_why, KEYFILE_WHY_BYTES, "no memory that can be locked for it: %s",
                 strerror(errno));
    if (good) {
        reading->out_why = out_why;
        good = fill(reading, descriptor) && take_lines(reading, keyfile) &&
               is_complete(reading, with_k);
    }
    secret_pages_free(reading, sizeof *reading);
    if (!good)
        keyfile_free(&keyfile);
    return keyfile;
}

struct keyfile *keyfile_read(int descriptor, char out_why[KEYFILE_WHY_BYTES])
{
    return read_file(descriptor, true, out_why);
}

struct keyfile *keyfile_read_op(int descriptor, char out_why[KEYFILE_WHY_BYTES])
{
    return read_file(descriptor, false, out_why);
}

void keyfile_free(struct keyfile **keyfile)
{
    secret_pages_free(*keyfile, sizeof **keyfile);
    *keyfile = NULL;
}
