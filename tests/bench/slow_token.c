/*
 * SoftHSM as a network HSM: a PKCS#11 module that sleeps in each call which encrypts or signs.
 * NISIM_SLOW_TOKEN_US is the sleep; NISIM_SLOW_TOKEN_CALLS is "data" (C_Encrypt, C_EncryptUpdate,
 * C_Sign: as a module that sends Init with the first data) or "all" (also Init and Final).
 */
#include <p11-kit/pkcs11.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <time.h>

#include "real_module.h"

#define EXPORTED __attribute__((visibility("default")))

static CK_FUNCTION_LIST *real;
static CK_FUNCTION_LIST list;
static struct timespec nap;
static bool naps_always;

static void network(bool is_data)
{
    if (is_data || naps_always)
        clock_nanosleep(CLOCK_MONOTONIC, 0, &nap, NULL);
}

static CK_RV encrypt_init(CK_SESSION_HANDLE session, CK_MECHANISM *mechanism, CK_OBJECT_HANDLE key)
{
    network(false);
    return real->C_EncryptInit(session, mechanism, key);
}

static CK_RV encrypt(CK_SESSION_HANDLE session, unsigned char *in, CK_ULONG length,
                     unsigned char *out, CK_ULONG *out_length)
{
    network(true);
    return real->C_Encrypt(session, in, length, out, out_length);
}

static CK_RV encrypt_update(CK_SESSION_HANDLE session, unsigned char *in, CK_ULONG length,
                            unsigned char *out, CK_ULONG *out_length)
{
    network(true);
    return real->C_EncryptUpdate(session, in, length, out, out_length);
}

static CK_RV encrypt_final(CK_SESSION_HANDLE session, unsigned char *out, CK_ULONG *out_length)
{
    network(false);
    return real->C_EncryptFinal(session, out, out_length);
}

static CK_RV sign_init(CK_SESSION_HANDLE session, CK_MECHANISM *mechanism, CK_OBJECT_HANDLE key)
{
    network(false);
    return real->C_SignInit(session, mechanism, key);
}

static CK_RV sign(CK_SESSION_HANDLE session, unsigned char *in, CK_ULONG length, unsigned char *out,
                  CK_ULONG *out_length)
{
    network(true);
    return real->C_Sign(session, in, length, out, out_length);
}

EXPORTED CK_RV C_GetFunctionList(CK_FUNCTION_LIST **out_list)
{
    const char *us = getenv("NISIM_SLOW_TOKEN_US");
    const char *calls = getenv("NISIM_SLOW_TOKEN_CALLS");
    if (us == NULL || calls == NULL || (real == NULL && (real = real_module()) == NULL))
        return CKR_GENERAL_ERROR;
    nap.tv_nsec = strtol(us, NULL, 10) * 1000;
    prctl(PR_SET_TIMERSLACK, 1000, 0, 0, 0); /* ns; the usual 50 us would be a tenth of the sleep */
    naps_always = strcmp(calls, "all") == 0;
    list = *real;
    list.C_GetFunctionList = C_GetFunctionList;
    list.C_EncryptInit = encrypt_init;
    list.C_Encrypt = encrypt;
    list.C_EncryptUpdate = encrypt_update;
    list.C_EncryptFinal = encrypt_final;
    list.C_SignInit = sign_init;
    list.C_Sign = sign;
    *out_list = &list;
    return CKR_OK;
}
