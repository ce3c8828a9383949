#include "token_sign.h"

#include <string.h>

#define COUNT_OF(list) (sizeof(list) / sizeof((list)[0]))
#define POINT_WRAP_BYTES 2 /* CKA_EC_POINT is the point in a DER OCTET STRING */

enum hsm_result token_make_signer(struct token *token)
{
    CK_MECHANISM mechanism = {.mechanism = CKM_EC_KEY_PAIR_GEN};
    CK_MECHANISM_TYPE allowed[] = {CKM_ECDSA};
    uint8_t p256[] = {0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07};
    char label[] = TOKEN_AUDIT_LABEL;
    CK_BBOOL yes = CK_TRUE;
    CK_BBOOL no = CK_FALSE;
    CK_ATTRIBUTE public_key[] = {{CKA_TOKEN, &yes, sizeof yes},
                                 {CKA_PRIVATE, &no, sizeof no},
                                 {CKA_VERIFY, &yes, sizeof yes},
                                 {CKA_EC_PARAMS, p256, sizeof p256},
                                 {CKA_LABEL, label, sizeof label - 1}};
    CK_ATTRIBUTE private_key[] = {
        {CKA_TOKEN, &yes, sizeof yes},        {CKA_PRIVATE, &yes, sizeof yes},
        {CKA_SENSITIVE, &yes, sizeof yes},    {CKA_EXTRACTABLE, &no, sizeof no},
        {CKA_SIGN, &yes, sizeof yes},         {CKA_DECRYPT, &no, sizeof no},
        {CKA_DERIVE, &no, sizeof no},         {CKA_UNWRAP, &no, sizeof no},
        {CKA_LABEL, label, sizeof label - 1}, {CKA_ALLOWED_MECHANISMS, allowed, sizeof allowed}};
    CK_OBJECT_HANDLE made[2] = {CK_INVALID_HANDLE, CK_INVALID_HANDLE};
    return module_result(MODULE_CALL(token->module, C_GenerateKeyPair, token->session, &mechanism,
                                     public_key, COUNT_OF(public_key), private_key,
                                     COUNT_OF(private_key), &made[0], &made[1]));
}

static enum hsm_result find(struct token *token, CK_OBJECT_CLASS class,
                            CK_OBJECT_HANDLE *out_object)
{
    CK_BBOOL yes = CK_TRUE;
    char label[] = TOKEN_AUDIT_LABEL;
    CK_ATTRIBUTE fit[] = {{CKA_CLASS, &class, sizeof class},
                          {CKA_TOKEN, &yes, sizeof yes},
                          {CKA_LABEL, label, sizeof label - 1}};
    return token_find_one(token, fit, COUNT_OF(fit), out_object);
}

static enum hsm_result read_point(struct token *token, CK_OBJECT_HANDLE object,
                                  uint8_t out_point[TOKEN_POINT_BYTES])
{
    uint8_t wrapped[POINT_WRAP_BYTES + TOKEN_POINT_BYTES] = {0};
    CK_ATTRIBUTE point = {CKA_EC_POINT, wrapped, sizeof wrapped};
    enum hsm_result rc = module_result(
        MODULE_CALL(token->module, C_GetAttributeValue, token->session, object, &point, 1));
    if (rc != HSM_OK)
        return rc;
    if (point.ulValueLen != sizeof wrapped || wrapped[0] != 0x04 ||
        wrapped[1] != TOKEN_POINT_BYTES || wrapped[POINT_WRAP_BYTES] != 0x04)
        return HSM_BAD_ANSWER;
    memcpy(out_point, wrapped + POINT_WRAP_BYTES, TOKEN_POINT_BYTES);
    return HSM_OK;
}

enum hsm_result token_find_signer(struct token *token, struct token_signer *out_signer)
{
    struct token_signer signer = {.key = CK_INVALID_HANDLE};
    CK_OBJECT_HANDLE public_key = CK_INVALID_HANDLE;
    enum hsm_result rc = find(token, CKO_PRIVATE_KEY, &signer.key);
    if (rc == HSM_OK)
        rc = find(token, CKO_PUBLIC_KEY, &public_key);
    if (rc == HSM_OK)
        rc = read_point(token, public_key, signer.point);
    if (rc == HSM_OK)
        *out_signer = signer;
    return rc;
}

enum hsm_result token_sign(struct token *token, const struct token_signer *signer,
                           const uint8_t digest[TOKEN_DIGEST_BYTES],
                           uint8_t out_signature[TOKEN_SIGNATURE_BYTES])
{
    CK_MECHANISM mechanism = {.mechanism = CKM_ECDSA};
    uint8_t signature[TOKEN_SIGNATURE_BYTES] = {0};
    CK_ULONG length = sizeof signature;
    CK_RV rv = MODULE_CALL(token->module, C_SignInit, token->session, &mechanism, signer->key);
    if (rv == CKR_OK)
        rv = MODULE_CALL(token->module, C_Sign, token->session, (unsigned char *)(uintptr_t)digest,
                         TOKEN_DIGEST_BYTES, signature, &length);
    if (rv != CKR_OK)
        return module_result(rv);
    if (length != sizeof signature)
        return HSM_BAD_ANSWER;
    memcpy(out_signature, signature, sizeof signature);
    return HSM_OK;
}
