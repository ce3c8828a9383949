/* What there is: token, keys, PINs, officers, store. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "json_out.h"
#include "officer.h"
#include "own_keys.h"
#include "pin_policy.h"
#include "rule.h"
#include "verbs.h"

struct overview {
    CK_TOKEN_INFO info;
    struct rule rule;
    struct own_keys own_keys;
    size_t subscriber_keys;
    size_t officers;
    int64_t subscribers;
    int64_t store_bytes; /* with its write-ahead log */
};

static enum outcome look_into_token(struct office *office, struct overview *out)
{
    struct keyring *keyring = NULL;
    enum hsm_result result =
        module_result(MODULE_CALL(office->module, C_GetTokenInfo, office->token->slot, &out->info));
    if (result == HSM_OK)
        result = own_keys_list(office->token, &out->own_keys);
    if (result == HSM_OK)
        result = keyring_new(office->token, &keyring);
    if (result != HSM_OK)
        return office_fail_hsm(office, result, "looking into the token");
    out->subscriber_keys = keyring_count(keyring);
    keyring_free(&keyring);
    return OUTCOME_DONE;
}

static int64_t size_of(const char *path, const char *end)
{
    char name[1024];
    struct stat status = {0};
    if (snprintf(name, sizeof name, "%s%s", path, end) >= (int)sizeof name ||
        stat(name, &status) != 0)
        return 0;
    return status.st_size;
}

static enum outcome look_into_store(struct office *office, struct overview *out)
{
    enum outcome outcome = rule_read(office, &out->rule);
    if (outcome == OUTCOME_DONE)
        outcome = officers_count(office, &out->officers);
    if (outcome != OUTCOME_DONE)
        return outcome;
    enum store_result result = store_count(office->store, &out->subscribers);
    if (result != STORE_OK)
        return office_fail_store(office, result);
    out->store_bytes = size_of(office->store_path, "") + size_of(office->store_path, "-wal");
    return OUTCOME_DONE;
}

static const char *pin_text(const struct overview *status, bool so)
{
    const char *tries = pin_policy_tries(status->info.flags, so);
    return tries[0] == '\0' ? "the token says nothing" : tries;
}

static void print_status(const struct office *office, const struct overview *status)
{
    const struct token *token = office->token;
    printf("token: %s\nserial: %s\nmodel: %s, %s\nlaboratory: %s\n", token->label, token->serial,
           token->manufacturer, token->model,
           office->is_laboratory ? "YES: it takes keys in clear text" : "no");
    own_keys_print(&status->own_keys);
    printf("subscriber-keys: %zu\n", status->subscriber_keys);
    printf("user-pin: %s\nso-pin: %s\n", pin_text(status, false), pin_text(status, true));
    printf("pin-bytes: %lu to %lu, by the rule %u at least\n", status->info.ulMinPinLen,
           status->info.ulMaxPinLen, status->rule.pin_least);
    printf("officers: %zu\napprovals: %u\n", status->officers, status->rule.approvals);
    printf("subscribers: %" PRId64 "\nstore: %s, %" PRId64 " bytes, schema %d\n",
           status->subscribers, office->store_path, status->store_bytes, STORE_SCHEMA_VERSION);
}

static json_t *json_keys(const struct overview *status)
{
    json_t *keys = json_array();
    for (size_t i = 0; i < status->own_keys.count; i++) {
        const char *check_value = status->own_keys.keys[i].check_value;
        json_array_append_new(keys,
                              json_pack("{s:s, s:s?}", "label", status->own_keys.keys[i].label,
                                        "kcv", check_value[0] == '\0' ? NULL : check_value));
    }
    return keys;
}

static json_t *json_status(const struct office *office, const struct overview *status)
{
    const struct token *token = office->token;
    return json_pack(
        "{s:{s:s, s:s, s:s, s:s, s:b}, s:o, s:i, s:{s:s, s:s, s:i, s:i, s:i}, s:i, s:i, "
        "s:I, s:{s:s, s:I, s:i}}",
        "token", "label", token->label, "serial", token->serial, "manufacturer",
        token->manufacturer, "model", token->model, "laboratory", office->is_laboratory, "keys",
        json_keys(status), "subscriber_keys", (int)status->subscriber_keys, "pins", "user",
        pin_policy_tries(status->info.flags, false), "so",
        pin_policy_tries(status->info.flags, true), "least", (int)status->info.ulMinPinLen, "most",
        (int)status->info.ulMaxPinLen, "least_by_rule", status->rule.pin_least, "officers",
        (int)status->officers, "approvals", status->rule.approvals, "subscribers",
        (json_int_t)status->subscribers, "store", "file", office->store_path, "bytes",
        (json_int_t)status->store_bytes, "schema", STORE_SCHEMA_VERSION);
}

static enum outcome look_and_print(struct office *office, bool json, struct overview *status)
{
    enum outcome outcome = look_into_token(office, status);
    if (outcome == OUTCOME_DONE)
        outcome = look_into_store(office, status);
    if (outcome != OUTCOME_DONE)
        return outcome;
    if (json)
        return json_print(json_status(office, status));
    print_status(office, status);
    return OUTCOME_DONE;
}

enum outcome show_status(struct office *office, const struct arguments *arguments)
{
    enum outcome outcome = office_open_store(office, false);
    if (outcome == OUTCOME_DONE)
        outcome = office_open_token(office, false);
    if (outcome == OUTCOME_DONE)
        outcome = office_prove_token(office);
    if (outcome != OUTCOME_DONE)
        return outcome;
    struct overview *status = calloc(1, sizeof *status);
    if (status == NULL)
        return outcome_fail(OUTCOME_FAILED, "memory is short");
    outcome = look_and_print(office, arguments->json, status);
    free(status);
    return outcome;
}
