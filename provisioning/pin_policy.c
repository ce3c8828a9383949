#include "pin_policy.h"

#include <string.h>

static bool has_digits_only(const struct secret_pin *pin)
{
    for (size_t i = 0; i < pin->length; i++) {
        if (pin->text[i] < '0' || pin->text[i] > '9')
            return false;
    }
    return true;
}

enum outcome pin_policy_check(const char *name, const struct secret_pin *pin,
                              const CK_TOKEN_INFO *info, unsigned least)
{
    if (pin->length < info->ulMinPinLen || pin->length > info->ulMaxPinLen)
        return outcome_fail(OUTCOME_PIN,
                            "%s: the token takes PINs of %lu to %lu bytes; nothing is changed",
                            name, info->ulMinPinLen, info->ulMaxPinLen);
    if (pin->length < least)
        return outcome_fail(OUTCOME_PIN,
                            "%s: by the rule a PIN has %u bytes at least; nothing is changed", name,
                            least);
    if (has_digits_only(pin))
        outcome_warn("the new %s has digits only: others are harder to guess", name);
    return OUTCOME_DONE;
}

bool pin_policy_same(const struct secret_pin *a, const struct secret_pin *b)
{
    return a->length == b->length && secret_equal(a->text, b->text, a->length);
}

const char *pin_policy_tries(CK_FLAGS flags, bool so)
{
    if ((flags & (so ? CKF_SO_PIN_LOCKED : CKF_USER_PIN_LOCKED)) != 0)
        return "the token says it is locked";
    if ((flags & (so ? CKF_SO_PIN_FINAL_TRY : CKF_USER_PIN_FINAL_TRY)) != 0)
        return "the token says one try is left before it locks";
    if ((flags & (so ? CKF_SO_PIN_COUNT_LOW : CKF_USER_PIN_COUNT_LOW)) != 0)
        return "the token says it was wrong since the last log-in";
    return "";
}
