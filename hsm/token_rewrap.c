#include "token_rewrap.h"

#include <string.h>

#include "token_kek.h"

static enum hsm_result unwrap(struct token *token, CK_OBJECT_HANDLE from, const uint8_t *wrapped,
                              size_t bytes, CK_OBJECT_HANDLE *out_key)
{
    CK_MECHANISM mechanism = {.mechanism = CKM_AES_KEY_WRAP};
    CK_OBJECT_CLASS class = CKO_SECRET_KEY;
    CK_KEY_TYPE type = CKK_GENERIC_SECRET;
    CK_BBOOL yes = CK_TRUE;
    CK_BBOOL no = CK_FALSE;
    CK_ATTRIBUTE key[] = {{CKA_CLASS, &class, sizeof class}, {CKA_KEY_TYPE, &type, sizeof type},
                          {CKA_TOKEN, &no, sizeof no},       {CKA_PRIVATE, &yes, sizeof yes},
                          {CKA_SENSITIVE, &yes, sizeof yes}, {CKA_EXTRACTABLE, &yes, sizeof yes},
                          {CKA_SIGN, &no, sizeof no},        {CKA_VERIFY, &no, sizeof no},
                          {CKA_DERIVE, &no, sizeof no}};
    CK_RV rv = MODULE_CALL(token->module, C_UnwrapKey, token->session, &mechanism, from,
                           (unsigned char *)(uintptr_t)wrapped, bytes, key,
                           sizeof key / sizeof key[0], out_key);
    return token_kek_unwrap_result(token, rv);
}

enum hsm_result token_rewrap(struct token *token, CK_OBJECT_HANDLE from, CK_OBJECT_HANDLE to,
                             const uint8_t *wrapped, size_t bytes, uint8_t *out_wrapped)
{
    CK_MECHANISM mechanism = {.mechanism = CKM_AES_KEY_WRAP};
    uint8_t again[TOKEN_REWRAP_BYTES_MAX];
    CK_ULONG again_bytes = sizeof again;
    CK_OBJECT_HANDLE key = CK_INVALID_HANDLE;
    enum hsm_result rc = unwrap(token, from, wrapped, bytes, &key);
    if (rc != HSM_OK)
        return rc;
    rc = module_result(MODULE_CALL(token->module, C_WrapKey, token->session, &mechanism, to, key,
                                   again, &again_bytes));
    enum hsm_result end = token_destroy(token, key);
    if (rc != HSM_OK || end != HSM_OK)
        return rc != HSM_OK ? rc : end;
    if (again_bytes != bytes)
        return HSM_UNSUPPORTED;
    memcpy(out_wrapped, again, bytes);
    return HSM_OK;
}
