/*
 * The one door to a PKCS#11 module. Every C_ call of the product goes through MODULE_CALL, which
 * bounds it in time with alarm(2) (a hung call can't be cancelled, a process can be ended) and
 * remembers the name and the CKR of the last call that failed.
 */
#ifndef NISIM_HSM_MODULE_H
#define NISIM_HSM_MODULE_H

#include <p11-kit/pkcs11.h>
#include <stdbool.h>
#include <stdint.h>

#include "result.h"

struct module {
    void *library;
    CK_FUNCTION_LIST *list;
    unsigned call_seconds; /* a call that takes longer ends the process with SIGALRM */
    bool held;             /* module_hold bounds the calls */
    int64_t held_ms;       /* since when, by the monotonic clock */
    const char *fault_call;
    CK_RV fault_rv;
    char fault_text[160];
};

/*
 * Loads the module from `path` and initialises it. On failure out_module is untouched and
 * `out_why` (room bytes) says what dlopen or C_Initialize said.
 */
MUST_CHECK enum hsm_result module_open(const char *path, unsigned call_seconds, char *out_why,
                                       size_t room, struct module **out_module);

/* C_Finalize under the alarm, dlclose, free, and NULL in the caller's pointer. Takes NULL. */
void module_close(struct module **module);

/*
 * From here to module_release, or to the next module_hold, all calls together may take at least
 * call_seconds, and at most MODULE_HOLD_SLACK_MS more: one alarm(2) for the many calls of a batch's
 * requests, each of which would cost two. A module_hold less than that after another one is free.
 */
#define MODULE_HOLD_SLACK_MS 1000
void module_hold(struct module *module);
void module_release(struct module *module);

void module_enter(const struct module *module);
CK_RV module_leave(struct module *module, const char *call, CK_RV rv);

/* CK_RV rv = MODULE_CALL(module, C_GetTokenInfo, slot, &info); */
#define MODULE_CALL(module, call, ...) \
    (module_enter(module), module_leave((module), #call, (module)->list->call(__VA_ARGS__)))

/* "C_Login: CKR_PIN_INCORRECT" of the last failed call; "" when none failed. */
const char *module_fault(struct module *module);

/* What a failed call means to us; the fatal codes of DESIGN 9 are HSM_LOST. */
MUST_CHECK enum hsm_result module_result(CK_RV rv);

#endif
