/* A PKCS#11 module that never answers. */
#include <p11-kit/pkcs11.h>
#include <unistd.h>

static CK_RV hang(void *arguments)
{
    (void)arguments;
    pause();
    return CKR_GENERAL_ERROR;
}

__attribute__((visibility("default"))) CK_RV C_GetFunctionList(CK_FUNCTION_LIST **out_list)
{
    static CK_FUNCTION_LIST list = {.C_Initialize = hang, .C_Finalize = hang};
    *out_list = &list;
    return CKR_OK;
}
