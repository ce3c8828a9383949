/*
 * The one result type of hsm/. Library code returns it; programs log it together with
 * module_fault(), which names the PKCS#11 call and its CKR.
 */
#ifndef NISIM_HSM_RESULT_H
#define NISIM_HSM_RESULT_H

#include "attributes.h"

enum hsm_result {
    HSM_OK = 0,
    HSM_NO_MODULE,      /* fix: the module's path is wrong or it is no PKCS#11 module */
    HSM_NO_TOKEN,       /* fix: no token, or more than one, fits the choice */
    HSM_BAD_URI,        /* fix: not a PKCS#11 URI (RFC 7512), or one with nothing that chooses */
    HSM_PIN_UNREADABLE, /* fix: the PIN file or descriptor can't be read, is empty or too long */
    HSM_WRONG_PIN,      /* give up: never tried again, the token might lock */
    HSM_PIN_LOCKED,     /* give up: the security officer must unlock it */
    HSM_NO_KEY,         /* the object is not in the token */
    HSM_LATER,          /* retry in a second: not known yet, and the token was searched just now */
    HSM_UNSUPPORTED,    /* the token can't do this */
    HSM_REFUSED,        /* the token refuses this operation or object; others still work */
    HSM_FULL,           /* fix: the token has no room for an object more; others still work */
    HSM_NO_MEMORY,      /* memory, or memory that may be locked, is short */
    HSM_BAD_WRAP,       /* fix: the wrapped key is damaged, or made for another transport key */
    HSM_BAD_KCV,        /* fix: the key is another one than its key check value says */
    HSM_BAD_HA1,        /* fix: what was wrapped is not the digits of a digest secret */
    HSM_BAD_ANSWER,     /* a known answer came out wrong: the token must not be used */
    HSM_LOST,           /* retry after a restart: token, session or module is gone */
};

/* One sentence for a person. */
const char *hsm_result_text(enum hsm_result result);

#endif
