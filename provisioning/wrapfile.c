#include "wrapfile.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "hex.h"
#include "text.h"

#define LINE_BYTES (2 * TRANSPORT_WRAPPED_BYTES_MAX + 64)

struct reading {
    struct wrapfile *file;
    size_t line_number;
    unsigned seen;         /* a bit a name */
    enum digest_hash hash; /* of the line at hand, where it is of a digest secret */
    char *out_why;         /* WRAPFILE_WHY_BYTES */
};

static bool fail(const struct reading *reading, const char *what, const char *reason)
{
    snprintf(reading->out_why, WRAPFILE_WHY_BYTES, "line %zu: %s%s", reading->line_number, what,
             reason);
    return false;
}

static bool take_blob(const char *text, size_t length, struct wrapfile_blob *blob)
{
    blob->length = length / 2;
    return blob->length > 0 && blob->length <= sizeof blob->bytes &&
           hex_decode(text, length, blob->bytes, blob->length);
}

static bool take_k(struct reading *reading, const char *text, size_t length)
{
    return take_blob(text, length, &reading->file->k);
}

static bool take_op(struct reading *reading, const char *text, size_t length)
{
    return reading->file->op.length == 0 && take_blob(text, length, &reading->file->op);
}

static bool take_opc(struct reading *reading, const char *text, size_t length)
{
    bool good = take_op(reading, text, length);
    reading->file->op_is_opc = true;
    return good;
}

static bool take_key(struct reading *reading, const char *text, size_t length)
{
    return take_blob(text, length, &reading->file->key);
}

static bool take_kcv(struct reading *reading, const char *text, size_t length)
{
    return kcv_from_text(text, length, &reading->file->kcv);
}

static bool take_ha1(struct reading *reading, const char *text, size_t length)
{
    return take_blob(text, length, &reading->file->ha1[reading->hash]);
}

static bool take_ha1_kcv(struct reading *reading, const char *text, size_t length)
{
    return kcv_of_ha1_from_text(text, length, &reading->file->ha1_kcv[reading->hash]);
}

static bool take_impi(struct reading *reading, const char *text, size_t length)
{
    if (length == 0 || length > NAME_BYTES_MAX)
        return false;
    memcpy(reading->file->impi, text, length);
    reading->file->impi[length] = '\0';
    return true;
}

static bool take_algorithm(struct reading *reading, const char *text, size_t length)
{
    static const char only[] = "milenage";
    (void)reading;
    return length == sizeof only - 1 && memcmp(text, only, length) == 0;
}

/* What a hand-over says for its reader; which way a key is wrapped is found by unwrapping it. */
static bool pass_over(struct reading *reading, const char *text, size_t length)
{
    (void)reading, (void)text;
    return length > 0;
}

#define WRONG_HA1 " is not hex digits of a wrapped H(A1)"
#define WRONG_HA1_KCV " is not sha256: and 6 to 10 hex digits"

static const struct name {
    const char *text;
    bool (*take)(struct reading *reading, const char *text, size_t length);
    const char *wrong;
    enum digest_hash hash; /* of a digest secret's */
} names[] = {
    {"K", take_k, " is not hex digits of a wrapped key", 0},
    {"OP", take_op, " is not hex digits of a wrapped key, or both OP and OPc are given", 0},
    {"OPc", take_opc, " is not hex digits of a wrapped key, or both OP and OPc are given", 0},
    {"KEY", take_key, " is not hex digits of a wrapped key", 0},
    {"KCV", take_kcv, " is not 6 to 10 hex digits, with cmac: before those of a CMAC", 0},
    {"IMPI", take_impi, " is empty or too long", 0},
    {"ALGORITHM", take_algorithm, " is not milenage", 0},
    {"WRAP", pass_over, " is empty", 0},
    {"TRANSPORT-KEY", pass_over, " is empty", 0},
    {"TRANSPORT-KCV", pass_over, " is empty", 0},
    {"HA1-MD5", take_ha1, WRONG_HA1, DIGEST_MD5},
    {"HA1-MD5-KCV", take_ha1_kcv, WRONG_HA1_KCV, DIGEST_MD5},
    {"HA1-SHA-256", take_ha1, WRONG_HA1, DIGEST_SHA_256},
    {"HA1-SHA-256-KCV", take_ha1_kcv, WRONG_HA1_KCV, DIGEST_SHA_256},
    {"HA1-SHA-512-256", take_ha1, WRONG_HA1, DIGEST_SHA_512_256},
    {"HA1-SHA-512-256-KCV", take_ha1_kcv, WRONG_HA1_KCV, DIGEST_SHA_512_256},
};
#define NAMES (sizeof names / sizeof names[0])

static bool take_value(struct reading *reading, size_t name, const char *text, size_t length)
{
    if ((reading->seen & 1U << name) != 0)
        return fail(reading, names[name].text, " stands twice");
    reading->seen |= 1U << name;
    reading->hash = names[name].hash;
    return names[name].take(reading, text, length) ||
           fail(reading, names[name].text, names[name].wrong);
}

static bool take_line(struct reading *reading, const char *line, size_t length)
{
    if (length == 0 || line[0] == '#')
        return true;
    if (!text_is_clean(line, length))
        return fail(reading, "", "not clean UTF-8 text");
    const char *equals = memchr(line, '=', length);
    size_t name_bytes = equals == NULL ? 0 : (size_t)(equals - line);
    for (size_t i = 0; i < NAMES && equals != NULL; i++) {
        if (strlen(names[i].text) == name_bytes && memcmp(names[i].text, line, name_bytes) == 0)
            return take_value(reading, i, equals + 1, length - name_bytes - 1);
    }
    return fail(reading, "", "not NAME=VALUE with a name of nisim-token(1), FILES");
}

static bool take_lines(struct reading *reading, FILE *stream)
{
    char line[LINE_BYTES];
    size_t total = 0;
    while (fgets(line, sizeof line, stream) != NULL) {
        size_t length = strlen(line);
        reading->line_number++;
        total += length;
        if (length == sizeof line - 1 || total > WRAPFILE_BYTES_MAX)
            return fail(reading, "", "too long");
        length = strcspn(line, "\r\n");
        if (!take_line(reading, line, length))
            return false;
    }
    if (ferror(stream) == 0)
        return true;
    return fail(reading, "it can't be read: ", strerror(errno));
}

bool wrapfile_has_ha1(const struct wrapfile *file)
{
    for (size_t i = 0; i < DIGEST_HASHES; i++) {
        if (file->ha1[i].length > 0)
            return true;
    }
    return false;
}

bool wrapfile_read(const char *path, struct wrapfile *out_file, char out_why[WRAPFILE_WHY_BYTES])
{
    struct reading reading = {.file = out_file, .out_why = out_why};
    FILE *stream = fopen(path, "re");
    memset(out_file, 0, sizeof *out_file);
    if (stream == NULL) {
        snprintf(out_why, WRAPFILE_WHY_BYTES, "%s", strerror(errno));
        return false;
    }
    bool good = take_lines(&reading, stream);
    fclose(stream);
    return good;
}
