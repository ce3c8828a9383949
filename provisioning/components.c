#include "components.h"

#include <bsd/readpassphrase.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "hex.h"

#define SHORT_BYTES 16
#define TEXT_BYTES 256
#define CLEAR_SCREEN "\033[H\033[2J\033[3J"

static bool is_zero(const struct secret_aes *value)
{
    static const struct secret_aes zero;
    return secret_equal(value->bytes, zero.bytes, sizeof value->bytes);
}

/* What an officer gave, in locked pages. */
struct entry {
    char text[TEXT_BYTES];
    char kcv_text[KCV_TEXT_BYTES + 2];
};

/* Takes the digits from `text`; the wording is for a component's number `number`. */
static enum outcome take_digits(const char *text, size_t length, size_t number,
                                struct secret_aes *out)
{
    size_t octets = length / 2;
    if ((octets != SHORT_BYTES && octets != AES_KEY_BYTES_MAX) ||
        !hex_decode(text, length, out->bytes, octets))
        return outcome_fail(OUTCOME_USAGE, "component %zu is not 32 or 64 hex digits", number);
    out->length = octets;
    if (is_zero(out))
        return outcome_fail(OUTCOME_USAGE, "component %zu is all zeros", number);
    return OUTCOME_DONE;
}

static enum outcome check_component(struct office *office, struct components *components,
                                    const struct kcv *said)
{
    size_t number = components->count + 1;
    struct secret_aes *component = &components->component[components->count];
    if (component->length != components->component[0].length)
        return outcome_fail(OUTCOME_USAGE, "component %zu is not as long as the first", number);
    enum hsm_result result =
        transport_kcv_of(office->token, component, said, &components->kcvs[components->count]);
    if (result == HSM_BAD_KCV)
        return outcome_fail(OUTCOME_USAGE,
                            "component %zu: the key check value is another one; nothing is changed",
                            number);
    if (result != HSM_OK)
        return office_fail_hsm(office, result, "the component's key check value");
    components->count++;
    return OUTCOME_DONE;
}

/* The value of the line that begins with `name`; 0 when there is none. */
static size_t find_line(const char *text, const char *name, const char **out_value)
{
    const char *at = text;
    while (at != NULL && strncmp(at, name, strlen(name)) != 0) {
        at = strchr(at, '\n');
        at = at == NULL ? NULL : at + 1;
    }
    if (at == NULL)
        return 0;
    *out_value = at + strlen(name);
    return strcspn(*out_value, "\r\n");
}

static enum outcome take_file_text(struct office *office, const struct entry *entry,
                                   struct components *components)
{
    size_t number = components->count + 1;
    const char *value = NULL;
    struct kcv said = {0};
    size_t length = find_line(entry->text, "KCV=", &value);
    if (length == 0 || !kcv_from_text(value, length, &said))
        return outcome_fail(OUTCOME_USAGE,
                            "component %zu: its file has no line KCV= with 6 to 10 hex digits",
                            number);
    length = find_line(entry->text, "COMPONENT=", &value);
    if (length == 0)
        return outcome_fail(OUTCOME_USAGE,
                            "component %zu: its file has no line COMPONENT=", number);
    enum outcome outcome =
        take_digits(value, length, number, &components->component[components->count]);
    return outcome == OUTCOME_DONE ? check_component(office, components, &said) : outcome;
}

/* read(2): a FILE would leave the component in its buffer. */
static enum outcome read_file(struct office *office, const char *path, struct entry *entry,
                              struct components *components)
{
    size_t used = 0;
    ssize_t got = 1;
    int descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
    if (descriptor < 0)
        return outcome_fail(OUTCOME_USAGE, "component file %s: %s", path, strerror(errno));
    secret_wipe(entry, sizeof *entry);
    while (got > 0 && used < sizeof entry->text - 1) {
        got = read(descriptor, entry->text + used, sizeof entry->text - 1 - used);
        used += got > 0 ? (size_t)got : 0;
    }
    close(descriptor);
    if (got != 0)
        return outcome_fail(OUTCOME_USAGE, "component file %s: %s", path,
                            got < 0 ? strerror(errno) : "it is too long");
    return take_file_text(office, entry, components);
}

/* Each officer finds an empty screen, and leaves one. */
static enum outcome ask(struct office *office, size_t of, struct entry *entry,
                        struct components *components)
{
    char prompt[160];
    size_t number = components->count + 1;
    struct kcv said = {0};
    snprintf(prompt, sizeof prompt,
             CLEAR_SCREEN "Officer %zu of %zu, nobody else looking on.\n"
                          "Component %zu, 32 or 64 hex digits (not shown): ",
             number, of, number);
    if (readpassphrase(prompt, entry->text, sizeof entry->text, RPP_ECHO_OFF | RPP_REQUIRE_TTY) ==
        NULL)
        return outcome_fail(OUTCOME_USAGE,
                            "component %zu was not typed on a terminal; give --component-file "
                            "FILE for each, or a terminal",
                            number);
    enum outcome outcome = take_digits(entry->text, strlen(entry->text), number,
                                       &components->component[components->count]);
    secret_wipe(entry->text, sizeof entry->text);
    if (outcome != OUTCOME_DONE)
        return outcome;
    snprintf(prompt, sizeof prompt, "Key check value of component %zu: ", number);
    if (readpassphrase(prompt, entry->kcv_text, sizeof entry->kcv_text,
                       RPP_ECHO_ON | RPP_REQUIRE_TTY) == NULL ||
        !kcv_from_text(entry->kcv_text, strlen(entry->kcv_text), &said))
        return outcome_fail(OUTCOME_USAGE,
                            "component %zu: its key check value is not 6 to 10 hex "
                            "digits",
                            number);
    return check_component(office, components, &said);
}

/* Two that are the same would cancel each other out. */
static enum outcome combine(struct components *components)
{
    components->key.length = components->component[0].length;
    for (size_t i = 0; i < components->count; i++) {
        for (size_t j = 0; j < components->key.length; j++)
            components->key.bytes[j] ^= components->component[i].bytes[j];
        for (size_t other = 0; other < i; other++) {
            if (secret_equal(components->component[i].bytes, components->component[other].bytes,
                             components->key.length))
                return outcome_fail(OUTCOME_USAGE, "components %zu and %zu are the same", other + 1,
                                    i + 1);
        }
    }
    if (is_zero(&components->key))
        return outcome_fail(OUTCOME_USAGE, "the components make a key of zeros");
    return OUTCOME_DONE;
}

static enum outcome read_all(struct office *office, const struct arguments *arguments,
                             struct entry *entry, struct components *components)
{
    enum outcome outcome = OUTCOME_DONE;
    size_t files = arguments->component_files_count;
    size_t of = files > 0 ? files : (size_t)arguments->components;
    for (size_t i = 0; i < of && outcome == OUTCOME_DONE; i++)
        outcome = files > 0 ? read_file(office, arguments->component_files[i], entry, components)
                            : ask(office, of, entry, components);
    return outcome == OUTCOME_DONE ? combine(components) : outcome;
}

enum outcome components_read(struct office *office, const struct arguments *arguments,
                             struct components **out_components)
{
    struct entry *entry = secret_pages_new(sizeof *entry);
    struct components *components = secret_pages_new(sizeof *components);
    enum outcome outcome = OUTCOME_DONE;
    if (arguments->component_files_count == 1)
        outcome = outcome_fail(OUTCOME_USAGE, "a key has two or three components: give "
                                              "--component-file that often");
    else if (entry == NULL || components == NULL)
        outcome = outcome_fail(OUTCOME_FAILED, "no memory that can be locked for the components");
    else
        outcome = read_all(office, arguments, entry, components);
    secret_pages_free(entry, sizeof *entry);
    if (outcome != OUTCOME_DONE)
        components_free(&components);
    *out_components = components;
    return outcome;
}

void components_free(struct components **components)
{
    secret_pages_free(*components, sizeof **components);
    *components = NULL;
}
