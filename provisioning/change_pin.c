#include <stdio.h>

#include "pin_policy.h"
#include "rule.h"
#include "verbs.h"

/* The PIN that is changed. */
struct change_of_pin {
    const char *name;
    bool so;
    CK_TOKEN_INFO info;
    struct secret_pin old;
    struct secret_pin new;
};

static void change_of_pin_erase(struct change_of_pin *change)
{
    secret_pin_erase(&change->old);
    secret_pin_erase(&change->new);
}

static enum outcome read_pins(const struct office *office, const struct arguments *arguments,
                              struct change_of_pin *change)
{
    struct pin_place so_pin = {"SO PIN", arguments->so_pin_file, (int)arguments->so_pin_fd};
    struct pin_place old = change->so ? so_pin : office->user_pin;
    struct pin_place new = {change->name, arguments->new_pin_file, (int)arguments->new_pin_fd};
    if (so_pin.file != NULL && so_pin.descriptor >= 0)
        return outcome_fail(OUTCOME_USAGE, "--so-pin-file and --so-pin-fd are both given");
    if (new.file != NULL &&new.descriptor >= 0)
        return outcome_fail(OUTCOME_USAGE, "--new-pin-file and --new-pin-fd are both given");
    if (!change->so && (so_pin.file != NULL || so_pin.descriptor >= 0))
        return outcome_fail(OUTCOME_USAGE, "the SO PIN is for --so");
    if (new.descriptor >= 0 && new.descriptor == old.descriptor)
        return outcome_fail(OUTCOME_USAGE, "old and new PIN come from the same descriptor");
    enum outcome outcome = office_read_pin(&old, false, &change->old);
    if (outcome == OUTCOME_DONE)
        outcome = office_read_pin(&new, true, &change->new);
    if (outcome == OUTCOME_DONE && pin_policy_same(&change->old, &change->new))
        return outcome_fail(OUTCOME_PIN, "the new %s is the old one; nothing is changed",
                            change->name);
    return outcome;
}

/* Once. */
static enum outcome log_in(struct office *office, struct change_of_pin *change)
{
    if (!change->so)
        return office_log_in_once(office, &change->old);
    CK_RV rv = MODULE_CALL(office->module, C_Login, office->token->session, CKU_SO,
                           (unsigned char *)change->old.text, change->old.length);
    if (rv == CKR_OK)
        return OUTCOME_DONE;
    (void)MODULE_CALL(office->module, C_GetTokenInfo, office->token->slot, &change->info);
    const char *tries = pin_policy_tries(change->info.flags, true);
    char what[128];
    snprintf(what, sizeof what, "SO log-in%s%s", tries[0] == '\0' ? "" : ", ", tries);
    return office_fail_hsm(office, module_result(rv), what);
}

/* As SO the integrity key is out of reach: the rule is taken as it stands. */
static enum outcome check_rule(struct office *office, const struct arguments *arguments,
                               const struct change_of_pin *change)
{
    struct rule rule = {0};
    unsigned least = (unsigned)arguments->pin_least;
    enum outcome outcome = OUTCOME_DONE;
    if (change->so && !rule_read_unproved(office, &rule))
        outcome = outcome_fail(OUTCOME_STORE, "store %s has no rule for PINs", office->store_path);
    if (!change->so)
        outcome = office_prove_token(office);
    if (!change->so && outcome == OUTCOME_DONE)
        outcome = rule_read(office, &rule);
    if (outcome != OUTCOME_DONE)
        return outcome;
    return pin_policy_check(change->name, &change->new, &change->info,
                            least > rule.pin_least ? least : rule.pin_least);
}

static enum outcome change_it(struct office *office, const struct arguments *arguments,
                              struct change_of_pin *change)
{
    enum outcome outcome = read_pins(office, arguments, change);
    if (outcome == OUTCOME_DONE)
        outcome = log_in(office, change);
    if (outcome == OUTCOME_DONE)
        outcome = check_rule(office, arguments, change);
    if (outcome != OUTCOME_DONE)
        return outcome;
    CK_RV rv = MODULE_CALL(office->module, C_SetPIN, office->token->session,
                           (unsigned char *)change->old.text, change->old.length,
                           (unsigned char *)change->new.text, change->new.length);
    if (rv != CKR_OK)
        return office_fail_hsm(office, module_result(rv), "changing the PIN");
    printf("%s of token \"%s\" changed\n", change->name, office->token->label);
    if (!change->so && office->config != NULL)
        outcome_warn("the appliance reads its PIN from %s at its next start: put the new one there",
                     office->config->token_pin_file);
    return OUTCOME_DONE;
}

enum outcome change_pin(struct office *office, const struct arguments *arguments)
{
    ERASED(change_of_pin)
    struct change_of_pin change = {.name = arguments->so ? "SO PIN" : "USER PIN",
                                   .so = arguments->so};
    enum outcome outcome = office_open_store(office, false);
    if (outcome == OUTCOME_DONE)
        outcome = office_find_token(office, true);
    if (outcome != OUTCOME_DONE)
        return outcome;
    enum hsm_result result = module_result(
        MODULE_CALL(office->module, C_GetTokenInfo, office->token->slot, &change.info));
    if (result != HSM_OK)
        return office_fail_hsm(office, result, "asking the token about its PINs");
    return change_it(office, arguments, &change);
}
