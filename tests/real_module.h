/* For PKCS#11 modules of tests that stand before SoftHSM: the module behind them. */
#ifndef NISIM_TESTS_REAL_MODULE_H
#define NISIM_TESTS_REAL_MODULE_H

#include <dlfcn.h>
#include <p11-kit/pkcs11.h>
#include <stddef.h>

#define SOFTHSM "/usr/lib/softhsm/libsofthsm2.so"

/* SoftHSM's functions; NULL when it can't be loaded. */
static inline CK_FUNCTION_LIST *real_module(void)
{
    CK_FUNCTION_LIST *real = NULL;
    CK_RV (*get)(CK_FUNCTION_LIST * *list) = NULL;
    void *library = dlopen(SOFTHSM, RTLD_NOW | RTLD_LOCAL);
    if (library != NULL)
        *(void **)&get = dlsym(library, "C_GetFunctionList");
    return get != NULL && get(&real) == CKR_OK ? real : NULL;
}

#endif
