#include "credentials.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "card_pin.h"
#include "digest_ways.h"
#include "hand_over.h"
#include "orphan.h"
#include "transport_key.h"
#include "ways.h"

/* What reads a file, and what is needed for it beside the file. */
struct source {
    const char *what; /* for messages */
    const char *path; /* "-": standard input; NULL: not given */
};

static bool is_input(const char *path)
{
    return path != NULL && strcmp(path, "-") == 0;
}

static enum outcome check_sources(const struct office *office, const struct arguments *arguments)
{
    int readers = (office->user_pin.descriptor == STDIN_FILENO) + is_input(arguments->key_file) +
                  is_input(arguments->op_file) + is_input(arguments->digest_password_file) +
                  is_input(arguments->digest_ha1_file) + is_input(arguments->card_pin_file);
    if (readers > 1)
        return outcome_fail(OUTCOME_USAGE,
                            "the PINs, the key and the digest secret can't share standard input");
    return OUTCOME_DONE;
}

static enum outcome open_source(const struct source *source, int *out_descriptor)
{
    *out_descriptor =
        is_input(source->path) ? STDIN_FILENO : open(source->path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
    if (*out_descriptor < 0)
        return outcome_fail(OUTCOME_USAGE, "%s file %s: %s", source->what, source->path,
                            strerror(errno));
    return OUTCOME_DONE;
}

/* `got`: NULL when nothing could be made of the file. */
static enum outcome close_source(const struct source *source, int descriptor, const void *got,
                                 const char *why)
{
    if (!is_input(source->path))
        close(descriptor);
    if (got != NULL)
        return OUTCOME_DONE;
    return outcome_fail(OUTCOME_USAGE, "%s file %s: %s", source->what,
                        is_input(source->path) ? "standard input" : source->path, why);
}

/* `with_k`: the file with K, else the one with OP or OPc alone. */
static enum outcome read_key(const char *path, bool with_k, struct keyfile **out_keyfile)
{
    const struct source source = {with_k ? "key" : "OP", path};
    char why[KEYFILE_WHY_BYTES] = "";
    int descriptor = -1;
    enum outcome outcome = open_source(&source, &descriptor);
    if (outcome != OUTCOME_DONE)
        return outcome;
    *out_keyfile = with_k ? keyfile_read(descriptor, why) : keyfile_read_op(descriptor, why);
    return close_source(&source, descriptor, *out_keyfile, why);
}

static enum outcome read_password(const struct arguments *arguments,
                                  struct digest_secrets **out_digests)
{
    const struct source source = {"password", arguments->digest_password_file};
    const char *list = arguments->digest_algorithms;
    struct digest_account account = {arguments->impi, digest_ways_realm(arguments),
                                     DIGEST_ALGORITHMS_ALL};
    char why[KEYFILE_WHY_BYTES] = "";
    int descriptor = -1;
    if (list != NULL && !digest_algorithms_from_text(list, &account.algorithms))
        return outcome_fail(OUTCOME_USAGE,
                            "--digest-algorithms \"%s\": not a list of MD5,SHA-256,SHA-512-256",
                            list);
    enum outcome outcome = open_source(&source, &descriptor);
    if (outcome != OUTCOME_DONE)
        return outcome;
    *out_digests = digestfile_read_password(descriptor, &account, why);
    return close_source(&source, descriptor, *out_digests, why);
}

/* What is wrapped and asked for by no option would be left out without a word. */
static enum outcome check_whole(const struct arguments *arguments, const char *path,
                                const struct wrapfile *file)
{
    if (file->k.length > 0 && arguments->wrapped_file == NULL)
        return outcome_fail(OUTCOME_USAGE,
                            "wrapped file %s: it has K too; give it as --wrapped-file as well, or "
                            "take its lines out",
                            path);
    if (wrapfile_has_ha1(file) && arguments->digest_wrapped_file == NULL)
        return outcome_fail(OUTCOME_USAGE,
                            "wrapped file %s: it has H(A1) too; give it as --digest-wrapped-file "
                            "as well, or take its lines out",
                            path);
    return OUTCOME_DONE;
}

/* Whom it is added or renewed for is known only when the store was looked at. */
static enum outcome check_impi(const char *path, const struct wrapfile *file, const char *impi)
{
    if (file == NULL || file->impi[0] == '\0' || strcmp(file->impi, impi) == 0)
        return OUTCOME_DONE;
    return outcome_fail(OUTCOME_USAGE, "wrapped file %s: its key is for %s, not for %s", path,
                        file->impi, impi);
}

static enum outcome check_wrapped(const struct arguments *arguments, struct wrapfile *file)
{
    struct kcv said = {0};
    const char *missing = file->k.length == 0 ? "K=" : file->op.length == 0 ? "OP= or OPc=" : NULL;
    if (missing != NULL)
        return outcome_fail(OUTCOME_USAGE, "wrapped file %s: it has no line %s",
                            arguments->wrapped_file, missing);
    enum outcome outcome = transport_key_take_kcv(arguments, &said);
    if (said.length > 0)
        file->kcv = said;
    if (outcome == OUTCOME_DONE && file->kcv.length == 0)
        outcome = outcome_fail(OUTCOME_USAGE,
                               "wrapped file %s: it has no line KCV=, and --kcv is not given",
                               arguments->wrapped_file);
    return outcome;
}

/* Nobody sees what the token unwraps: without a check value nobody would know what it is. */
static enum outcome check_digest_wrapped(const char *path, const struct wrapfile *file)
{
    if (!wrapfile_has_ha1(file))
        return outcome_fail(OUTCOME_USAGE,
                            "wrapped file %s: it has no line HA1-MD5=, HA1-SHA-256= or "
                            "HA1-SHA-512-256=",
                            path);
    for (size_t i = 0; i < DIGEST_HASHES; i++) {
        const char *name = digest_hash_name((enum digest_hash)i);
        bool has_kcv = file->ha1_kcv[i].length > 0;
        if ((file->ha1[i].length > 0) != has_kcv)
            return outcome_fail(OUTCOME_USAGE, "wrapped file %s: it has no line HA1-%s%s=", path,
                                name, has_kcv ? "" : "-KCV");
    }
    return OUTCOME_DONE;
}

static enum outcome read_wrapped(const struct arguments *arguments, const char *path,
                                 struct wrapfile **out_file)
{
    char why[WRAPFILE_WHY_BYTES] = "";
    *out_file = calloc(1, sizeof **out_file);
    if (*out_file == NULL)
        return outcome_fail(OUTCOME_FAILED, "memory is short");
    if (!wrapfile_read(path, *out_file, why))
        return outcome_fail(OUTCOME_USAGE, "wrapped file %s: %s", path, why);
    return check_whole(arguments, path, *out_file);
}

static enum outcome read_wrapped_files(const struct arguments *arguments, struct credentials *out)
{
    enum outcome outcome = OUTCOME_DONE;
    if (arguments->wrapped_file != NULL) {
        outcome = read_wrapped(arguments, arguments->wrapped_file, &out->wrapped);
        if (outcome == OUTCOME_DONE)
            outcome = check_wrapped(arguments, out->wrapped);
    }
    if (outcome == OUTCOME_DONE && arguments->digest_wrapped_file != NULL) {
        outcome = read_wrapped(arguments, arguments->digest_wrapped_file, &out->digest_wrapped);
        if (outcome == OUTCOME_DONE)
            outcome = check_digest_wrapped(arguments->digest_wrapped_file, out->digest_wrapped);
    }
    return outcome;
}

static enum outcome read_ha1(const char *path, struct digest_secrets **out_digests)
{
    const struct source source = {"H(A1)", path};
    char why[KEYFILE_WHY_BYTES] = "";
    int descriptor = -1;
    enum outcome outcome = open_source(&source, &descriptor);
    if (outcome != OUTCOME_DONE)
        return outcome;
    *out_digests = digestfile_read_ha1(descriptor, why);
    return close_source(&source, descriptor, *out_digests, why);
}

enum outcome credentials_read(const struct office *office, const struct arguments *arguments,
                              struct credentials *out)
{
    enum outcome outcome = check_sources(office, arguments);
    if (outcome == OUTCOME_DONE && arguments->key_file != NULL)
        outcome = read_key(arguments->key_file, true, &out->keyfile);
    if (outcome == OUTCOME_DONE && arguments->op_file != NULL)
        outcome = read_key(arguments->op_file, false, &out->op);
    if (outcome == OUTCOME_DONE)
        outcome = read_wrapped_files(arguments, out);
    out->generate = arguments->generate;
    if (outcome == OUTCOME_DONE && arguments->digest_password_file != NULL)
        outcome = read_password(arguments, &out->digests);
    if (outcome == OUTCOME_DONE && arguments->digest_ha1_file != NULL)
        outcome = read_ha1(arguments->digest_ha1_file, &out->digests);
    if (outcome == OUTCOME_DONE && arguments->card_pin_file != NULL)
        outcome = card_pin_read(arguments->card_pin_file, &out->card_pin);
    return outcome;
}

static bool have_k(const struct credentials *credentials)
{
    return credentials->keyfile != NULL || credentials->wrapped != NULL || credentials->generate;
}

void credentials_free(struct credentials *credentials)
{
    keyfile_free(&credentials->keyfile);
    keyfile_free(&credentials->op);
    free(credentials->wrapped);
    credentials->wrapped = NULL;
    free(credentials->digest_wrapped);
    credentials->digest_wrapped = NULL;
    digest_secrets_free(&credentials->digests);
    secret64_erase(&credentials->card_pin);
}

static enum hsm_result destroy_aka(struct token *token, const struct enrolled *enrolled)
{
    if (enrolled->digest.is_alone || enrolled->residence == RESIDENCE_WRAPPED)
        return HSM_OK;
    return enrol_destroy(token, &enrolled->key_ref);
}

enum outcome credentials_enrol(struct office *office, const struct arguments *arguments,
                               const struct credentials *credentials, struct enrolled *out)
{
    out->digest.is_alone = !have_k(credentials);
    enum outcome outcome = residence_read(arguments, &out->residence);
    if (outcome == OUTCOME_DONE)
        outcome = check_impi(arguments->wrapped_file, credentials->wrapped, arguments->impi);
    if (outcome == OUTCOME_DONE)
        outcome = check_impi(arguments->digest_wrapped_file, credentials->digest_wrapped,
                             arguments->impi);
    if (outcome != OUTCOME_DONE)
        return outcome;
    if (out->residence == RESIDENCE_RESIDENT || credentials->digests != NULL)
        outcome = orphan_note(office, arguments->impi);
    if (outcome == OUTCOME_DONE && !out->digest.is_alone)
        outcome = ways_enrol(office, arguments, credentials, out);
    if (outcome != OUTCOME_DONE ||
        (credentials->digests == NULL && credentials->digest_wrapped == NULL))
        return outcome;
    outcome = digest_ways_enrol(office, arguments, credentials, out);
    if (outcome != OUTCOME_DONE && destroy_aka(office->token, out) != HSM_OK)
        outcome_warn("the key of %s stays in the token until the next run", arguments->impi);
    if (outcome != OUTCOME_DONE && out->handed_over)
        hand_over_withdraw(arguments->hand_over);
    return outcome;
}

enum hsm_result credentials_destroy(struct token *token, const struct enrolled *enrolled)
{
    enum hsm_result keys = destroy_aka(token, enrolled);
    enum hsm_result digests = enrol_digests_destroy(token, &enrolled->digest);
    if (keys == HSM_OK || (keys == HSM_NO_KEY && digests != HSM_OK))
        return digests;
    return keys;
}

void credentials_withdraw(struct office *office, const struct arguments *arguments,
                          const struct enrolled *enrolled)
{
    if (enrolled->handed_over)
        hand_over_withdraw(arguments->hand_over);
    if (credentials_destroy(office->token, enrolled) != HSM_OK)
        outcome_warn("secrets of %s stay in the token until the next run", arguments->impi);
}
