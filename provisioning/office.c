#include "office.h"

#include <errno.h>
#include <libgen.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "approval.h"
#include "laboratory.h"
#include "login_turn.h"
#include "orphan.h"
#include "pin.h"
#include "pin_policy.h"

#define CALL_SECONDS_USUAL 30 /* key generation and C_InitToken take their time */
#define STORE_WAIT_MS 10000   /* two imports at once take turns, batch by batch */

static enum outcome take_config(const struct arguments *arguments, struct office *office)
{
    char why[CONFIG_WHY_BYTES];
    if (arguments->config == NULL)
        return OUTCOME_DONE;
    office->config = config_read_path(arguments->config, why);
    if (office->config == NULL)
        return outcome_fail(OUTCOME_USAGE, "%s", why);
    const struct config *config = office->config;
    office->module_path = config->token_module;
    office->call_seconds = config->token_call_timeout;
    office->choice =
        (struct token_choice){config->token_label, config->token_serial, config->token_uri};
    office->store_path = config->store;
    office->user_pin.file = config->token_pin_file;
    return OUTCOME_DONE;
}

/* What the command line says goes before the configuration. */
static void take_options(const struct arguments *arguments, struct office *office)
{
    struct token_choice choice = {arguments->token_label, arguments->token_serial,
                                  arguments->token_uri};
    if (arguments->module != NULL)
        office->module_path = arguments->module;
    if (choice.label != NULL || choice.serial != NULL || choice.uri != NULL)
        office->choice = choice;
    if (arguments->store != NULL)
        office->store_path = arguments->store;
    if (arguments->pin_file != NULL || arguments->pin_fd >= 0) {
        office->user_pin.file = arguments->pin_file;
        office->user_pin.descriptor = (int)arguments->pin_fd;
    }
}

static enum outcome check_settings(const struct arguments *arguments, const struct office *office)
{
    const struct token_choice *choice = &office->choice;
    int choices = (choice->label != NULL) + (choice->serial != NULL) + (choice->uri != NULL);
    if (choices > 1)
        return outcome_fail(OUTCOME_USAGE, "the token is chosen in more than one way; give one of "
                                           "--token-label, --token-serial, --token-uri");
    if (arguments->pin_file != NULL && arguments->pin_fd >= 0)
        return outcome_fail(OUTCOME_USAGE, "--pin-file and --pin-fd are both given");
    return OUTCOME_DONE;
}

enum outcome office_new(const struct arguments *arguments, struct office **out_office)
{
    struct office *office = calloc(1, sizeof *office);
    if (office == NULL)
        return outcome_fail(OUTCOME_FAILED, "memory is short");
    office->call_seconds = CALL_SECONDS_USUAL;
    office->making = -1;
    office->user_pin = (struct pin_place){"USER PIN", NULL, -1};
    enum outcome outcome = take_config(arguments, office);
    if (outcome == OUTCOME_DONE) {
        take_options(arguments, office);
        outcome = check_settings(arguments, office);
    }
    if (office->store_path != NULL)
        config_audit_folder(
            office->config == NULL || arguments->store != NULL ? NULL : office->config->audit,
            office->store_path, office->audit_path);
    if (outcome == OUTCOME_DONE)
        *out_office = office;
    else
        office_free(&office);
    return outcome;
}

void office_free(struct office **office)
{
    if (*office == NULL)
        return;
    if ((*office)->store != NULL)
        store_close(&(*office)->store);
    if ((*office)->token != NULL)
        token_close(&(*office)->token);
    module_close(&(*office)->module);
    config_free(&(*office)->config);
    if ((*office)->making >= 0)
        close((*office)->making);
    free(*office);
    *office = NULL;
}

enum outcome office_fail_hsm(struct office *office, enum hsm_result result, const char *what)
{
    const char *fault = office->module == NULL ? "" : module_fault(office->module);
    enum outcome outcome = OUTCOME_FAILED;
    if (result == HSM_WRONG_PIN || result == HSM_PIN_LOCKED || result == HSM_PIN_UNREADABLE)
        outcome = OUTCOME_PIN;
    else if (result == HSM_NO_TOKEN || result == HSM_BAD_URI)
        outcome = OUTCOME_NO_TOKEN;
    else if (result == HSM_NO_MODULE)
        outcome = OUTCOME_NO_MODULE;
    else if (result == HSM_BAD_WRAP || result == HSM_BAD_KCV || result == HSM_BAD_HA1)
        outcome = OUTCOME_USAGE;
    /* A choice that fits nothing and a known answer that came out wrong are no call's fault. */
    if (outcome == OUTCOME_NO_TOKEN || outcome == OUTCOME_USAGE || result == HSM_BAD_ANSWER ||
        fault[0] == '\0')
        return outcome_fail(outcome, "%s: %s", what, hsm_result_text(result));
    return outcome_fail(outcome, "%s: %s (%s)", what, hsm_result_text(result), fault);
}

enum outcome office_fail_store(struct office *office, enum store_result result)
{
    if (result == STORE_NOT_FOUND)
        return outcome_fail(OUTCOME_UNKNOWN, "store %s: the subscriber was removed meanwhile",
                            office->store_path);
    return outcome_fail(result == STORE_DUPLICATE ? OUTCOME_TAKEN : OUTCOME_STORE, "store %s: %s",
                        office->store_path, store_why(office->store));
}

enum outcome office_write_sealed(struct office *office, struct stored_value *value,
                                 const char *what)
{
    enum hsm_result sealed = stored_value_seal(office->token, value);
    if (sealed != HSM_OK)
        return office_fail_hsm(office, sealed, what);
    enum store_result stored = store_value_write(office->store, value);
    return stored == STORE_OK ? OUTCOME_DONE : office_fail_store(office, stored);
}

enum outcome office_open_module(struct office *office)
{
    char why[256] = "";
    if (office->module_path == NULL)
        return outcome_fail(OUTCOME_USAGE, "no module: give --config FILE or --module PATH");
    enum hsm_result result =
        module_open(office->module_path, office->call_seconds, why, sizeof why, &office->module);
    if (result == HSM_NO_MODULE)
        return outcome_fail(OUTCOME_NO_MODULE, "module %s can't be used: %s", office->module_path,
                            why);
    return result == HSM_OK ? OUTCOME_DONE : office_fail_hsm(office, result, "module");
}

/* The folder's owner is who runs the appliance: what root writes there would be lost to him. */
static enum outcome check_owner(const char *folder_name, uid_t owner)
{
    char name[64];
    const struct passwd *user = getpwuid(owner);
    if (geteuid() != 0 || owner == 0)
        return OUTCOME_DONE;
    if (user != NULL)
        snprintf(name, sizeof name, "%s", user->pw_name);
    else
        snprintf(name, sizeof name, "'#%u'", owner);
    return outcome_fail(OUTCOME_USAGE,
                        "the store's folder %s belongs to user %s, not to root; run "
                        "sudo -u %s nisim-token ...",
                        folder_name, name, name);
}

static enum outcome check_folder(const char *store_path)
{
    struct stat folder = {0};
    char *path = strdup(store_path);
    if (path == NULL)
        return outcome_fail(OUTCOME_FAILED, "memory is short");
    const char *name = dirname(path);
    enum outcome outcome =
        stat(name, &folder) != 0
            ? outcome_fail(OUTCOME_STORE, "the store's folder %s: %s", name, strerror(errno))
            : check_owner(name, folder.st_uid);
    free(path);
    return outcome;
}

enum outcome office_open_store(struct office *office, bool create)
{
    char why[STORE_WHY_BYTES] = "";
    if (office->store != NULL)
        return OUTCOME_DONE;
    if (office->store_path == NULL)
        return outcome_fail(OUTCOME_USAGE, "no store: give --config FILE or --store FILE");
    enum outcome outcome = check_folder(office->store_path);
    if (outcome != OUTCOME_DONE)
        return outcome;
    if (store_open(office->store_path, create, why, &office->store) != STORE_OK)
        return outcome_fail(OUTCOME_STORE, "store %s: %s", office->store_path, why);
    store_set_wait(office->store, STORE_WAIT_MS);
    return OUTCOME_DONE;
}

static enum outcome ask_pin(const struct pin_place *place, bool is_new, struct secret_pin *out_pin)
{
    char prompt[64];
    ERASED(secret_pin) struct secret_pin again = {0};
    snprintf(prompt, sizeof prompt, is_new ? "New %s: " : "%s: ", place->name);
    if (pin_from_terminal(prompt, out_pin) != HSM_OK)
        return outcome_fail(OUTCOME_PIN,
                            "no %s: there is no file or descriptor with it, and none "
                            "was typed on a terminal",
                            place->name);
    if (!is_new)
        return OUTCOME_DONE;
    snprintf(prompt, sizeof prompt, "Again the new %s: ", place->name);
    if (pin_from_terminal(prompt, &again) != HSM_OK || again.length != out_pin->length ||
        !secret_equal(again.text, out_pin->text, again.length))
        return outcome_fail(OUTCOME_PIN, "the two are not the same; nothing is changed");
    return OUTCOME_DONE;
}

enum outcome office_read_pin(const struct pin_place *place, bool is_new, struct secret_pin *out_pin)
{
    enum hsm_result result = HSM_OK;
    errno = 0;
    if (place->file != NULL)
        result = pin_from_file(place->file, out_pin);
    else if (place->descriptor >= 0)
        result = pin_from_descriptor(place->descriptor, out_pin);
    else
        return ask_pin(place, is_new, out_pin);
    if (result == HSM_OK)
        return OUTCOME_DONE;
    const char *reason = errno != 0 ? strerror(errno) : "its first line is empty or too long";
    if (place->file != NULL)
        return outcome_fail(OUTCOME_PIN, "%s file %s: %s", place->name, place->file, reason);
    return outcome_fail(OUTCOME_PIN, "%s descriptor %d: %s", place->name, place->descriptor,
                        reason);
}

static const char *choice_text(const struct token_choice *choice)
{
    return choice->label != NULL    ? choice->label
           : choice->serial != NULL ? choice->serial
                                    : choice->uri;
}

static enum outcome find_token(struct office *office, bool writable)
{
    const char *name = choice_text(&office->choice);
    enum hsm_result result = token_open(office->module, &office->choice, writable, &office->token);
    office->writable = writable;
    if (result == HSM_OK)
        return OUTCOME_DONE;
    if (result == HSM_NO_TOKEN || result == HSM_BAD_URI)
        return outcome_fail(OUTCOME_NO_TOKEN, "token \"%s\" of %s: %s", name, office->module_path,
                            hsm_result_text(result));
    return office_fail_hsm(office, result, "opening the token");
}

enum outcome office_log_in_once(struct office *office, const struct secret_pin *pin)
{
    char what[128];
    CK_TOKEN_INFO info = {0};
    struct turn turn;
    login_turn_take(&turn, office->store_path);
    enum hsm_result result = token_log_in(office->token, pin);
    login_turn_give(&turn);
    if (result == HSM_OK)
        return OUTCOME_DONE;
    (void)MODULE_CALL(office->module, C_GetTokenInfo, office->token->slot, &info);
    const char *tries = pin_policy_tries(info.flags, false);
    snprintf(what, sizeof what, "USER log-in%s%s", tries[0] == '\0' ? "" : ", ", tries);
    return office_fail_hsm(office, result, what);
}

enum outcome office_log_in(struct office *office, bool writable, const struct secret_pin *pin)
{
    enum outcome outcome = find_token(office, writable);
    return outcome == OUTCOME_DONE ? office_log_in_once(office, pin) : outcome;
}

enum outcome office_find_token(struct office *office, bool writable)
{
    if (choice_text(&office->choice) == NULL)
        return outcome_fail(OUTCOME_USAGE, "no token: give --config FILE, --token-label LABEL, "
                                           "--token-serial SERIAL or --token-uri URI");
    struct turn turn;
    login_turn_take(&turn, office->store_path);
    enum outcome outcome = office_open_module(office);
    if (outcome == OUTCOME_DONE)
        outcome = find_token(office, writable);
    login_turn_give(&turn);
    return outcome;
}

enum outcome office_open_token(struct office *office, bool writable)
{
    ERASED(secret_pin) struct secret_pin pin = {0};
    enum outcome outcome = office_find_token(office, writable);
    if (outcome == OUTCOME_DONE)
        outcome = office_read_pin(&office->user_pin, false, &pin);
    if (outcome == OUTCOME_DONE)
        outcome = office_log_in_once(office, &pin);
    return outcome;
}

static enum outcome prove(struct office *office)
{
    enum hsm_result result = token_prove(office->token);
    if (result != HSM_OK)
        return office_fail_hsm(office, result, "Milenage known answers through the token");
    result = token_find_integrity(office->token);
    if (result == HSM_NO_KEY)
        return outcome_fail(OUTCOME_FAILED,
                            "token \"%s\" has no key \"%s\": it was not made by "
                            "nisim-token init",
                            office->token->label, TOKEN_INTEGRITY_LABEL);
    if (result != HSM_OK)
        return office_fail_hsm(office, result, "integrity key");
    result = laboratory_find(office->token, &office->is_laboratory);
    if (result != HSM_OK)
        return office_fail_hsm(office, result, "looking for the mark of a laboratory");
    return OUTCOME_DONE;
}

enum outcome office_prove_token(struct office *office)
{
    enum outcome outcome = prove(office);
    if (outcome != OUTCOME_DONE || office->store == NULL)
        return outcome;
    outcome = office_check_anchor(office);
    if (outcome == OUTCOME_DONE)
        outcome = approval_ask(office);
    if (outcome == OUTCOME_DONE)
        outcome = act_begin(office);
    if (outcome == OUTCOME_DONE && office->act.intent != 0 && office->writable)
        outcome = orphan_sweep(office);
    return outcome;
}

bool office_has_token(const struct office *office)
{
    CK_TOKEN_INFO info = {0};
    return office->token != NULL &&
           MODULE_CALL(office->module, C_GetTokenInfo, office->token->slot, &info) == CKR_OK;
}

enum outcome office_renew_token(struct office *office)
{
    if (office->user_pin.file == NULL)
        return OUTCOME_DONE;
    token_close(&office->token);
    module_close(&office->module);
    enum outcome outcome = office_open_token(office, true);
    office->anchor.token = office->token;
    office->act.signer.key = CK_INVALID_HANDLE;
    return outcome == OUTCOME_DONE ? prove(office) : outcome;
}

enum outcome office_end_transaction(struct office *office, enum outcome outcome)
{
    if (outcome == OUTCOME_DONE) {
        enum store_result stored = store_commit(office->store);
        if (stored != STORE_OK)
            outcome = office_fail_store(office, stored);
    }
    if (outcome != OUTCOME_DONE)
        store_rollback(office->store);
    return outcome;
}
