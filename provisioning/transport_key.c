/* nisim-token transport-key make, hss, components, receive, remove. */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "components.h"
#include "text.h"
#include "transport_key.h"
#include "transport_make.h"
#include "verbs.h"
#include "wrapfile.h"

#define OWN_START "nisim "

static enum outcome check_name(const char *name)
{
    size_t length = strlen(name);
    if (length == 0 || length > TRANSPORT_NAME_BYTES_MAX || !text_is_clean(name, length))
        return outcome_fail(OUTCOME_USAGE, "NAME \"%s\": not 1 to %d bytes of text", name,
                            TRANSPORT_NAME_BYTES_MAX);
    if (strncmp(name, OWN_START, sizeof OWN_START - 1) == 0)
        return outcome_fail(
            OUTCOME_USAGE,
            "NAME \"%s\": names that begin with \"" OWN_START "\" are for nisim's own keys", name);
    return OUTCOME_DONE;
}

static enum outcome take_purpose(const struct arguments *arguments,
                                 enum transport_purpose *out_purpose)
{
    const char *text = arguments->purpose;
    if (text != NULL && strcmp(text, "in") == 0)
        *out_purpose = TRANSPORT_IN;
    else if (text != NULL && strcmp(text, "out") == 0)
        *out_purpose = TRANSPORT_OUT;
    else
        return outcome_fail(OUTCOME_USAGE, "give --purpose in for what comes into this token, or "
                                           "--purpose out for what leaves it");
    return OUTCOME_DONE;
}

enum outcome transport_key_take_kcv(const struct arguments *arguments, struct kcv *out_kcv)
{
    const char *text = arguments->kcv;
    if (text == NULL || kcv_from_text(text, strlen(text), out_kcv))
        return OUTCOME_DONE;
    return outcome_fail(OUTCOME_USAGE,
                        "--kcv \"%s\": not 6 to 10 hex digits, with cmac: before those of a CMAC",
                        text);
}

/* The store is opened for its owner's sake: as root, what is made here would be lost to him. */
static enum outcome open_token(struct office *office)
{
    enum outcome outcome = office_open_store(office, false);
    if (outcome == OUTCOME_DONE)
        outcome = office_open_token(office, true);
    return outcome == OUTCOME_DONE ? office_prove_token(office) : outcome;
}

static const char *noun_of(enum transport_purpose purpose)
{
    return purpose == TRANSPORT_BACKUP ? "backup key" : "transport key";
}

static enum hsm_result find(struct token *token, const char *name, enum transport_purpose purpose,
                            struct transport *out_transport)
{
    return purpose == TRANSPORT_BACKUP ? transport_find_backup(token, name, out_transport)
                                       : transport_find(token, name, out_transport);
}

static enum outcome name_must_be_free(struct office *office, const char *name,
                                      enum transport_purpose purpose)
{
    struct transport transport = {0};
    const char *noun = noun_of(purpose);
    enum hsm_result result = find(office->token, name, purpose, &transport);
    if (result == HSM_NO_KEY)
        return OUTCOME_DONE;
    if (result == HSM_OK || result == HSM_REFUSED)
        return outcome_fail(OUTCOME_TAKEN, "there is a %s \"%s\" already; it is left as it is",
                            noun, name);
    return office_fail_hsm(office, result, noun);
}

enum outcome transport_key_find(struct office *office, const char *name,
                                enum transport_purpose purpose, struct transport *out_transport)
{
    enum hsm_result result = transport_find(office->token, name, out_transport);
    if (result == HSM_NO_KEY)
        return outcome_fail(OUTCOME_UNKNOWN,
                            "no transport key \"%s\"; nisim-token transport-key "
                            "list shows them",
                            name);
    if (result != HSM_OK)
        return office_fail_hsm(office, result, "looking for the transport key");
    if (out_transport->purpose == purpose)
        return OUTCOME_DONE;
    return outcome_fail(OUTCOME_USAGE, "transport key \"%s\" is for what %s, not for what %s", name,
                        purpose == TRANSPORT_IN ? "leaves this token" : "comes into this token",
                        purpose == TRANSPORT_IN ? "comes into it" : "leaves it");
}

enum outcome transport_key_open_for(struct office *office, const char *name,
                                    enum transport_purpose purpose)
{
    enum outcome outcome = check_name(name);
    if (outcome == OUTCOME_DONE)
        outcome = open_token(office);
    return outcome == OUTCOME_DONE ? name_must_be_free(office, name, purpose) : outcome;
}

void transport_key_say_made(const char *name, enum transport_purpose purpose, const struct kcv *kcv)
{
    static const char *const ways[] = {"in, ", "out, ", ""};
    char text[KCV_TEXT_BYTES];
    kcv_to_text(kcv, text);
    printf("%s \"%s\" made, AES, %skcv %s\n", noun_of(purpose), name, ways[purpose], text);
}

static enum outcome say_public(const char *what, const char *name, const struct public_key *key)
{
    char print[PUBLIC_KEY_PRINT_TEXT_BYTES];
    if (!public_key_fingerprint(key, print))
        return outcome_fail(OUTCOME_FAILED, "memory is short");
    printf("transport key \"%s\" made, RSA %zu, %s, sha256 %s\n", name, 8 * key->modulus_bytes,
           what, print);
    return OUTCOME_DONE;
}

enum outcome transport_key_make(struct office *office, const struct arguments *arguments)
{
    struct public_key public_key = {0};
    enum outcome outcome = transport_key_open_for(office, arguments->name, TRANSPORT_IN);
    if (outcome != OUTCOME_DONE)
        return outcome;
    enum hsm_result result = transport_make_rsa(office->token, arguments->name,
                                                (size_t)arguments->rsa_bits, &public_key);
    if (result != HSM_OK)
        return office_fail_hsm(office, result, "making the RSA pair");
    outcome = say_public("in", arguments->name, &public_key);
    if (outcome == OUTCOME_DONE && !public_key_print(&public_key))
        outcome = outcome_fail(OUTCOME_FAILED, "memory is short");
    return outcome;
}

enum outcome transport_key_hss(struct office *office, const struct arguments *arguments)
{
    char why[PUBLIC_KEY_WHY_BYTES] = "";
    struct public_key public_key = {0};
    if (arguments->public_key == NULL)
        return outcome_fail(OUTCOME_USAGE, "transport-key hss needs --public-key FILE");
    if (!public_key_read(arguments->public_key, &public_key, why))
        return outcome_fail(OUTCOME_USAGE, "public key file %s: %s", arguments->public_key, why);
    enum outcome outcome = transport_key_open_for(office, arguments->name, TRANSPORT_OUT);
    if (outcome != OUTCOME_DONE)
        return outcome;
    enum hsm_result result = transport_make_hss(office->token, arguments->name, &public_key);
    if (result != HSM_OK)
        return office_fail_hsm(office, result, "loading the HSS's public key");
    return say_public("out", arguments->name, &public_key);
}

static void say_components(const struct components *components)
{
    for (size_t i = 0; i < components->count; i++) {
        char text[KCV_TEXT_BYTES];
        kcv_to_text(&components->kcvs[i], text);
        printf("component %zu, kcv %s\n", i + 1, text);
    }
}

static enum outcome combine(struct office *office, const struct arguments *arguments,
                            enum transport_purpose purpose, const struct kcv *expected)
{
    struct components *components = NULL;
    struct kcv kcv = {0};
    enum outcome outcome = components_read(office, arguments, &components);
    if (outcome != OUTCOME_DONE)
        return outcome;
    enum hsm_result result = transport_make_aes(office->token, arguments->name, purpose,
                                                &components->key, expected, &kcv);
    if (result == HSM_OK) {
        say_components(components);
        transport_key_say_made(arguments->name, purpose, &kcv);
    } else {
        outcome = office_fail_hsm(office, result, "the key of these components");
    }
    components_free(&components);
    return outcome;
}

enum outcome transport_key_combine(struct office *office, const struct arguments *arguments,
                                   enum transport_purpose purpose)
{
    struct kcv expected = {0};
    enum outcome outcome = transport_key_take_kcv(arguments, &expected);
    if (outcome == OUTCOME_DONE)
        outcome = transport_key_open_for(office, arguments->name, purpose);
    return outcome == OUTCOME_DONE ? combine(office, arguments, purpose, &expected) : outcome;
}

enum outcome transport_key_components(struct office *office, const struct arguments *arguments)
{
    enum transport_purpose purpose = TRANSPORT_IN;
    enum outcome outcome = take_purpose(arguments, &purpose);
    return outcome == OUTCOME_DONE ? transport_key_combine(office, arguments, purpose) : outcome;
}

/* What --kcv says and what the file says must agree: both are checked. */
static enum outcome read_wrapped(const struct arguments *arguments, struct wrapfile *file)
{
    char why[WRAPFILE_WHY_BYTES] = "";
    struct kcv said = {0};
    if (arguments->wrapped_file == NULL || arguments->transport_key == NULL)
        return outcome_fail(OUTCOME_USAGE,
                            "receive needs --wrapped-file FILE and --transport-key NAME");
    enum outcome outcome = transport_key_take_kcv(arguments, &said);
    if (outcome != OUTCOME_DONE)
        return outcome;
    if (!wrapfile_read(arguments->wrapped_file, file, why))
        return outcome_fail(OUTCOME_USAGE, "wrapped file %s: %s", arguments->wrapped_file, why);
    if (file->key.length == 0)
        return outcome_fail(OUTCOME_USAGE,
                            "wrapped file %s: it has no line KEY=", arguments->wrapped_file);
    if (said.length > 0)
        file->kcv = said;
    if (file->kcv.length == 0)
        return outcome_fail(OUTCOME_USAGE,
                            "wrapped file %s: it has no line KCV=, and --kcv is not given",
                            arguments->wrapped_file);
    return OUTCOME_DONE;
}

static enum outcome receive(struct office *office, const struct arguments *arguments,
                            enum transport_purpose purpose, const struct wrapfile *file)
{
    struct transport transport = {0};
    struct kcv kcv = {0};
    enum outcome outcome =
        transport_key_find(office, arguments->transport_key, TRANSPORT_IN, &transport);
    if (outcome != OUTCOME_DONE)
        return outcome;
    const struct transport_wrapped wrapped = {&transport, file->key.bytes, file->key.length};
    enum hsm_result result = transport_make_unwrapped(office->token, arguments->name, purpose,
                                                      &wrapped, &file->kcv, &kcv);
    if (result != HSM_OK)
        return office_fail_hsm(office, result, "the key in the wrapped file");
    transport_key_say_made(arguments->name, purpose, &kcv);
    return OUTCOME_DONE;
}

enum outcome transport_key_unwrap(struct office *office, const struct arguments *arguments,
                                  enum transport_purpose purpose)
{
    struct wrapfile file = {0};
    enum outcome outcome = read_wrapped(arguments, &file);
    if (outcome == OUTCOME_DONE)
        outcome = transport_key_open_for(office, arguments->name, purpose);
    return outcome == OUTCOME_DONE ? receive(office, arguments, purpose, &file) : outcome;
}

enum outcome transport_key_receive(struct office *office, const struct arguments *arguments)
{
    enum transport_purpose purpose = TRANSPORT_IN;
    enum outcome outcome = take_purpose(arguments, &purpose);
    return outcome == OUTCOME_DONE ? transport_key_unwrap(office, arguments, purpose) : outcome;
}

static enum outcome confirm(const char *noun, const char *name)
{
    char answer[TRANSPORT_NAME_BYTES_MAX + 2] = "";
    if (!isatty(STDIN_FILENO))
        return outcome_fail(OUTCOME_USAGE,
                            "standard input is no terminal to confirm on: give --yes");
    fprintf(stderr, "This destroys %s \"%s\" for ever. Type its name to confirm: ", noun, name);
    if (fgets(answer, sizeof answer, stdin) == NULL)
        answer[0] = '\0';
    answer[strcspn(answer, "\n")] = '\0';
    if (strcmp(answer, name) == 0)
        return OUTCOME_DONE;
    return outcome_fail(OUTCOME_FAILED, "not confirmed; nothing is changed");
}

enum outcome transport_key_destroy(struct office *office, const struct arguments *arguments,
                                   enum transport_purpose purpose)
{
    struct transport transport = {0};
    const char *noun = noun_of(purpose);
    enum outcome outcome = open_token(office);
    if (outcome != OUTCOME_DONE)
        return outcome;
    enum hsm_result result = find(office->token, arguments->name, purpose, &transport);
    if (result == HSM_NO_KEY)
        return outcome_fail(OUTCOME_UNKNOWN, "no %s \"%s\"", noun, arguments->name);
    if (result != HSM_OK)
        return office_fail_hsm(office, result, noun);
    outcome = arguments->yes ? OUTCOME_DONE : confirm(noun, arguments->name);
    if (outcome != OUTCOME_DONE)
        return outcome;
    result = token_destroy(office->token, transport.object);
    sync();
    if (result != HSM_OK)
        return office_fail_hsm(office, result, noun);
    printf("%s \"%s\" destroyed\n", noun, arguments->name);
    return OUTCOME_DONE;
}

enum outcome transport_key_remove(struct office *office, const struct arguments *arguments)
{
    return transport_key_destroy(office, arguments, TRANSPORT_IN);
}
