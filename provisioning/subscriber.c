#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "admission.h"
#include "enrol.h"
#include "lookup.h"
#include "verbs.h"

static enum outcome check_key_source(const struct office *office, const struct arguments *arguments)
{
    if (arguments->key_file == NULL)
        return outcome_fail(OUTCOME_USAGE, "no key: give --key-file FILE, or - for standard input");
    if (strcmp(arguments->key_file, "-") == 0 && office->user_pin.descriptor == STDIN_FILENO)
        return outcome_fail(OUTCOME_USAGE, "the PIN and the key can't both be on standard input");
    return OUTCOME_DONE;
}

static enum outcome read_key(const char *path, struct keyfile **out_keyfile)
{
    char why[KEYFILE_WHY_BYTES];
    bool is_input = strcmp(path, "-") == 0;
    int descriptor = is_input ? STDIN_FILENO : open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
    if (descriptor < 0)
        return outcome_fail(OUTCOME_USAGE, "key file %s: %s", path, strerror(errno));
    *out_keyfile = keyfile_read(descriptor, why);
    if (!is_input)
        close(descriptor);
    if (*out_keyfile == NULL)
        return outcome_fail(OUTCOME_USAGE, "key file %s: %s", is_input ? "standard input" : path,
                            why);
    return OUTCOME_DONE;
}

static enum outcome check_names_are_free(struct office *office, const struct arguments *arguments)
{
    enum outcome outcome = lookup_must_be_free(office, arguments->impi);
    for (size_t i = 0; outcome == OUTCOME_DONE && i < arguments->user_ids_count; i++)
        outcome = lookup_must_be_free(office, arguments->user_ids[i]);
    return outcome;
}

/* The key is in the token: now the row, or neither. */
static enum outcome add_row(struct office *office, const struct arguments *arguments,
                            const struct key_ref *ref)
{
    struct subscription *subscription = &office->subscription;
    admission_fill(arguments, ref, subscription);
    enum hsm_result result = subscription_seal(office->token, subscription);
    if (result != HSM_OK)
        return office_fail_hsm(office, result, "sealing the record");
    enum store_result stored = store_add(office->store, subscription);
    return stored == STORE_OK ? OUTCOME_DONE : office_fail_store(office, stored);
}

/* Keys first: a row without keys would refuse its user; keys without a row harm nobody. */
static enum outcome add_both(struct office *office, const struct arguments *arguments,
                             const struct keyfile *keyfile)
{
    struct key_ref ref;
    char ref_text[KEY_REF_TEXT_BYTES];
    enum hsm_result result = enrol_keys(office->token, keyfile, arguments->impi, &ref);
    if (result != HSM_OK)
        return office_fail_hsm(office, result, "loading K and OPc");
    enum outcome outcome = add_row(office, arguments, &ref);
    key_ref_to_text(&ref, ref_text);
    if (outcome == OUTCOME_DONE) {
        printf("%s added, key %s\n", arguments->impi, ref_text);
        return OUTCOME_DONE;
    }
    if (enrol_destroy(office->token, &ref) != HSM_OK)
        outcome_warn("key %s stays in the token without a subscriber", ref_text);
    return outcome;
}

static enum outcome add(struct office *office, const struct arguments *arguments,
                        const struct keyfile *keyfile)
{
    enum outcome outcome = office_open_store(office, false);
    if (outcome == OUTCOME_DONE)
        outcome = check_names_are_free(office, arguments);
    if (outcome == OUTCOME_DONE)
        outcome = office_open_token(office, true);
    if (outcome == OUTCOME_DONE)
        outcome = office_prove_token(office);
    if (outcome != OUTCOME_DONE)
        return outcome;
    outcome_warn("CLEAR-TEXT LABORATORY IMPORT: K of %s is outside the token in clear, and passes "
                 "through this machine's memory. Never do this with a key of a live network.",
                 arguments->impi);
    return add_both(office, arguments, keyfile);
}

enum outcome subscriber_add(struct office *office, const struct arguments *arguments)
{
    struct keyfile *keyfile = NULL;
    enum outcome outcome = admission_check(arguments);
    if (outcome == OUTCOME_DONE)
        outcome = check_key_source(office, arguments);
    if (outcome == OUTCOME_DONE)
        outcome = read_key(arguments->key_file, &keyfile);
    if (outcome == OUTCOME_DONE)
        outcome = add(office, arguments, keyfile);
    keyfile_free(&keyfile);
    return outcome;
}

/* Store and token open, the subscriber in office->subscription. */
static enum outcome open_both(struct office *office, const char *name)
{
    enum outcome outcome = office_open_store(office, false);
    if (outcome == OUTCOME_DONE)
        outcome = lookup_subscriber(office, name);
    if (outcome == OUTCOME_DONE)
        outcome = office_open_token(office, true);
    if (outcome == OUTCOME_DONE)
        outcome = office_prove_token(office);
    return outcome;
}

static enum outcome set_enabled(struct office *office, const char *name, bool enabled)
{
    struct subscription *subscription = &office->subscription;
    enum outcome outcome = open_both(office, name);
    if (outcome != OUTCOME_DONE)
        return outcome;
    enum hsm_result result = subscription_check_seal(office->token, subscription);
    if (result == HSM_BAD_ANSWER)
        return outcome_fail(OUTCOME_STORE,
                            "the record of %s was altered; remove it and add it anew",
                            subscription->identity.impi);
    subscription->enabled = enabled;
    if (result == HSM_OK)
        result = subscription_seal(office->token, subscription);
    if (result != HSM_OK)
        return office_fail_hsm(office, result, "sealing the record");
    enum store_result stored = store_set_enabled(office->store, subscription);
    if (stored != STORE_OK)
        return office_fail_store(office, stored);
    printf("%s is %s\n", subscription->identity.impi, enabled ? "enabled" : "disabled");
    return OUTCOME_DONE;
}

enum outcome subscriber_enable(struct office *office, const struct arguments *arguments)
{
    return set_enabled(office, arguments->name, true);
}

enum outcome subscriber_disable(struct office *office, const struct arguments *arguments)
{
    return set_enabled(office, arguments->name, false);
}

static enum outcome confirm(const char *impi)
{
    char answer[NAME_BYTES_MAX + 2] = "";
    if (!isatty(STDIN_FILENO))
        return outcome_fail(OUTCOME_USAGE,
                            "standard input is no terminal to confirm on: give --yes");
    fprintf(stderr, "This destroys the key of %s for ever. Type the IMPI to confirm: ", impi);
    if (fgets(answer, sizeof answer, stdin) == NULL)
        answer[0] = '\0';
    answer[strcspn(answer, "\n")] = '\0';
    if (strcmp(answer, impi) == 0)
        return OUTCOME_DONE;
    return outcome_fail(OUTCOME_FAILED, "not confirmed; nothing is changed");
}

/* The row is gone, so that no request can use the key any more. */
static enum outcome destroy_keys(struct office *office)
{
    const struct subscription *subscription = &office->subscription;
    char ref[KEY_REF_TEXT_BYTES];
    key_ref_to_text(&subscription->key_ref, ref);
    enum hsm_result result = enrol_destroy(office->token, &subscription->key_ref);
    if (result == HSM_NO_KEY) {
        outcome_warn("K or OPc of reference %s was not in the token", ref);
        return OUTCOME_DONE;
    }
    if (result != HSM_OK)
        return outcome_fail(OUTCOME_FAILED,
                            "%s can't be used any more, but its key %s stays in "
                            "the token: %s (%s)",
                            subscription->identity.impi, ref, hsm_result_text(result),
                            module_fault(office->module));
    return OUTCOME_DONE;
}

/* An altered record may name another subscriber's key: that one is not destroyed. */
static enum outcome remove_opened(struct office *office)
{
    const struct subscription *subscription = &office->subscription;
    enum hsm_result sealed = subscription_check_seal(office->token, subscription);
    if (sealed != HSM_OK && sealed != HSM_BAD_ANSWER)
        return office_fail_hsm(office, sealed, "checking the record's seal");
    enum store_result result = store_remove(office->store, subscription->row);
    if (result != STORE_OK)
        return office_fail_store(office, result);
    if (sealed == HSM_BAD_ANSWER) {
        printf("%s removed\n", subscription->identity.impi);
        outcome_warn("its record was altered, so the key it names stays in the token");
        return OUTCOME_DONE;
    }
    enum outcome outcome = destroy_keys(office);
    if (outcome == OUTCOME_DONE)
        printf("%s removed, its key destroyed\n", subscription->identity.impi);
    return outcome;
}

enum outcome subscriber_remove(struct office *office, const struct arguments *arguments)
{
    enum outcome outcome = open_both(office, arguments->name);
    if (outcome == OUTCOME_DONE && !arguments->yes)
        outcome = confirm(office->subscription.identity.impi);
    return outcome == OUTCOME_DONE ? remove_opened(office) : outcome;
}
