#include "result.h"

const char *hsm_result_text(enum hsm_result result)
{
    switch (result) {
    case HSM_OK:
        return "done";
    case HSM_NO_MODULE:
        return "the PKCS#11 module can't be loaded";
    case HSM_NO_TOKEN:
        return "no token, or more than one, fits the choice";
    case HSM_BAD_URI:
        return "not a PKCS#11 URI that names a token";
    case HSM_PIN_UNREADABLE:
        return "the PIN can't be read, is empty or is too long";
    case HSM_WRONG_PIN:
        return "the PIN is wrong; it is not tried again";
    case HSM_PIN_LOCKED:
        return "the PIN is locked; the security officer must unlock it";
    case HSM_NO_KEY:
        return "the object is not in the token";
    case HSM_LATER:
        return "the token was searched just now; try again in a second";
    case HSM_UNSUPPORTED:
        return "the token can't do this";
    case HSM_REFUSED:
        return "the token refuses this";
    case HSM_FULL:
        return "the token is full: destroy what it need not hold, then do this again";
    case HSM_NO_MEMORY:
        return "memory is short, or RLIMIT_MEMLOCK is too low";
    case HSM_BAD_WRAP:
        return "what is wrapped is damaged, or was wrapped for another transport key";
    case HSM_BAD_KCV:
        return "the key check value is another one";
    case HSM_BAD_HA1:
        return "what is wrapped is no H(A1) of this algorithm: lower-case hex digits, 32 of MD5, "
               "64 of the others";
    case HSM_BAD_ANSWER:
        return "a check against a known answer failed";
    case HSM_LOST:
        return "the token or its module is lost";
    }
    return "unknown result";
}
