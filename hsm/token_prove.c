/* What a token must show before it is used: known answers, and which ways of asking it takes. */
#include <string.h>

#include "milenage.h"
#include "token.h"
#include "token_cipher.h"

/* TS 35.208 test set 3: public test data. */
static const struct secret128 known_k = {{0xfe, 0xc8, 0x6b, 0xa6, 0xeb, 0x70, 0x7e, 0xd0, 0x89,
                                          0x05, 0x75, 0x7b, 0x1b, 0xb4, 0x4b, 0x8f}};
static const struct secret128 known_opc = {{0x10, 0x06, 0x02, 0x0f, 0x0a, 0x47, 0x8b, 0xf6, 0xb6,
                                            0x99, 0xf1, 0x5c, 0x06, 0x2e, 0x42, 0xb3}};
static const uint8_t known_rand[16] = {0x9f, 0x7c, 0x8d, 0x02, 0x1a, 0xcc, 0xf4, 0xdb,
                                       0x21, 0x3c, 0xcf, 0xf0, 0xc7, 0xf7, 0x1a, 0x6a};
static const uint8_t known_sqn[6] = {0x9d, 0x02, 0x77, 0x59, 0x5f, 0xfc};
static const uint8_t known_amf[2] = {0x72, 0x5c};
static const uint8_t known_mac_a[8] = {0x9c, 0xab, 0xc3, 0xe9, 0x9b, 0xaf, 0x72, 0x81};
static const uint8_t known_mac_s[8] = {0x95, 0x81, 0x4b, 0xa2, 0xb3, 0x04, 0x43, 0x24};
static const uint8_t known_res[8] = {0x80, 0x11, 0xc4, 0x8c, 0x0c, 0x21, 0x4e, 0xd2};
static const uint8_t known_ck[16] = {0x5d, 0xbd, 0xbb, 0x29, 0x54, 0xe8, 0xf3, 0xcd,
                                     0xe6, 0x65, 0xb0, 0x46, 0x17, 0x9a, 0x50, 0x98};
static const uint8_t known_ik[16] = {0x59, 0xa9, 0x2d, 0x3b, 0x47, 0x6a, 0x04, 0x43,
                                     0x48, 0x70, 0x55, 0xcf, 0x88, 0xb2, 0x30, 0x7b};
static const uint8_t known_ak[6] = {0x33, 0x48, 0x4d, 0xc2, 0x13, 0x6b};
static const uint8_t known_ak_star[6] = {0xde, 0xac, 0xdd, 0x84, 0x8c, 0xc6};

enum hsm_result token_session_key(struct token *token, const struct secret128 *value,
                                  CK_OBJECT_HANDLE *out_key)
{
    ERASED(secret128) struct secret128 copy = *value; /* PKCS#11 has no const */
    CK_OBJECT_CLASS class = CKO_SECRET_KEY;
    CK_KEY_TYPE type = CKK_AES;
    CK_BBOOL yes = CK_TRUE;
    CK_BBOOL no = CK_FALSE;
    CK_ATTRIBUTE key[] = {{CKA_CLASS, &class, sizeof class},   {CKA_KEY_TYPE, &type, sizeof type},
                          {CKA_TOKEN, &no, sizeof no},         {CKA_PRIVATE, &yes, sizeof yes},
                          {CKA_SENSITIVE, &yes, sizeof yes},   {CKA_EXTRACTABLE, &no, sizeof no},
                          {CKA_ENCRYPT, &yes, sizeof yes},     {CKA_DECRYPT, &no, sizeof no},
                          {CKA_VALUE, copy.bytes, sizeof copy}};
    return module_result(MODULE_CALL(token->module, C_CreateObject, token->session, key,
                                     sizeof key / sizeof key[0], out_key));
}

static bool outputs_are_known(const struct milenage *out, const struct secret64 *mac_a,
                              const struct secret64 *mac_s)
{
    return secret_equal(out->res.bytes, known_res, sizeof known_res) &&
           secret_equal(out->ck.bytes, known_ck, sizeof known_ck) &&
           secret_equal(out->ik.bytes, known_ik, sizeof known_ik) &&
           secret_equal(out->ak, known_ak, sizeof known_ak) &&
           secret_equal(out->ak_star, known_ak_star, sizeof known_ak_star) &&
           secret_equal(mac_a->bytes, known_mac_a, sizeof known_mac_a) &&
           secret_equal(mac_s->bytes, known_mac_s, sizeof known_mac_s);
}

static enum hsm_result known_answers(struct token *token)
{
    ERASED(milenage) struct milenage out = {0};
    struct secret64 mac_a = {0};
    struct secret64 mac_s = {0};
    struct token_cipher state;
    struct cipher cipher = token_cipher_start(&state, token, token->probe);
    enum hsm_result rc = milenage_begin(&cipher, &known_opc, known_rand, &out);
    if (rc == HSM_OK)
        rc = milenage_f1(&cipher, &out, known_sqn, known_amf, &mac_a, &mac_s);
    enum hsm_result end = token_cipher_end(&state);
    if (rc != HSM_OK || end != HSM_OK)
        return rc != HSM_OK ? rc : end;
    return outputs_are_known(&out, &mac_a, &mac_s) ? HSM_OK : HSM_BAD_ANSWER;
}

/* Tries one way of asking; a way that fails or answers wrongly is not used. */
static enum hsm_result try_way(struct token *token, bool *ability)
{
    *ability = true;
    enum hsm_result rc = known_answers(token);
    *ability = rc == HSM_OK;
    return rc == HSM_LOST ? rc : HSM_OK;
}

enum hsm_result token_prove(struct token *token)
{
    enum hsm_result rc = HSM_OK;
    token->abilities.several_blocks = false;
    token->abilities.several_parts = false;
    if (token->probe == CK_INVALID_HANDLE)
        rc = token_session_key(token, &known_k, &token->probe);
    if (rc == HSM_OK)
        rc = known_answers(token);
    if (rc == HSM_OK)
        rc = try_way(token, &token->abilities.several_blocks);
    if (rc == HSM_OK)
        rc = try_way(token, &token->abilities.several_parts);
    return rc;
}
