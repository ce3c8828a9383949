#include "approval_text.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "text.h"

/* Says where things are and how to show them, or is itself part of the approval. */
static bool says_what_is_done(enum argument which)
{
    static const enum argument others[] = {
        ARGUMENT_config,    ARGUMENT_module,    ARGUMENT_token_label, ARGUMENT_token_serial,
        ARGUMENT_token_uri, ARGUMENT_store,     ARGUMENT_pin_file,    ARGUMENT_pin_fd,
        ARGUMENT_officers,  ARGUMENT_approvals, ARGUMENT_request,     ARGUMENT_valid,
        ARGUMENT_json,      ARGUMENT_yes,       ARGUMENT_help,        ARGUMENT_version,
        ARGUMENT_transcript};
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++) {
        if (which == others[i])
            return false;
    }
    return true;
}

/* A hash of it would let a short password be guessed. */
static bool has_secrets(enum argument which)
{
    return which == ARGUMENT_key_file || which == ARGUMENT_digest_password_file ||
           which == ARGUMENT_digest_ha1_file || which == ARGUMENT_op_file ||
           which == ARGUMENT_component_files || which == ARGUMENT_card_pin_file;
}

static void print_hex(FILE *stream, const uint8_t *bytes, size_t count)
{
    for (size_t i = 0; i < count; i++)
        fprintf(stream, "%02x", bytes[i]);
}

static void print_time(FILE *stream, const char *what, uint64_t seconds)
{
    time_t when = (time_t)seconds;
    struct tm parts = {0};
    char text[32] = "";
    if (gmtime_r(&when, &parts) != NULL)
        strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%SZ", &parts);
    fprintf(stream, "%s: %s\n", what, text);
}

static enum outcome print_file(FILE *stream, struct office *office, const char *name,
                               const char *path, bool secret)
{
    uint8_t hash[SHA256_BYTES];
    if (strcmp(path, "-") == 0)
        return outcome_fail(OUTCOME_USAGE,
                            "%s \"-\": what comes from standard input can't be approved; give a "
                            "file",
                            name);
    errno = 0;
    if (!sha256_of_file(path, hash)) {
        if (errno == ENOENT) {
            fprintf(stream, "%s: new file\n", name);
            return OUTCOME_DONE;
        }
        return outcome_fail(OUTCOME_USAGE, "%s \"%s\": %s", name, path,
                            errno != 0 ? strerror(errno)
                                       : "not a regular file, so what is in it can't be approved");
    }
    if (secret) {
        enum hsm_result result = token_mac(office->token, hash, sizeof hash, hash);
        if (result != HSM_OK)
            return office_fail_hsm(office, result, "HMAC of a file of secrets");
    }
    fprintf(stream, "%s: file %s ", name, secret ? "HMAC" : "SHA-256");
    print_hex(stream, hash, sizeof hash);
    fputc('\n', stream);
    return OUTCOME_DONE;
}

/* A line break in a value could pass for a line of its own. */
static enum outcome print_text(FILE *stream, const char *name, const char *text)
{
    if (!text_is_clean(text, strlen(text)))
        return outcome_fail(OUTCOME_USAGE, "%s has control characters: it can't be approved", name);
    fprintf(stream, "%s: %s\n", name, text);
    return OUTCOME_DONE;
}

static enum outcome print_option(FILE *stream, struct office *office, enum argument which)
{
    struct given_value value = {0};
    enum outcome outcome = OUTCOME_DONE;
    if (!says_what_is_done(which))
        return OUTCOME_DONE;
    for (size_t nth = 0;
         outcome == OUTCOME_DONE && arguments_value(office->act.arguments, which, nth, &value);
         nth++) {
        char name[64];
        snprintf(name, sizeof name, "--%s", value.name);
        outcome = value.is_file ? print_file(stream, office, name, value.text, has_secrets(which))
                                : print_text(stream, name, value.text);
    }
    return outcome;
}

static enum outcome print_name(FILE *stream, struct office *office)
{
    const char *name = office->act.arguments->name;
    if (name == NULL)
        return OUTCOME_DONE;
    if ((office->act.bit & VERBS_NAME_IS_FILE) != 0)
        return print_file(stream, office, "name", name, false);
    return print_text(stream, "name", name);
}

static enum outcome print_all(FILE *stream, struct office *office, const struct rule *rule,
                              const struct request_mark *mark)
{
    fprintf(stream, "nisim-token approval 1\nact: %s\n", office->act.verb);
    enum outcome outcome = print_name(stream, office);
    for (size_t i = 0; outcome == OUTCOME_DONE && i < ARGUMENT_COUNT; i++)
        outcome = print_option(stream, office, (enum argument)i);
    fprintf(stream, "token: %s, serial %s\nstore: ", office->token->label, office->token->serial);
    print_hex(stream, rule->store_id, sizeof rule->store_id);
    fputc('\n', stream);
    print_time(stream, "asked", mark->made);
    print_time(stream, "expires", mark->expires);
    fputs("nonce: ", stream);
    print_hex(stream, mark->nonce, sizeof mark->nonce);
    fputc('\n', stream);
    return outcome;
}

enum outcome approval_text_make(struct office *office, const struct rule *rule,
                                const struct request_mark *mark, struct approval_text *out_text)
{
    FILE *stream = open_memstream(&out_text->text, &out_text->length);
    if (stream == NULL)
        return outcome_fail(OUTCOME_FAILED, "memory is short");
    enum outcome outcome = print_all(stream, office, rule, mark);
    if (fclose(stream) != 0 && outcome == OUTCOME_DONE)
        outcome = outcome_fail(OUTCOME_FAILED, "memory is short");
    return outcome;
}

void approval_text_free(struct approval_text *text)
{
    free(text->text);
    text->text = NULL;
}
