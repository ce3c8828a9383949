#include <stdio.h>
#include <string.h>
#include <time.h>

#include "json_out.h"
#include "officer.h"
#include "rule.h"
#include "verbs.h"

/* Store and token open; the act approved. */
static enum outcome open_approved(struct office *office)
{
    enum outcome outcome = office_open_store(office, false);
    if (outcome == OUTCOME_DONE)
        outcome = office_open_token(office, true);
    return outcome == OUTCOME_DONE ? office_prove_token(office) : outcome;
}

/* One person with two names would be two officers. */
static enum outcome check_is_new(struct office *office, const struct officer *officer)
{
    struct officer other = {0};
    enum store_result result = STORE_OK;
    size_t count = 0;
    while ((result = officer_next(office, other.name, &other)) == STORE_OK) {
        if (strcmp(other.name, officer->name) == 0)
            return outcome_fail(OUTCOME_TAKEN, "there is an officer \"%s\" already", other.name);
        if (other.key.bytes == officer->key.bytes &&
            memcmp(other.key.der, officer->key.der, other.key.bytes) == 0)
            return outcome_fail(OUTCOME_TAKEN, "this key is the one of officer \"%s\"", other.name);
        count++;
    }
    if (result != STORE_NOT_FOUND)
        return officer_fail(office, "", result);
    if (count >= OFFICERS_MAX)
        return outcome_fail(OUTCOME_FAILED, "there are %d officers, and can't be more",
                            OFFICERS_MAX);
    return OUTCOME_DONE;
}

static enum outcome add_and_rule(struct office *office, const struct officer *officer)
{
    struct rule rule = {0};
    enum outcome outcome = rule_read(office, &rule);
    if (outcome == OUTCOME_DONE)
        outcome = check_is_new(office, officer);
    if (outcome == OUTCOME_DONE)
        outcome = officer_write(office, officer);
    return outcome == OUTCOME_DONE ? rule_replace(office, &rule) : outcome;
}

/* `change`, and the rule with its hash over all officers, both or neither. */
static enum outcome in_transaction(struct office *office, const struct officer *officer,
                                   enum outcome (*change)(struct office *, const struct officer *))
{
    enum store_result result = store_begin(office->store);
    if (result != STORE_OK)
        return office_fail_store(office, result);
    enum outcome outcome = change(office, officer);
    if (outcome != OUTCOME_DONE) {
        store_rollback(office->store);
        return outcome;
    }
    result = store_commit(office->store);
    return result == STORE_OK ? OUTCOME_DONE : office_fail_store(office, result);
}

static void name_approvers(const struct act *act, struct officer *officer)
{
    size_t used = 0;
    for (size_t i = 0; i < act->approver_count && used < sizeof officer->by; i++)
        used += (size_t)snprintf(officer->by + used, sizeof officer->by - used, "%s%s",
                                 i == 0 ? "" : ", ", act->approvers[i]);
}

enum outcome officer_add(struct office *office, const struct arguments *arguments)
{
    struct officer officer = {0};
    char fingerprint[FINGERPRINT_BYTES];
    const char *wrong = officer_check_name(arguments->name);
    if (wrong != NULL)
        return outcome_fail(OUTCOME_USAGE, "officer \"%s\": %s", arguments->name, wrong);
    if (arguments->public_key == NULL)
        return outcome_fail(OUTCOME_USAGE, "officer add needs --public-key FILE");
    enum outcome outcome = officer_key_read(arguments->public_key, &officer.key);
    if (outcome == OUTCOME_DONE)
        outcome = open_approved(office);
    if (outcome != OUTCOME_DONE)
        return outcome;
    snprintf(officer.name, sizeof officer.name, "%s", arguments->name);
    officer.enrolled = (uint64_t)time(NULL);
    name_approvers(&office->act, &officer);
    if (!officer_key_fingerprint(&officer.key, fingerprint))
        return outcome_fail(OUTCOME_FAILED, "SHA-256 failed");
    outcome = in_transaction(office, &officer, add_and_rule);
    if (outcome == OUTCOME_DONE)
        printf("officer %s enrolled, key SHA-256 %s\n", officer.name, fingerprint);
    return outcome;
}

static enum outcome remove_and_rule(struct office *office, const struct officer *officer)
{
    struct rule rule = {0};
    struct officer known = {0};
    size_t count = 0;
    enum outcome outcome = rule_read(office, &rule);
    if (outcome != OUTCOME_DONE)
        return outcome;
    enum store_result found = officer_find(office, officer->name, &known);
    if (found != STORE_OK)
        return officer_fail(office, officer->name, found);
    outcome = officers_count(office, &count);
    if (outcome == OUTCOME_DONE && count <= rule.approvals)
        return outcome_fail(OUTCOME_FAILED,
                            "the rule asks for %u approvals, and there are %zu officers: enrol "
                            "another one, or change the rule, first",
                            rule.approvals, count);
    if (outcome == OUTCOME_DONE)
        outcome = officer_erase(office, officer->name);
    return outcome == OUTCOME_DONE ? rule_replace(office, &rule) : outcome;
}

enum outcome officer_remove(struct office *office, const struct arguments *arguments)
{
    struct officer officer = {0};
    if (officer_check_name(arguments->name) != NULL)
        return outcome_fail(OUTCOME_UNKNOWN, "no officer \"%s\"", arguments->name);
    snprintf(officer.name, sizeof officer.name, "%s", arguments->name);
    enum outcome outcome = open_approved(office);
    if (outcome == OUTCOME_DONE)
        outcome = in_transaction(office, &officer, remove_and_rule);
    if (outcome == OUTCOME_DONE)
        printf("officer %s removed\n", officer.name);
    return outcome;
}

static void time_to_text(uint64_t seconds, char *out_text, size_t room)
{
    time_t when = (time_t)seconds;
    struct tm parts = {0};
    out_text[0] = '\0';
    if (gmtime_r(&when, &parts) != NULL)
        strftime(out_text, room, "%Y-%m-%dT%H:%M:%SZ", &parts);
}

/* `array`: NULL where JSON is not wanted. */
static enum outcome list_one(const struct officer *officer, json_t *array)
{
    char fingerprint[FINGERPRINT_BYTES];
    char enrolled[32];
    if (!officer_key_fingerprint(&officer->key, fingerprint))
        return outcome_fail(OUTCOME_FAILED, "SHA-256 failed");
    time_to_text(officer->enrolled, enrolled, sizeof enrolled);
    if (array != NULL)
        json_array_append_new(array, json_pack("{s:s, s:s, s:s, s:s}", "name", officer->name,
                                               "enrolled", enrolled, "approved_by", officer->by,
                                               "key_sha256", fingerprint));
    else
        printf("%s enrolled %s%s%s key SHA-256 %s\n", officer->name, enrolled,
               officer->by[0] == '\0' ? "" : " by ", officer->by, fingerprint);
    return OUTCOME_DONE;
}

static enum outcome list_all(struct office *office, json_t *array)
{
    struct officer officer = {0};
    enum store_result result = STORE_OK;
    enum outcome outcome = OUTCOME_DONE;
    while (outcome == OUTCOME_DONE &&
           (result = officer_next(office, officer.name, &officer)) == STORE_OK)
        outcome = list_one(&officer, array);
    return outcome != OUTCOME_DONE || result == STORE_NOT_FOUND ? outcome
                                                                : officer_fail(office, "", result);
}

enum outcome officer_list(struct office *office, const struct arguments *arguments)
{
    struct rule rule = {0};
    enum outcome outcome = open_approved(office);
    if (outcome == OUTCOME_DONE)
        outcome = rule_read(office, &rule);
    if (outcome != OUTCOME_DONE)
        return outcome;
    json_t *array = arguments->json ? json_array() : NULL;
    outcome = list_all(office, array);
    if (outcome == OUTCOME_DONE && arguments->json)
        outcome =
            json_print(json_pack("{s:i, s:O}", "approvals", rule.approvals, "officers", array));
    else if (outcome == OUTCOME_DONE)
        printf("approvals needed: %u\n", rule.approvals);
    json_decref(array);
    return outcome;
}

static enum outcome change_rule(struct office *office, const struct officer *unused)
{
    struct rule rule = {0};
    size_t count = 0;
    uint8_t approvals = (uint8_t)(office->act.arguments->name[0] - '0');
    (void)unused;
    enum outcome outcome = rule_read(office, &rule);
    if (outcome == OUTCOME_DONE)
        outcome = officers_count(office, &count);
    if (outcome == OUTCOME_DONE && count < approvals)
        return outcome_fail(OUTCOME_FAILED,
                            "%u approvals need as many officers, and there are %zu: enrol them "
                            "first",
                            approvals, count);
    rule.approvals = approvals;
    return outcome == OUTCOME_DONE ? rule_replace(office, &rule) : outcome;
}

enum outcome rule_approvals(struct office *office, const struct arguments *arguments)
{
    const char *text = arguments->name;
    if (strlen(text) != 1 || text[0] < '0' || text[0] > '0' + RULE_APPROVALS_MAX)
        return outcome_fail(OUTCOME_USAGE, "rule approvals: \"%s\" is not a number from 0 to %d",
                            text, RULE_APPROVALS_MAX);
    enum outcome outcome = open_approved(office);
    if (outcome == OUTCOME_DONE)
        outcome = in_transaction(office, NULL, change_rule);
    if (outcome == OUTCOME_DONE)
        printf("approvals needed: %s\n", text);
    return outcome;
}
