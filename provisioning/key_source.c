#include "key_source.h"

static enum hsm_result make_clear(const void *context, struct token *token,
                                  CK_ATTRIBUTE *attributes, CK_ULONG count,
                                  CK_OBJECT_HANDLE *out_key)
{
    ERASED(secret128) struct secret128 value = *(const struct secret128 *)context;
    attributes[count] = (CK_ATTRIBUTE){CKA_VALUE, value.bytes, sizeof value.bytes};
    return module_result(
        MODULE_CALL(token->module, C_CreateObject, token->session, attributes, count + 1, out_key));
}

struct key_source key_source_clear(const struct secret128 *k)
{
    return (struct key_source){make_clear, k};
}
