#include "digestfile.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "hex.h"
#include "text.h"

static const char *const names[DIGEST_HASHES] = {
    [DIGEST_MD5] = "MD5", [DIGEST_SHA_256] = "SHA-256", [DIGEST_SHA_512_256] = "SHA-512-256"};

/* In locked pages. */
struct reading {
    char text[KEYFILE_BYTES_MAX + 1];
    size_t length;
    uint8_t octets[DIGEST_HASH_BYTES_MAX];
    struct secret_password password;
};

/* DIGEST_HASHES when it is no name. */
static size_t find_name(const char *text, size_t length)
{
    size_t hash = 0;
    while (hash < DIGEST_HASHES &&
           (strlen(names[hash]) != length || memcmp(names[hash], text, length) != 0))
        hash++;
    return hash;
}

const char *digest_hash_name(enum digest_hash hash)
{
    return names[hash];
}

bool digest_algorithms_from_text(const char *text, uint8_t *out_algorithms)
{
    uint8_t algorithms = 0;
    for (;;) {
        size_t length = strcspn(text, ",");
        size_t hash = find_name(text, length);
        if (hash == DIGEST_HASHES || (algorithms >> hash & 1) == 1)
            return false;
        algorithms |= (uint8_t)(1u << hash);
        if (text[length] == '\0')
            break;
        text += length + 1;
    }
    *out_algorithms = algorithms;
    return true;
}

static bool say(char *out_why, const char *why)
{
    snprintf(out_why, KEYFILE_WHY_BYTES, "%s", why);
    return false;
}

/* read(2): a FILE would leave the secret in its buffer. */
static bool fill(struct reading *reading, int descriptor, char *out_why)
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
        return say(out_why, "it can't be read");
    return reading->length <= KEYFILE_BYTES_MAX || say(out_why, "it is longer than 4096 bytes");
}

static bool take_password(struct reading *reading, char *out_why)
{
    size_t length = reading->length;
    if (length > 0 && reading->text[length - 1] == '\n')
        length--;
    if (length > 0 && reading->text[length - 1] == '\r')
        length--;
    if (length == 0)
        return say(out_why, "it is empty");
    if (length > sizeof reading->password.bytes)
        return say(out_why, "the password is longer than 128 bytes");
    if (!text_is_clean(reading->text, length))
        return say(out_why, "the password is not one line of UTF-8 without control characters");
    memcpy(reading->password.bytes, reading->text, length);
    reading->password.length = length;
    return true;
}

static bool hash_password(const struct secret_password *password,
                          const struct digest_account *account, struct digest_secrets *secrets,
                          char *out_why)
{
    for (size_t hash = 0; hash < DIGEST_HASHES; hash++) {
        if ((account->algorithms >> hash & 1) == 1 &&
            digest_ha1((enum digest_hash)hash, account->username, account->realm, password,
                       &secrets->ha1[hash]) != HSM_OK)
            return say(out_why, "libcrypto refuses an algorithm");
    }
    secrets->algorithms = account->algorithms;
    return true;
}

static bool fail_at(size_t line_number, const char *what, const char *why, char *out_why)
{
    snprintf(out_why, KEYFILE_WHY_BYTES, "line %zu: %s%s", line_number, what, why);
    return false;
}

static bool take_line(struct reading *reading, size_t line_number, const char *line, size_t length,
                      struct digest_secrets *secrets, char *out_why)
{
    if (length > 0 && line[length - 1] == '\r')
        length--;
    if (length == 0 || line[0] == '#')
        return true;
    const char *equals = memchr(line, '=', length);
    size_t hash = equals == NULL ? DIGEST_HASHES : find_name(line, (size_t)(equals - line));
    if (hash == DIGEST_HASHES)
        return fail_at(line_number, "", "not MD5=, SHA-256= or SHA-512-256= and hex digits",
                       out_why);
    if ((secrets->algorithms >> hash & 1) == 1)
        return fail_at(line_number, names[hash], " stands twice", out_why);
    size_t octets = digest_hash_bytes((enum digest_hash)hash);
    const char *hex = equals + 1;
    if (!hex_decode(hex, length - (size_t)(hex - line), reading->octets, octets))
        return fail_at(line_number, names[hash],
                       octets == 16 ? " is not 32 hex digits" : " is not 64 hex digits", out_why);
    hex_encode(reading->octets, octets, secrets->ha1[hash].text); /* lower case: so it is hashed */
    secrets->algorithms |= (uint8_t)(1u << hash);
    return true;
}

static bool take_lines(struct reading *reading, struct digest_secrets *secrets, char *out_why)
{
    const char *at = reading->text;
    size_t left = reading->length;
    for (size_t number = 1; left > 0; number++) {
        const char *end = memchr(at, '\n', left);
        size_t length = end == NULL ? left : (size_t)(end - at);
        if (!take_line(reading, number, at, length, secrets, out_why))
            return false;
        size_t step = end == NULL ? length : length + 1;
        at += step;
        left -= step;
    }
    return secrets->algorithms != 0 || say(out_why, "it holds no H(A1)");
}

/* account: NULL for a file of H(A1). */
static struct digest_secrets *read_secrets(int descriptor, const struct digest_account *account,
                                           char *out_why)
{
    struct reading *reading = secret_pages_new(sizeof *reading);
    struct digest_secrets *secrets = secret_pages_new(sizeof *secrets);
    bool good = reading != NULL && secrets != NULL;
    if (!good)
        say(out_why, "no memory that can be locked for it");
    good = good && fill(reading, descriptor, out_why);
    if (account == NULL)
        good = good && take_lines(reading, secrets, out_why);
    else
        good = good && take_password(reading, out_why) &&
               hash_password(&reading->password, account, secrets, out_why);
    secret_pages_free(reading, sizeof *reading);
    if (!good)
        digest_secrets_free(&secrets);
    return secrets;
}

struct digest_secrets *digestfile_read_password(int descriptor,
                                                const struct digest_account *account,
                                                char out_why[KEYFILE_WHY_BYTES])
{
    return read_secrets(descriptor, account, out_why);
}

struct digest_secrets *digestfile_read_ha1(int descriptor, char out_why[KEYFILE_WHY_BYTES])
{
    return read_secrets(descriptor, NULL, out_why);
}

void digest_secrets_free(struct digest_secrets **secrets)
{
    secret_pages_free(*secrets, sizeof **secrets);
    *secrets = NULL;
}
