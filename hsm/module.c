#include "module.h"

#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define CLOSE_SECONDS 5

static const struct {
    CK_RV rv;
    const char *name;
} rv_names[] = {
#define NAMED(rv) \
    {             \
        rv, #rv   \
    }
    NAMED(CKR_HOST_MEMORY),
    NAMED(CKR_SLOT_ID_INVALID),
    NAMED(CKR_GENERAL_ERROR),
    NAMED(CKR_FUNCTION_FAILED),
    NAMED(CKR_ARGUMENTS_BAD),
    NAMED(CKR_ATTRIBUTE_READ_ONLY),
    NAMED(CKR_ATTRIBUTE_SENSITIVE),
    NAMED(CKR_ATTRIBUTE_TYPE_INVALID),
    NAMED(CKR_ATTRIBUTE_VALUE_INVALID),
    NAMED(CKR_DATA_LEN_RANGE),
    NAMED(CKR_DEVICE_ERROR),
    NAMED(CKR_DEVICE_MEMORY),
    NAMED(CKR_DEVICE_REMOVED),
    NAMED(CKR_FUNCTION_NOT_SUPPORTED),
    NAMED(CKR_KEY_HANDLE_INVALID),
    NAMED(CKR_KEY_TYPE_INCONSISTENT),
    NAMED(CKR_KEY_FUNCTION_NOT_PERMITTED),
    NAMED(CKR_MECHANISM_INVALID),
    NAMED(CKR_MECHANISM_PARAM_INVALID),
    NAMED(CKR_OBJECT_HANDLE_INVALID),
    NAMED(CKR_OPERATION_ACTIVE),
    NAMED(CKR_OPERATION_NOT_INITIALIZED),
    NAMED(CKR_PIN_INCORRECT),
    NAMED(CKR_PIN_INVALID),
    NAMED(CKR_PIN_LEN_RANGE),
    NAMED(CKR_PIN_EXPIRED),
    NAMED(CKR_PIN_LOCKED),
    NAMED(CKR_SESSION_CLOSED),
    NAMED(CKR_SESSION_COUNT),
    NAMED(CKR_SESSION_HANDLE_INVALID),
    NAMED(CKR_SESSION_READ_ONLY),
    NAMED(CKR_SESSION_EXISTS),
    NAMED(CKR_TEMPLATE_INCOMPLETE),
    NAMED(CKR_TEMPLATE_INCONSISTENT),
    NAMED(CKR_TOKEN_NOT_PRESENT),
    NAMED(CKR_TOKEN_NOT_RECOGNIZED),
    NAMED(CKR_TOKEN_WRITE_PROTECTED),
    NAMED(CKR_USER_ALREADY_LOGGED_IN),
    NAMED(CKR_USER_NOT_LOGGED_IN),
    NAMED(CKR_USER_PIN_NOT_INITIALIZED),
    NAMED(CKR_USER_TYPE_INVALID),
    NAMED(CKR_BUFFER_TOO_SMALL),
    NAMED(CKR_CRYPTOKI_NOT_INITIALIZED),
    NAMED(CKR_CRYPTOKI_ALREADY_INITIALIZED),
    NAMED(CKR_FUNCTION_REJECTED),
#undef NAMED
};

/* "CKR_...", or "CKR 0x..." for a code without a name here. */
static const char *rv_name(CK_RV rv, char *buffer, size_t room)
{
    for (size_t i = 0; i < sizeof rv_names / sizeof rv_names[0]; i++) {
        if (rv_names[i].rv == rv)
            return rv_names[i].name;
    }
    snprintf(buffer, room, "CKR 0x%lx", rv);
    return buffer;
}

enum hsm_result module_result(CK_RV rv)
{
    switch (rv) {
    case CKR_OK:
        return HSM_OK;
    case CKR_PIN_INCORRECT:
    case CKR_PIN_LEN_RANGE:
    case CKR_PIN_INVALID:
        return HSM_WRONG_PIN;
    case CKR_PIN_LOCKED:
    case CKR_PIN_EXPIRED:
    case CKR_USER_PIN_NOT_INITIALIZED:
        return HSM_PIN_LOCKED;
    case CKR_OBJECT_HANDLE_INVALID:
    case CKR_KEY_HANDLE_INVALID:
        return HSM_NO_KEY;
    case CKR_MECHANISM_INVALID:
    case CKR_FUNCTION_NOT_SUPPORTED:
        return HSM_UNSUPPORTED;
    case CKR_DEVICE_MEMORY:
        return HSM_FULL;
    case CKR_HOST_MEMORY:
        return HSM_NO_MEMORY;
    case CKR_GENERAL_ERROR:
    case CKR_DEVICE_ERROR:
    case CKR_DEVICE_REMOVED:
    case CKR_TOKEN_NOT_PRESENT:
    case CKR_TOKEN_NOT_RECOGNIZED:
    case CKR_SESSION_HANDLE_INVALID:
    case CKR_SESSION_CLOSED:
    case CKR_USER_NOT_LOGGED_IN:
    case CKR_CRYPTOKI_NOT_INITIALIZED:
    case CKR_OPERATION_ACTIVE: /* a former operation can't be ended: only a new session helps */
        return HSM_LOST;
    default:
        return HSM_REFUSED;
    }
}

/* Coarse is enough, alarm(2) counts seconds; and it is no system call. */
static int64_t now_ms(void)
{
    struct timespec now = {0};
    clock_gettime(CLOCK_MONOTONIC_COARSE, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

void module_hold(struct module *module)
{
    int64_t now = now_ms();
    if (module->held && now - module->held_ms < MODULE_HOLD_SLACK_MS)
        return;
    module->held = true;
    module->held_ms = now;
    alarm(module->call_seconds + MODULE_HOLD_SLACK_MS / 1000);
}

void module_release(struct module *module)
{
    module->held = false;
    alarm(0);
}

void module_enter(const struct module *module)
{
    if (!module->held)
        alarm(module->call_seconds);
}

CK_RV module_leave(struct module *module, const char *call, CK_RV rv)
{
    if (!module->held)
        alarm(0);
    if (rv != CKR_OK) {
        module->fault_call = call;
        module->fault_rv = rv;
    }
    return rv;
}

const char *module_fault(struct module *module)
{
    char number[32];
    if (module->fault_call == NULL)
        return "";
    snprintf(module->fault_text, sizeof module->fault_text, "%s: %s", module->fault_call,
             rv_name(module->fault_rv, number, sizeof number));
    return module->fault_text;
}

static enum hsm_result load(struct module *module, const char *path, char *out_why, size_t room)
{
    module->library = dlopen(path, RTLD_NOW | RTLD_LOCAL);
    if (module->library == NULL) {
        snprintf(out_why, room, "%s", dlerror());
        return HSM_NO_MODULE;
    }
    CK_C_GetFunctionList get_list = NULL;
    void *symbol = dlsym(module->library, "C_GetFunctionList");
    memcpy(&get_list, &symbol, sizeof get_list); /* ISO C has no cast from object to function */
    if (get_list == NULL || get_list(&module->list) != CKR_OK || module->list == NULL) {
        snprintf(out_why, room, "%s is not a PKCS#11 module", path);
        return HSM_NO_MODULE;
    }
    return HSM_OK;
}

static enum hsm_result initialise(struct module *module, char *out_why, size_t room)
{
    CK_C_INITIALIZE_ARGS arguments = {.flags = CKF_OS_LOCKING_OK};
    CK_RV rv = MODULE_CALL(module, C_Initialize, &arguments);
    if (rv == CKR_OK || rv == CKR_CRYPTOKI_ALREADY_INITIALIZED)
        return HSM_OK;
    snprintf(out_why, room, "%s", module_fault(module));
    return HSM_NO_MODULE;
}

enum hsm_result module_open(const char *path, unsigned call_seconds, char *out_why, size_t room,
                            struct module **out_module)
{
    struct module *module = calloc(1, sizeof *module);
    if (module == NULL)
        return HSM_NO_MEMORY;
    module->call_seconds = call_seconds;
    enum hsm_result rc = load(module, path, out_why, room);
    if (rc == HSM_OK)
        rc = initialise(module, out_why, room);
    if (rc != HSM_OK) {
        if (module->library != NULL)
            dlclose(module->library);
        free(module);
        return rc;
    }
    *out_module = module;
    return HSM_OK;
}

void module_close(struct module **module)
{
    if (*module == NULL)
        return;
    if ((*module)->call_seconds > CLOSE_SECONDS)
        (*module)->call_seconds = CLOSE_SECONDS;
    (void)MODULE_CALL(*module, C_Finalize, NULL);
    dlclose((*module)->library);
    free(*module);
    *module = NULL;
}
