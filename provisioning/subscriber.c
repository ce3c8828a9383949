#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "absence.h"
#include "admission.h"
#include "change.h"
#include "credentials.h"
#include "digest_ways.h"
#include "lookup.h"
#include "orphan.h"
#include "verbs.h"
#include "ways.h"

static enum outcome check_names_are_free(struct office *office, const struct arguments *arguments)
{
    enum outcome outcome = lookup_must_be_free(office, arguments->impi);
    for (size_t i = 0; outcome == OUTCOME_DONE && i < arguments->user_ids_count; i++)
        outcome = lookup_must_be_free(office, arguments->user_ids[i]);
    return outcome;
}

/* The secrets are in the token: now the row, or neither. */
static enum outcome add_row(struct office *office, const struct arguments *arguments,
                            const struct credentials *credentials, const struct enrolled *enrolled)
{
    enum hsm_result result = HSM_OK;
    struct subscription *subscription = &office->subscription;
    admission_fill(arguments, &enrolled->key_ref, &enrolled->digest, subscription);
    subscription->residence = enrolled->residence;
    subscription->wrapped = enrolled->wrapped;
    subscription->origin = enrolled->digest.is_alone ? enrolled->digest.origin : enrolled->origin;
    if (arguments->card_pin_file != NULL)
        result = pin_credential_make(office->token, &credentials->card_pin, &subscription->pin);
    if (result == HSM_OK)
        result = subscription_seal(office->token, subscription);
    if (result != HSM_OK)
        return office_fail_hsm(office, result, "sealing the record");
    enum store_result stored = store_add(office->store, subscription);
    return stored == STORE_OK ? OUTCOME_DONE : office_fail_store(office, stored);
}

static void say_digests(const struct enrolled *enrolled)
{
    for (size_t i = 0; i < DIGEST_HASHES; i++) {
        char ref_text[KEY_REF_TEXT_BYTES];
        char kcv_text[KCV_TEXT_BYTES];
        key_ref_to_text(&enrolled->digest.refs[i], ref_text);
        kcv_to_text(&enrolled->digest_kcvs[i], kcv_text);
        if (digest_credential_has(&enrolled->digest, (enum digest_hash)i))
            printf("digest %s, key %s, kcv %s\n", digest_hash_name((enum digest_hash)i), ref_text,
                   kcv_text);
    }
}

static void say_added(const struct arguments *arguments, const struct enrolled *enrolled)
{
    char ref_text[KEY_REF_TEXT_BYTES];
    char kcv_text[KCV_TEXT_BYTES];
    key_ref_to_text(&enrolled->key_ref, ref_text);
    kcv_to_text(&enrolled->kcv, kcv_text);
    if (enrolled->digest.is_alone)
        printf("%s added, key none: SIP digest alone\n", arguments->impi);
    else
        printf("%s added, key %s, kcv %s\n", arguments->impi, ref_text, kcv_text);
    say_digests(enrolled);
    if (enrolled->handed_over)
        printf("hand-over file %s is for the HSS\n", arguments->hand_over);
}

/* Keys first: a row without keys would refuse its user; keys without a row harm nobody. */
static enum outcome add_both(struct office *office, const struct arguments *arguments,
                             const struct credentials *credentials)
{
    struct enrolled enrolled = {0};
    enum outcome outcome = credentials_enrol(office, arguments, credentials, &enrolled);
    if (outcome != OUTCOME_DONE)
        return outcome;
    outcome = add_row(office, arguments, credentials, &enrolled);
    if (outcome == OUTCOME_DONE) {
        orphan_settle(office, arguments->impi);
        say_added(arguments, &enrolled);
        return OUTCOME_DONE;
    }
    credentials_withdraw(office, arguments, &enrolled);
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
    if (outcome == OUTCOME_DONE)
        outcome = digest_ways_check(office, arguments, credentials);
    return outcome == OUTCOME_DONE ? add_both(office, arguments, credentials) : outcome;
}

enum outcome subscriber_add(struct office *office, const struct arguments *arguments)
{
    struct credentials credentials = {.keyfile = NULL};
    enum outcome outcome = admission_check(arguments);
    if (outcome == OUTCOME_DONE)
        outcome = credentials_read(office, arguments, &credentials);
    if (outcome == OUTCOME_DONE)
        outcome = add(office, arguments, &credentials);
    credentials_free(&credentials);
    return outcome;
}

static enum outcome set_enabled(struct office *office, const char *name, bool enabled)
{
    struct subscription *subscription = &office->subscription;
    enum outcome outcome = change_open(office, name);
    if (outcome != OUTCOME_DONE)
        return outcome;
    subscription->enabled = enabled;
    outcome = change_sealed(office, change_write_record);
    if (outcome == OUTCOME_DONE)
        printf("%s is %s\n", subscription->identity.impi, enabled ? "enabled" : "disabled");
    return outcome;
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
    const struct enrolled enrolled = {.key_ref = subscription->key_ref,
                                      .digest = subscription->digest,
                                      .residence = subscription->residence,
                                      .wrapped = subscription->wrapped};
    char ref[KEY_REF_TEXT_BYTES];
    key_ref_to_text(&subscription->key_ref, ref);
    enum hsm_result result = credentials_destroy(office->token, &enrolled);
    if (result == HSM_NO_KEY) {
        outcome_warn("K or OPc of reference %s, or a digest secret, was not in the token", ref);
        return absence_prove(office, &enrolled);
    }
    if (result != HSM_OK)
        return outcome_fail(OUTCOME_FAILED,
                            "%s can't be used any more, but its key %s stays in "
                            "the token until the next run: %s (%s)",
                            subscription->identity.impi, ref, hsm_result_text(result),
                            module_fault(office->module));
    return absence_prove(office, &enrolled);
}

static enum store_result remove_row(struct office *office)
{
    return store_remove(office->store, office->subscription.row);
}

/* An altered record may name another subscriber's key: that one is not destroyed. */
static enum outcome remove_opened(struct office *office)
{
    const struct subscription *subscription = &office->subscription;
    enum hsm_result sealed = subscription_check_seal(office->token, subscription);
    if (sealed != HSM_OK && sealed != HSM_BAD_ANSWER)
        return office_fail_hsm(office, sealed, "checking the record's seal");
    enum outcome outcome = OUTCOME_DONE;
    if (sealed == HSM_OK)
        outcome = orphan_note(office, subscription->identity.impi);
    if (outcome == OUTCOME_DONE)
        outcome = change_same(office, remove_row);
    if (outcome != OUTCOME_DONE)
        return outcome;
    if (sealed == HSM_BAD_ANSWER) {
        printf("%s removed\n", subscription->identity.impi);
        outcome_warn("its record was altered, so the key it names stays in the token");
        return OUTCOME_DONE;
    }
    outcome = destroy_keys(office);
    if (outcome != OUTCOME_DONE)
        return outcome;
    orphan_settle(office, subscription->identity.impi);
    printf("%s removed, its key destroyed\n", subscription->identity.impi);
    return OUTCOME_DONE;
}

enum outcome subscriber_remove(struct office *office, const struct arguments *arguments)
{
    enum outcome outcome = change_find(office, arguments->name);
    if (outcome == OUTCOME_DONE && !arguments->yes && arguments->request == NULL)
        outcome = confirm(office->subscription.identity.impi);
    if (outcome == OUTCOME_DONE)
        outcome = change_approve(office);
    return outcome == OUTCOME_DONE ? remove_opened(office) : outcome;
}
