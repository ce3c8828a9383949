/*
 * SoftHSM as a token that gives up halfway: a PKCS#11 module for tests. NISIM_FAILS is
 *   full:N     from the Nth call on that makes or changes an object, such calls say that there is
 * no room for it; removed:N  from the Nth call on that makes, changes or destroys an object, wraps
 * or signs, every call says that the token was removed; absent:N the same, that there is none. The
 * file NISIM_FAILS_MARK is made when it comes to that.
 */
#include <fcntl.h>
#include <p11-kit/pkcs11.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "real_module.h"

#define EXPORTED __attribute__((visibility("default")))

enum call {
    USES,
    WORKS, /* destroys, wraps, signs */
    MAKES,
};

static CK_FUNCTION_LIST *real;
static CK_FUNCTION_LIST list;
static CK_RV fault;
static bool is_full; /* only what makes something fails */
static long left;    /* calls that count until it does; the module may be opened more than once */

static void leave_mark(void)
{
    const char *path = getenv("NISIM_FAILS_MARK");
    int mark = path == NULL ? -1 : open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    if (mark >= 0)
        close(mark);
}

static CK_RV judge(enum call call)
{
    bool counts = call == MAKES || (call == WORKS && !is_full);
    if (counts && left > 0 && --left == 0)
        leave_mark();
    return left > 0 || (is_full && !counts) ? CKR_OK : fault;
}

#define FORWARD(name, call, parameters, arguments)           \
    static CK_RV on_##name parameters                        \
    {                                                        \
        CK_RV rv = judge(call);                              \
        return rv == CKR_OK ? real->C_##name arguments : rv; \
    }

FORWARD(GetTokenInfo, USES, (CK_SLOT_ID slot, CK_TOKEN_INFO *info), (slot, info))
FORWARD(FindObjectsInit, USES, (CK_SESSION_HANDLE session, CK_ATTRIBUTE *fit, CK_ULONG count),
        (session, fit, count))
FORWARD(GetAttributeValue, USES,
        (CK_SESSION_HANDLE session, CK_OBJECT_HANDLE object, CK_ATTRIBUTE *fit, CK_ULONG count),
        (session, object, fit, count))
FORWARD(EncryptInit, USES,
        (CK_SESSION_HANDLE session, CK_MECHANISM *mechanism, CK_OBJECT_HANDLE key),
        (session, mechanism, key))
FORWARD(SignInit, USES, (CK_SESSION_HANDLE session, CK_MECHANISM *mechanism, CK_OBJECT_HANDLE key),
        (session, mechanism, key))
FORWARD(DigestInit, USES, (CK_SESSION_HANDLE session, CK_MECHANISM *mechanism),
        (session, mechanism))
FORWARD(Sign, WORKS,
        (CK_SESSION_HANDLE session, unsigned char *in, CK_ULONG length, unsigned char *out,
         CK_ULONG *out_length),
        (session, in, length, out, out_length))
FORWARD(WrapKey, WORKS,
        (CK_SESSION_HANDLE session, CK_MECHANISM *mechanism, CK_OBJECT_HANDLE by,
         CK_OBJECT_HANDLE key, unsigned char *out, CK_ULONG *out_length),
        (session, mechanism, by, key, out, out_length))
FORWARD(DestroyObject, WORKS, (CK_SESSION_HANDLE session, CK_OBJECT_HANDLE object),
        (session, object))
FORWARD(CreateObject, MAKES,
        (CK_SESSION_HANDLE session, CK_ATTRIBUTE *object, CK_ULONG count, CK_OBJECT_HANDLE *out),
        (session, object, count, out))
FORWARD(CopyObject, MAKES,
        (CK_SESSION_HANDLE session, CK_OBJECT_HANDLE from, CK_ATTRIBUTE *object, CK_ULONG count,
         CK_OBJECT_HANDLE *out),
        (session, from, object, count, out))
FORWARD(SetAttributeValue, MAKES,
        (CK_SESSION_HANDLE session, CK_OBJECT_HANDLE object, CK_ATTRIBUTE *fit, CK_ULONG count),
        (session, object, fit, count))
FORWARD(GenerateKey, MAKES,
        (CK_SESSION_HANDLE session, CK_MECHANISM *mechanism, CK_ATTRIBUTE *object, CK_ULONG count,
         CK_OBJECT_HANDLE *out),
        (session, mechanism, object, count, out))
FORWARD(UnwrapKey, MAKES,
        (CK_SESSION_HANDLE session, CK_MECHANISM *mechanism, CK_OBJECT_HANDLE by, unsigned char *in,
         CK_ULONG length, CK_ATTRIBUTE *object, CK_ULONG count, CK_OBJECT_HANDLE *out),
        (session, mechanism, by, in, length, object, count, out))

/* False: NISIM_FAILS is not as it must be. */
static bool read_order(void)
{
    const char *order = getenv("NISIM_FAILS");
    const char *number = order == NULL ? NULL : strchr(order, ':');
    if (number == NULL)
        return false;
    is_full = strncmp(order, "full:", 5) == 0;
    fault = is_full                              ? CKR_DEVICE_MEMORY
            : strncmp(order, "removed:", 8) == 0 ? CKR_DEVICE_REMOVED
                                                 : CKR_TOKEN_NOT_PRESENT;
    left = strtol(number + 1, NULL, 10);
    return left > 0;
}

EXPORTED CK_RV C_GetFunctionList(CK_FUNCTION_LIST **out_list)
{
    if (real == NULL && (!read_order() || (real = real_module()) == NULL))
        return CKR_GENERAL_ERROR;
    list = *real;
    list.C_GetFunctionList = C_GetFunctionList;
#define TAKE(name) list.C_##name = on_##name
    TAKE(GetTokenInfo);
    TAKE(FindObjectsInit);
    TAKE(GetAttributeValue);
    TAKE(EncryptInit);
    TAKE(SignInit);
    TAKE(DigestInit);
    TAKE(Sign);
    TAKE(WrapKey);
    TAKE(DestroyObject);
    TAKE(CreateObject);
    TAKE(CopyObject);
    TAKE(SetAttributeValue);
    TAKE(GenerateKey);
    TAKE(UnwrapKey);
#undef TAKE
    *out_list = &list;
    return CKR_OK;
}
