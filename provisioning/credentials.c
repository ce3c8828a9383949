#include "credentials.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

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
                  is_input(arguments->digest_password_file) + is_input(arguments->digest_ha1_file);
    if (readers > 1)
        return outcome_fail(OUTCOME_USAGE,
                            "the PIN, the key and the digest secret can't share standard input");
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

static enum outcome read_key(const char *path, struct keyfile **out_keyfile)
{
    const struct source source = {"key", path};
    char why[KEYFILE_WHY_BYTES] = "";
    int descriptor = -1;
    enum outcome outcome = open_source(&source, &descriptor);
    if (outcome != OUTCOME_DONE)
        return outcome;
    *out_keyfile = keyfile_read(descriptor, why);
    return close_source(&source, descriptor, *out_keyfile, why);
}

static const char *realm_of(const struct arguments *arguments)
{
    return arguments->digest_realm != NULL ? arguments->digest_realm : arguments->domain;
}

static enum outcome read_password(const struct arguments *arguments,
                                  struct digest_secrets **out_digests)
{
    const struct source source = {"password", arguments->digest_password_file};
    const char *list = arguments->digest_algorithms;
    struct digest_account account = {arguments->impi, realm_of(arguments), DIGEST_ALGORITHMS_ALL};
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
        outcome = read_key(arguments->key_file, &out->keyfile);
    if (outcome == OUTCOME_DONE && arguments->digest_password_file != NULL)
        outcome = read_password(arguments, &out->digests);
    if (outcome == OUTCOME_DONE && arguments->digest_ha1_file != NULL)
        outcome = read_ha1(arguments->digest_ha1_file, &out->digests);
    return outcome;
}

void credentials_free(struct credentials *credentials)
{
    keyfile_free(&credentials->keyfile);
    digest_secrets_free(&credentials->digests);
}

static enum outcome enrol_digest(struct office *office, const struct arguments *arguments,
                                 const struct digest_secrets *digests,
                                 struct digest_credential *out)
{
    snprintf(out->realm, sizeof out->realm, "%s", realm_of(arguments));
    enum hsm_result result = enrol_digests(office->token, digests, arguments->impi, out);
    return result == HSM_OK ? OUTCOME_DONE
                            : office_fail_hsm(office, result, "loading the digest secret");
}

static enum hsm_result enrol_aka(struct office *office, const struct arguments *arguments,
                                 const struct keyfile *keyfile, struct enrolled *out)
{
    const struct key_source k = key_source_clear(&keyfile->k);
    const struct opc_source opc = {&keyfile->op, keyfile->op_is_opc};
    if (out->residence == RESIDENCE_WRAPPED)
        return enrol_wrap(office->token, &k, &opc, &out->key_ref, &out->wrapped);
    return enrol_keys(office->token, keyfile, arguments->impi, &out->key_ref);
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
    out->digest.is_alone = credentials->keyfile == NULL;
    enum outcome outcome = residence_read(arguments, &out->residence);
    if (outcome != OUTCOME_DONE)
        return outcome;
    if (credentials->keyfile != NULL) {
        enum hsm_result result = enrol_aka(office, arguments, credentials->keyfile, out);
        if (result != HSM_OK)
            return office_fail_hsm(office, result, "loading K and OPc");
    }
    if (credentials->digests == NULL)
        return OUTCOME_DONE;
    outcome = enrol_digest(office, arguments, credentials->digests, &out->digest);
    if (outcome != OUTCOME_DONE && destroy_aka(office->token, out) != HSM_OK)
        outcome_warn("the key of %s stays in the token without a subscriber", arguments->impi);
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
