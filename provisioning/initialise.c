#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "laboratory.h"
#include "own_keys.h"
#include "own_keys_make.h"
#include "pin_policy.h"
#include "rule.h"
#include "stored_value.h"
#include "text.h"
#include "token_sign.h"
#include "verbs.h"

#define SLOTS_MAX 256
#define TOKEN_LABEL_BYTES 32 /* PKCS#11: padded with blanks, no NUL */

/* What init is to make, once everything that can be checked beforehand was. */
struct plan {
    const char *label;
    unsigned char padded[TOKEN_LABEL_BYTES];
    CK_SLOT_ID slot;
    CK_TOKEN_INFO info; /* of the slot */
    bool is_laboratory;
    struct secret_pin so_pin;
    struct secret_pin user_pin;
    uint8_t pin_least; /* bytes */
};

static void plan_erase(struct plan *plan)
{
    secret_wipe(plan, sizeof *plan);
}

static enum outcome take_label(const struct office *office, const struct arguments *arguments,
                               struct plan *plan)
{
    plan->label = arguments->label != NULL ? arguments->label : office->choice.label;
    if (plan->label == NULL)
        return outcome_fail(OUTCOME_USAGE, "no label: give --label LABEL");
    size_t length = strlen(plan->label);
    if (length == 0 || length > sizeof plan->padded || !text_is_clean(plan->label, length) ||
        plan->label[length - 1] == ' ')
        return outcome_fail(OUTCOME_USAGE,
                            "--label: not 1 to %d bytes of text without a blank at "
                            "the end",
                            TOKEN_LABEL_BYTES);
    memset(plan->padded, ' ', sizeof plan->padded);
    memcpy(plan->padded, plan->label, length);
    return OUTCOME_DONE;
}

static enum outcome check_pins(const struct plan *plan, unsigned least)
{
    enum outcome outcome = pin_policy_check("SO PIN", &plan->so_pin, &plan->info, least);
    if (outcome == OUTCOME_DONE)
        outcome = pin_policy_check("USER PIN", &plan->user_pin, &plan->info, least);
    if (outcome == OUTCOME_DONE && pin_policy_same(&plan->so_pin, &plan->user_pin))
        return outcome_fail(OUTCOME_PIN,
                            "SO PIN and USER PIN are the same: they are for two persons; nothing "
                            "is changed");
    return outcome;
}

/* A free slot; and no token with this label anywhere, for an existing one is never touched. */
static enum outcome find_slot(struct office *office, struct plan *plan)
{
    CK_SLOT_ID slots[SLOTS_MAX];
    CK_ULONG count = SLOTS_MAX;
    bool found = false;
    enum hsm_result result =
        module_result(MODULE_CALL(office->module, C_GetSlotList, CK_TRUE, slots, &count));
    if (result != HSM_OK)
        return office_fail_hsm(office, result, "looking for a free slot");
    for (CK_ULONG i = 0; i < count; i++) {
        CK_TOKEN_INFO info = {0};
        if (MODULE_CALL(office->module, C_GetTokenInfo, slots[i], &info) != CKR_OK)
            continue;
        bool is_free = (info.flags & CKF_TOKEN_INITIALIZED) == 0;
        if (!is_free && memcmp(info.label, plan->padded, sizeof plan->padded) == 0)
            return outcome_fail(
                OUTCOME_TAKEN, "there is a token \"%s\" already; it is left as it is", plan->label);
        if (is_free && !found) {
            plan->slot = slots[i];
            plan->info = info;
            found = true;
        }
    }
    if (!found)
        return outcome_fail(OUTCOME_NO_TOKEN,
                            "the module %s has no slot with a token that is "
                            "not initialised yet",
                            office->module_path);
    return OUTCOME_DONE;
}

static enum outcome read_pins(const struct office *office, const struct arguments *arguments,
                              struct plan *plan)
{
    struct pin_place so_pin = {"SO PIN", arguments->so_pin_file, (int)arguments->so_pin_fd};
    if (arguments->so_pin_file != NULL && arguments->so_pin_fd >= 0)
        return outcome_fail(OUTCOME_USAGE, "--so-pin-file and --so-pin-fd are both given");
    if (so_pin.descriptor >= 0 && so_pin.descriptor == office->user_pin.descriptor)
        return outcome_fail(OUTCOME_USAGE, "--pin-fd and --so-pin-fd are the same descriptor");
    enum outcome outcome = office_read_pin(&so_pin, true, &plan->so_pin);
    if (outcome == OUTCOME_DONE)
        outcome = office_read_pin(&office->user_pin, true, &plan->user_pin);
    return outcome == OUTCOME_DONE ? check_pins(plan, (unsigned)arguments->pin_least) : outcome;
}

/* Rows that another token sealed would all fail their checks. */
static enum outcome check_store_is_empty(struct office *office)
{
    struct stored_value officer = {0};
    enum store_result result = store_next(office->store, 0, &office->subscription);
    if (result == STORE_NOT_FOUND)
        result = store_value_next(office->store, "officer/", "", &officer);
    if (result == STORE_NOT_FOUND)
        return OUTCOME_DONE;
    if (result != STORE_OK && result != STORE_BAD_RECORD)
        return office_fail_store(office, result);
    return outcome_fail(
        OUTCOME_STORE,
        "store %s has subscriptions of another token, or its officers; give the new "
        "token a store of its own",
        office->store_path);
}

/* As SO; the session is closed so that USER can log in. */
static enum hsm_result set_user_pin(struct module *module, struct plan *plan)
{
    CK_SESSION_HANDLE session = CK_INVALID_HANDLE;
    CK_RV rv = MODULE_CALL(module, C_OpenSession, plan->slot, CKF_SERIAL_SESSION | CKF_RW_SESSION,
                           NULL, NULL, &session);
    if (rv != CKR_OK)
        return module_result(rv);
    rv = MODULE_CALL(module, C_Login, session, CKU_SO, (unsigned char *)plan->so_pin.text,
                     plan->so_pin.length);
    if (rv == CKR_OK)
        rv = MODULE_CALL(module, C_InitPIN, session, (unsigned char *)plan->user_pin.text,
                         plan->user_pin.length);
    enum hsm_result result = module_result(rv);
    CK_RV closed = MODULE_CALL(module, C_CloseSession, session);
    return result != HSM_OK ? result : module_result(closed);
}

static enum hsm_result make_token(struct module *module, struct plan *plan)
{
    CK_RV rv = MODULE_CALL(module, C_InitToken, plan->slot, (unsigned char *)plan->so_pin.text,
                           plan->so_pin.length, plan->padded);
    return rv == CKR_OK ? set_user_pin(module, plan) : module_result(rv);
}

/* A store that was used with another token before is this one's from now on. */
static enum outcome make_anchor(struct office *office)
{
    struct anchor *anchor = &office->anchor;
    anchor_start(anchor, office->token, office->store);
    bool made = anchor_adopt(anchor) && anchor_finish(anchor);
    sync();
    return made ? OUTCOME_DONE : office_fail_anchor(office);
}

/* SoftHSM has CKA_DESTROYABLE; a token that has not is marked all the same. */
static enum hsm_result mark_as_laboratory(struct token *token)
{
    char label[] = LABORATORY_LABEL;
    CK_OBJECT_CLASS class = CKO_DATA;
    CK_BBOOL yes = CK_TRUE;
    CK_BBOOL no = CK_FALSE;
    CK_OBJECT_HANDLE mark = CK_INVALID_HANDLE;
    CK_ATTRIBUTE object[] = {
        {CKA_CLASS, &class, sizeof class},    {CKA_TOKEN, &yes, sizeof yes},
        {CKA_PRIVATE, &yes, sizeof yes},      {CKA_MODIFIABLE, &no, sizeof no},
        {CKA_LABEL, label, sizeof label - 1}, {CKA_APPLICATION, label, sizeof label - 1},
        {CKA_VALUE, &yes, sizeof yes},        {CKA_DESTROYABLE, &no, sizeof no}};
    CK_ULONG count = sizeof object / sizeof object[0];
    CK_RV rv = MODULE_CALL(token->module, C_CreateObject, token->session, object, count, &mark);
    if (rv != CKR_OK)
        rv = MODULE_CALL(token->module, C_CreateObject, token->session, object, count - 1, &mark);
    sync();
    return module_result(rv);
}

static enum outcome fill_token(struct office *office, const struct plan *plan)
{
    office->choice = (struct token_choice){.label = plan->label};
    enum outcome outcome = office_log_in(office, true, &plan->user_pin);
    if (outcome != OUTCOME_DONE)
        return outcome;
    enum hsm_result result = own_keys_make(office->token);
    if (result == HSM_OK && plan->is_laboratory)
        result = mark_as_laboratory(office->token);
    if (result != HSM_OK)
        return office_fail_hsm(office, result, "making the token's keys");
    office->answers_for_anchor = true;
    outcome = office_prove_token(office);
    if (outcome == OUTCOME_DONE)
        outcome = make_anchor(office);
    return outcome == OUTCOME_DONE ? rule_write_first(office, plan->pin_least) : outcome;
}

static enum outcome make(struct office *office, struct plan *plan)
{
    enum hsm_result result = make_token(office->module, plan);
    enum outcome outcome = result == HSM_OK ? fill_token(office, plan)
                                            : office_fail_hsm(office, result, "making the token");
    /* PKCS#11 has no call that deletes a token. */
    if (outcome != OUTCOME_DONE)
        outcome_warn("if token \"%s\" exists now, it is incomplete: delete it with its maker's "
                     "tool before the next init",
                     plan->label);
    return outcome;
}

/* For the transcript: by these the keys are known again. */
static enum outcome print_keys(struct office *office)
{
    struct own_keys *keys = calloc(1, sizeof *keys);
    if (keys == NULL)
        return outcome_fail(OUTCOME_FAILED, "memory is short");
    enum hsm_result result = own_keys_list(office->token, keys);
    if (result == HSM_OK)
        own_keys_print(keys);
    free(keys);
    return result == HSM_OK ? OUTCOME_DONE
                            : office_fail_hsm(office, result, "listing the token's keys");
}

enum outcome initialise_token(struct office *office, const struct arguments *arguments)
{
    ERASED(plan)
    struct plan plan = {.is_laboratory = arguments->laboratory,
                        .pin_least = (uint8_t)arguments->pin_least};
    enum outcome outcome = take_label(office, arguments, &plan);
    if (outcome == OUTCOME_DONE)
        outcome = office_open_module(office);
    if (outcome == OUTCOME_DONE)
        outcome = find_slot(office, &plan);
    if (outcome == OUTCOME_DONE)
        outcome = read_pins(office, arguments, &plan);
    if (outcome == OUTCOME_DONE)
        outcome = office_open_store(office, true);
    if (outcome == OUTCOME_DONE)
        outcome = check_store_is_empty(office);
    if (outcome == OUTCOME_DONE)
        outcome = act_make_folder(office, true);
    if (outcome != OUTCOME_DONE)
        return outcome;
    outcome = make(office, &plan);
    if (outcome != OUTCOME_DONE)
        return outcome;
    if (plan.is_laboratory)
        outcome_warn("this is a LABORATORY's token: it takes keys in clear text, and is marked so "
                     "for ever");
    printf("token \"%s\" made (serial %s), keys \"%s\", \"%s\" and \"%s\" inside, store %s\n",
           office->token->label, office->token->serial, TOKEN_KEK_LABEL, TOKEN_INTEGRITY_LABEL,
           TOKEN_AUDIT_LABEL, office->store_path);
    return print_keys(office);
}
