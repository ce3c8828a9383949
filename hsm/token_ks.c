#include "token_ks.h"

#include <string.h>

#include "token_kek.h"

/* Test set 3 of TS 35.208 once more: its CK || IK, and a NAF's key of it. Public test data. */
static const struct gba_key known_ks = {{0x5d, 0xbd, 0xbb, 0x29, 0x54, 0xe8, 0xf3, 0xcd,
                                         0xe6, 0x65, 0xb0, 0x46, 0x17, 0x9a, 0x50, 0x98,
                                         0x59, 0xa9, 0x2d, 0x3b, 0x47, 0x6a, 0x04, 0x43,
                                         0x48, 0x70, 0x55, 0xcf, 0x88, 0xb2, 0x30, 0x7b}};
static const uint8_t known_rand[16] = {0x9f, 0x7c, 0x8d, 0x02, 0x1a, 0xcc, 0xf4, 0xdb,
                                       0x21, 0x3c, 0xcf, 0xf0, 0xc7, 0xf7, 0x1a, 0x6a};
static const char known_impi[] = "001010000000001@ims.mnc001.mcc001.3gppnetwork.org";
static const uint8_t known_naf_id[] = {'n', 'a', 'f', '.', 'e', 'x', 'a', 'm', 'p', 'l',
                                       'e', '.', 'c', 'o', 'm', 1,   0,   0,   0,   2};
static const uint8_t known_key[GBA_KEY_BYTES] = {
    0x3b, 0xf6, 0x0d, 0x30, 0x37, 0x70, 0xea, 0x06, 0x7c, 0xd7, 0xf8, 0x4e, 0x40, 0xbd, 0x84, 0xdb,
    0xc4, 0x6a, 0xb7, 0xa8, 0x21, 0x87, 0x2e, 0x3c, 0x13, 0x71, 0x67, 0x35, 0x58, 0x6f, 0x29, 0xa6};

/* Extractable, or it could not be wrapped; destroyed as soon as it is. */
static enum hsm_result create(struct token *token, const struct gba_key *ks,
                              CK_OBJECT_HANDLE *out_object)
{
    ERASED(gba_key) struct gba_key copy = *ks; /* PKCS#11 has no const */
    CK_OBJECT_CLASS class = CKO_SECRET_KEY;
    CK_KEY_TYPE type = CKK_GENERIC_SECRET;
    CK_BBOOL yes = CK_TRUE;
    CK_BBOOL no = CK_FALSE;
    CK_ATTRIBUTE key[] = {{CKA_CLASS, &class, sizeof class},   {CKA_KEY_TYPE, &type, sizeof type},
                          {CKA_TOKEN, &no, sizeof no},         {CKA_PRIVATE, &yes, sizeof yes},
                          {CKA_SENSITIVE, &yes, sizeof yes},   {CKA_EXTRACTABLE, &yes, sizeof yes},
                          {CKA_SIGN, &no, sizeof no},          {CKA_VERIFY, &no, sizeof no},
                          {CKA_VALUE, copy.bytes, sizeof copy}};
    return module_result(MODULE_CALL(token->module, C_CreateObject, token->session, key,
                                     sizeof key / sizeof key[0], out_object));
}

static enum hsm_result wrap_object(struct token *token, CK_OBJECT_HANDLE kek,
                                   CK_OBJECT_HANDLE object, struct token_wrapped_ks *out_wrapped)
{
    CK_MECHANISM mechanism = {.mechanism = CKM_AES_KEY_WRAP};
    CK_ULONG bytes = sizeof out_wrapped->bytes;
    CK_RV rv = MODULE_CALL(token->module, C_WrapKey, token->session, &mechanism, kek, object,
                           out_wrapped->bytes, &bytes);
    if (rv != CKR_OK)
        return module_result(rv);
    return bytes == sizeof out_wrapped->bytes ? HSM_OK : HSM_UNSUPPORTED;
}

static enum hsm_result wrap(struct token *token, CK_OBJECT_HANDLE kek, const struct gba_key *ks,
                            struct token_wrapped_ks *out_wrapped)
{
    CK_OBJECT_HANDLE object = CK_INVALID_HANDLE;
    enum hsm_result rc = create(token, ks, &object);
    if (rc != HSM_OK)
        return rc;
    rc = wrap_object(token, kek, object, out_wrapped);
    enum hsm_result end = token_destroy(token, object);
    return rc != HSM_OK ? rc : end;
}

/* It can sign, and that is all. */
static enum hsm_result unwrap(struct token *token, CK_OBJECT_HANDLE kek,
                              const struct token_wrapped_ks *wrapped, CK_OBJECT_HANDLE *out_object)
{
    CK_MECHANISM mechanism = {.mechanism = CKM_AES_KEY_WRAP};
    struct token_wrapped_ks copy = *wrapped; /* PKCS#11 has no const */
    CK_OBJECT_CLASS class = CKO_SECRET_KEY;
    CK_KEY_TYPE type = CKK_GENERIC_SECRET;
    CK_BBOOL yes = CK_TRUE;
    CK_BBOOL no = CK_FALSE;
    CK_ATTRIBUTE key[] = {{CKA_CLASS, &class, sizeof class}, {CKA_KEY_TYPE, &type, sizeof type},
                          {CKA_TOKEN, &no, sizeof no},       {CKA_PRIVATE, &yes, sizeof yes},
                          {CKA_SENSITIVE, &yes, sizeof yes}, {CKA_EXTRACTABLE, &no, sizeof no},
                          {CKA_SIGN, &yes, sizeof yes},      {CKA_VERIFY, &no, sizeof no},
                          {CKA_DERIVE, &no, sizeof no}};
    CK_RV rv = MODULE_CALL(token->module, C_UnwrapKey, token->session, &mechanism, kek, copy.bytes,
                           sizeof copy.bytes, key, sizeof key / sizeof key[0], out_object);
    return token_kek_unwrap_result(token, rv);
}

static enum hsm_result derive(struct token *token, CK_OBJECT_HANDLE kek,
                              const struct token_wrapped_ks *wrapped, const uint8_t *input,
                              size_t input_bytes, struct gba_key *out_key)
{
    CK_OBJECT_HANDLE object = CK_INVALID_HANDLE;
    enum hsm_result rc = unwrap(token, kek, wrapped, &object);
    if (rc != HSM_OK)
        return rc;
    rc = token_hmac(token, object, input, input_bytes, out_key->bytes);
    enum hsm_result end = token_destroy(token, object);
    return rc != HSM_OK ? rc : end;
}

static enum hsm_result prove(struct token *token, CK_OBJECT_HANDLE kek)
{
    uint8_t input[GBA_INPUT_BYTES_MAX];
    struct token_wrapped_ks wrapped = {.bytes = {0}};
    ERASED(gba_key) struct gba_key key = {{0}};
    const struct gba_naf naf = {known_rand, known_impi, known_naf_id, sizeof known_naf_id};
    size_t input_bytes = gba_naf_input(GBA_KS_EXT_NAF, &naf, input);
    enum hsm_result rc = wrap(token, kek, &known_ks, &wrapped);
    if (rc == HSM_OK)
        rc = derive(token, kek, &wrapped, input, input_bytes, &key);
    if (rc != HSM_OK)
        return rc;
    return secret_equal(key.bytes, known_key, sizeof known_key) ? HSM_OK : HSM_UNSUPPORTED;
}

/* A process proves each KEK that it comes to wrap under, and the first that it unwraps with. */
static enum hsm_result make_sure(struct token *token, CK_OBJECT_HANDLE kek)
{
    if (token->kek == kek)
        return HSM_OK;
    enum hsm_result rc = prove(token, kek);
    if (rc == HSM_OK)
        token->kek = kek;
    return rc;
}

enum hsm_result token_ks_wrap(struct token *token, const struct gba_key *ks,
                              struct token_wrapped_ks *out_wrapped)
{
    struct kek_id newest = {{0}};
    CK_OBJECT_HANDLE kek = CK_INVALID_HANDLE;
    enum hsm_result rc = token_kek_newest(token, &newest);
    if (rc == HSM_OK)
        rc = token_kek_find(token, &newest, &kek);
    if (rc == HSM_OK)
        rc = make_sure(token, kek);
    if (rc == HSM_OK)
        rc = wrap(token, kek, ks, out_wrapped);
    if (rc == HSM_OK)
        out_wrapped->kek = newest;
    return rc;
}

enum hsm_result token_ks_mac(struct token *token, const struct token_wrapped_ks *wrapped,
                             const uint8_t *input, size_t input_bytes, struct gba_key *out_key)
{
    struct kek_id newest = {{0}};
    CK_OBJECT_HANDLE kek = CK_INVALID_HANDLE;
    enum hsm_result rc = token_kek_newest(token, &newest);
    if (rc == HSM_OK)
        rc = token_kek_find(token, &wrapped->kek, &kek);
    if (rc == HSM_OK && token->kek == CK_INVALID_HANDLE)
        rc = make_sure(token, kek);
    return rc == HSM_OK ? derive(token, kek, wrapped, input, input_bytes, out_key) : rc;
}
