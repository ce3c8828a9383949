#include "key_source.h"

#define COPY_CHANGES 7

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

static enum hsm_result make_generated(const void *context, struct token *token,
                                      CK_ATTRIBUTE *attributes, CK_ULONG count,
                                      CK_OBJECT_HANDLE *out_key)
{
    CK_MECHANISM mechanism = {.mechanism = CKM_AES_KEY_GEN};
    CK_ULONG bytes = sizeof(struct secret128);
    (void)context;
    attributes[count] = (CK_ATTRIBUTE){CKA_VALUE_LEN, &bytes, sizeof bytes};
    return module_result(MODULE_CALL(token->module, C_GenerateKey, token->session, &mechanism,
                                     attributes, count + 1, out_key));
}

struct key_source key_source_generated(void)
{
    return (struct key_source){make_generated, NULL};
}

static enum hsm_result make_copy(const void *context, struct token *token, CK_ATTRIBUTE *attributes,
                                 CK_ULONG count, CK_OBJECT_HANDLE *out_key)
{
    static const CK_ATTRIBUTE_TYPE changed[COPY_CHANGES] = {
        CKA_TOKEN, CKA_EXTRACTABLE, CKA_ENCRYPT, CKA_WRAP, CKA_UNWRAP, CKA_ID, CKA_LABEL};
    CK_OBJECT_HANDLE object = *(const CK_OBJECT_HANDLE *)context;
    CK_ATTRIBUTE wanted[COPY_CHANGES];
    CK_ULONG used = 0;
    for (CK_ULONG i = 0; i < count; i++) {
        for (size_t j = 0; j < COPY_CHANGES && used < COPY_CHANGES; j++) {
            if (attributes[i].type == changed[j])
                wanted[used++] = attributes[i];
        }
    }
    return module_result(
        MODULE_CALL(token->module, C_CopyObject, token->session, object, wanted, used, out_key));
}

struct key_source key_source_copy(const CK_OBJECT_HANDLE *object)
{
    return (struct key_source){make_copy, object};
}
