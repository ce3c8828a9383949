/* What can be changed of a subscriber while he lives: domain, user ids, K. */
#include <stdio.h>
#include <string.h>

#include "absence.h"
#include "admission.h"
#include "change.h"
#include "credentials.h"
#include "lookup.h"
#include "names.h"
#include "orphan.h"
#include "verbs.h"
#include "ways.h"

/* H(A1) has the realm in it; the identities are the subscriber's, wherever he is served. */
enum outcome subscriber_move(struct office *office, const struct arguments *arguments)
{
    struct identity *identity = &office->subscription.identity;
    if (arguments->domain == NULL)
        return outcome_fail(OUTCOME_USAGE, "subscriber move needs --domain DOMAIN");
    const char *wrong = names_check_domain(arguments->domain);
    if (wrong != NULL)
        return outcome_fail(OUTCOME_USAGE, "--domain \"%s\": %s", arguments->domain, wrong);
    enum outcome outcome = change_open(office, arguments->name);
    if (outcome != OUTCOME_DONE)
        return outcome;
    snprintf(identity->domain, sizeof identity->domain, "%s", arguments->domain);
    outcome = change_sealed(office, change_write_record);
    if (outcome != OUTCOME_DONE)
        return outcome;
    printf("%s moved to %s\n", identity->impi, identity->domain);
    const char *at = strrchr(identity->impi, '@');
    if (at != NULL && strcasecmp(at + 1, identity->domain) != 0)
        outcome_warn("the realm of the IMPI stays %s: IMPI and IMPUs are not changed", at + 1);
    return OUTCOME_DONE;
}

static enum outcome check_user_ids(const struct arguments *arguments, const char *verb)
{
    if (arguments->user_ids_count == 0)
        return outcome_fail(OUTCOME_USAGE, "%s needs --user-id USER", verb);
    for (size_t i = 0; i < arguments->user_ids_count; i++) {
        const char *user_id = arguments->user_ids[i];
        const char *wrong = names_check_user_id(user_id);
        if (wrong != NULL)
            return outcome_fail(OUTCOME_USAGE, "--user-id \"%s\": %s", user_id, wrong);
        for (size_t other = 0; other < i; other++) {
            if (strcmp(user_id, arguments->user_ids[other]) == 0)
                return outcome_fail(OUTCOME_USAGE, "--user-id \"%s\" is given twice", user_id);
        }
    }
    return OUTCOME_DONE;
}

static enum outcome add_id(struct subscription *subscription, const char *user_id)
{
    if (subscription->user_id_count == USER_IDS_MAX)
        return outcome_fail(OUTCOME_FAILED, "%s has %d user ids, and can't have more",
                            subscription->identity.impi, USER_IDS_MAX);
    snprintf(subscription->user_ids[subscription->user_id_count++],
             sizeof subscription->user_ids[0], "%s", user_id);
    return OUTCOME_DONE;
}

static void print_ids(const struct subscription *subscription)
{
    printf("%s has user ids", subscription->identity.impi);
    for (size_t i = 0; i < subscription->user_id_count; i++)
        printf("%s %s", i == 0 ? "" : ",", subscription->user_ids[i]);
    putchar('\n');
}

enum outcome subscriber_add_id(struct office *office, const struct arguments *arguments)
{
    enum outcome outcome = check_user_ids(arguments, "subscriber add-id");
    if (outcome == OUTCOME_DONE)
        outcome = office_open_store(office, false);
    for (size_t i = 0; outcome == OUTCOME_DONE && i < arguments->user_ids_count; i++)
        outcome = lookup_must_be_free(office, arguments->user_ids[i]);
    if (outcome == OUTCOME_DONE)
        outcome = change_open(office, arguments->name);
    for (size_t i = 0; outcome == OUTCOME_DONE && i < arguments->user_ids_count; i++)
        outcome = add_id(&office->subscription, arguments->user_ids[i]);
    if (outcome == OUTCOME_DONE)
        outcome = change_sealed(office, change_write_names);
    if (outcome == OUTCOME_DONE)
        print_ids(&office->subscription);
    return outcome;
}

static enum outcome drop_id(struct subscription *subscription, const char *user_id)
{
    size_t at = 0;
    while (at < subscription->user_id_count && strcmp(subscription->user_ids[at], user_id) != 0)
        at++;
    if (at == subscription->user_id_count)
        return outcome_fail(OUTCOME_UNKNOWN, "%s has no user id \"%s\"",
                            subscription->identity.impi, user_id);
    if (subscription->user_id_count == 1)
        return outcome_fail(OUTCOME_FAILED,
                            "\"%s\" is the last user id of %s: add another one first, or remove "
                            "the subscriber",
                            user_id, subscription->identity.impi);
    memmove(subscription->user_ids[at], subscription->user_ids[at + 1],
            (subscription->user_id_count - at - 1) * sizeof subscription->user_ids[0]);
    subscription->user_id_count--;
    return OUTCOME_DONE;
}

enum outcome subscriber_drop_id(struct office *office, const struct arguments *arguments)
{
    enum outcome outcome = check_user_ids(arguments, "subscriber drop-id");
    if (outcome == OUTCOME_DONE)
        outcome = change_open(office, arguments->name);
    for (size_t i = 0; outcome == OUTCOME_DONE && i < arguments->user_ids_count; i++)
        outcome = drop_id(&office->subscription, arguments->user_ids[i]);
    if (outcome == OUTCOME_DONE)
        outcome = change_sealed(office, change_write_names);
    if (outcome == OUTCOME_DONE)
        print_ids(&office->subscription);
    return outcome;
}

/* The old K's sequence numbers and its GBA key say nothing of the new one. */
static enum store_result write_key(struct office *office)
{
    enum store_result result = store_update(office->store, &office->subscription);
    return result == STORE_OK ? store_begin_anew(office->store, office->subscription.row) : result;
}

/* The row names the new key: no request can use the old one any more. */
static enum outcome retire(struct office *office, const struct enrolled *old)
{
    const char *impi = office->subscription.identity.impi;
    enum hsm_result result = credentials_destroy(office->token, old);
    if (result == HSM_NO_KEY)
        outcome_warn("the old K or OPc of %s was not in the token", impi);
    else if (result != HSM_OK)
        return outcome_fail(OUTCOME_FAILED,
                            "%s has its new key, but the old one stays in the token until the next "
                            "run: %s (%s)",
                            impi, hsm_result_text(result), module_fault(office->module));
    enum outcome outcome = absence_prove(office, old);
    if (outcome == OUTCOME_DONE)
        orphan_settle(office, impi);
    return outcome;
}

/* What of an enrolment is K and OPc: the digest secrets stay as they are. */
static void take_key(struct subscription *subscription, const struct enrolled *enrolled)
{
    subscription->key_ref = enrolled->key_ref;
    subscription->residence = enrolled->residence;
    subscription->wrapped = enrolled->wrapped;
    subscription->origin = enrolled->origin;
}

/* New key into the token, then the row, then the old key out: what fails leaves the old one. */
static enum outcome rotate(struct office *office, const struct arguments *arguments,
                           const struct credentials *credentials)
{
    struct subscription *subscription = &office->subscription;
    struct arguments named = *arguments;
    struct enrolled enrolled = {0};
    const struct enrolled old = {.key_ref = subscription->key_ref,
                                 .residence = subscription->residence};
    char ref_text[KEY_REF_TEXT_BYTES];
    char kcv_text[KCV_TEXT_BYTES];
    named.impi = subscription->identity.impi;
    named.domain = subscription->identity.domain;
    if (named.residence == NULL && old.residence == RESIDENCE_WRAPPED)
        named.residence = "wrapped";
    enum outcome outcome = orphan_note(office, named.impi);
    if (outcome == OUTCOME_DONE)
        outcome = credentials_enrol(office, &named, credentials, &enrolled);
    if (outcome != OUTCOME_DONE)
        return outcome;
    take_key(subscription, &enrolled);
    outcome = change_sealed(office, write_key);
    if (outcome != OUTCOME_DONE) {
        credentials_withdraw(office, &named, &enrolled);
        return outcome;
    }
    key_ref_to_text(&subscription->key_ref, ref_text);
    kcv_to_text(&enrolled.kcv, kcv_text);
    printf("%s has new key %s, kcv %s, its SQN begins at 0\n", named.impi, ref_text, kcv_text);
    if (enrolled.handed_over)
        printf("hand-over file %s is for the HSS\n", named.hand_over);
    return retire(office, &old);
}

static enum outcome rotate_opened(struct office *office, const struct arguments *arguments,
                                  const struct credentials *credentials)
{
    if (office->subscription.digest.is_alone)
        return outcome_fail(OUTCOME_USAGE, "%s has SIP digest alone, and no K",
                            office->subscription.identity.impi);
    enum outcome outcome = change_approve(office);
    if (outcome == OUTCOME_DONE)
        outcome = change_check_seal(office);
    return outcome == OUTCOME_DONE ? rotate(office, arguments, credentials) : outcome;
}

enum outcome subscriber_rotate_key(struct office *office, const struct arguments *arguments)
{
    struct credentials credentials = {0};
    if (arguments->key_file == NULL && arguments->wrapped_file == NULL && !arguments->generate)
        return outcome_fail(OUTCOME_USAGE,
                            "subscriber rotate-key needs the new key: --wrapped-file, "
                            "--generate or --key-file");
    enum outcome outcome = admission_check_way(arguments);
    if (outcome == OUTCOME_DONE)
        outcome = credentials_read(office, arguments, &credentials);
    if (outcome == OUTCOME_DONE)
        outcome = change_find(office, arguments->name);
    if (outcome == OUTCOME_DONE)
        outcome = rotate_opened(office, arguments, &credentials);
    credentials_free(&credentials);
    return outcome;
}
