#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "admission.h"
#include "credentials.h"
#include "lookup.h"
#include "verbs.h"

static enum outcome check_names_are_free(struct office *office, const struct arguments *arguments)
{
    enum outcome outcome = lookup_must_be_free(office, arguments->impi);
    for (size_t i = 0; outcome == OUTCOME_DONE && i < arguments->user_ids_count; i++)
        outcome = lookup_must_be_free(office, arguments->user_ids[i]);
    return outcome;
}

/* The secrets are in the token: now the row, or neither. */
static enum outcome add_row(struct office *office, const struct arguments *arguments,
                            const struct enrolled *enrolled)
{
    struct subscription *subscription = &office->subscription;
    admission_fill(arguments, &enrolled->key_ref, &enrolled->digest, subscription);
    subscription->residence = enrolled->residence;
    subscription->wrapped = enrolled->wrapped;
    enum hsm_result result = subscription_seal(office->token, subscription);
    if (result != HSM_OK)
        return office_fail_hsm(office, result, "sealing the record");
    enum store_result stored = store_add(office->store, subscription);
    return stored == STORE_OK ? OUTCOME_DONE : office_fail_store(office, stored);
}

/* Keys first: a row without keys would refuse its user; keys without a row harm nobody. */
static enum outcome add_both(struct office *office, const struct arguments *arguments,
                             const struct credentials *credentials)
{
    struct enrolled enrolled = {0};
    char ref_text[KEY_REF_TEXT_BYTES];
    enum outcome outcome = credentials_enrol(office, arguments, credentials, &enrolled);
    if (outcome != OUTCOME_DONE)
        return outcome;
    outcome = add_row(office, arguments, &enrolled);
    key_ref_to_text(&enrolled.key_ref, ref_text);
    if (outcome == OUTCOME_DONE) {
        printf("%s added, key %s\n", arguments->impi,
               enrolled.digest.is_alone ? "none: SIP digest alone" : ref_text);
        return OUTCOME_DONE;
    }
    if (credentials_destroy(office->token, &enrolled) != HSM_OK)
        outcome_warn("secrets of %s stay in the token without a subscriber", arguments->impi);
    return outcome;
}

static enum outcome add(struct office *office, const struct arguments *arguments,
                        const struct credentials *credentials)
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
    outcome_warn("CLEAR-TEXT LABORATORY IMPORT: %s of %s is outside the token in clear, and passes "
                 "through this machine's memory. Never do this with a %s of a live network.",
                 credentials->keyfile != NULL ? "K" : "the digest secret", arguments->impi,
                 credentials->keyfile != NULL ? "key" : "password");
    return add_both(office, arguments, credentials);
}

enum outcome subscriber_add(struct office *office, const struct arguments *arguments)
{
    struct credentials credentials = {NULL, NULL};
    enum outcome outcome = admission_check(arguments);
    if (outcome == OUTCOME_DONE)
        outcome = credentials_read(office, arguments, &credentials);
    if (outcome == OUTCOME_DONE)
        outcome = add(office, arguments, &credentials);
    credentials_free(&credentials);
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
    fprintf(stderr, "This destroys the secrets of %s for ever. Type the IMPI to confirm: ", impi);
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
    const struct enrolled enrolled = {subscription->key_ref, subscription->digest,
                                      subscription->residence, subscription->wrapped};
    char ref[KEY_REF_TEXT_BYTES];
    key_ref_to_text(&subscription->key_ref, ref);
    enum hsm_result result = credentials_destroy(office->token, &enrolled);
    if (result == HSM_NO_KEY) {
        outcome_warn("K or OPc of reference %s, or a digest secret, was not in the token", ref);
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
