#include "trials.h"

#include <string.h>

#include "enrol.h"
#include "token_cipher.h"
#include "token_digest.h"
#include "token_ks.h"

#define KEY_BYTES 16
#define WRAPPED_BYTES_MAX 64

/* FIPS-197 C.1. */
static const struct secret128 fips_key = {{0x00, 0x01, 0x02, 0x03, 0x04, 0x05, 0x06, 0x07, 0x08,
                                           0x09, 0x0a, 0x0b, 0x0c, 0x0d, 0x0e, 0x0f}};
static const uint8_t fips_plain[16] = {0x00, 0x11, 0x22, 0x33, 0x44, 0x55, 0x66, 0x77,
                                       0x88, 0x99, 0xaa, 0xbb, 0xcc, 0xdd, 0xee, 0xff};
static const uint8_t fips_cipher[16] = {0x69, 0xc4, 0xe0, 0xd8, 0x6a, 0x7b, 0x04, 0x30,
                                        0xd8, 0xcd, 0xb7, 0x80, 0x70, 0xb4, 0xc5, 0x5a};

static enum hsm_result encrypts_as_fips(struct token *token, CK_OBJECT_HANDLE key)
{
    uint8_t out[16] = {0};
    struct token_cipher state;
    struct cipher cipher = token_cipher_start(&state, token, key);
    enum hsm_result rc = cipher.encrypt(cipher.context, fips_plain, out, 1);
    enum hsm_result end = token_cipher_end(&state);
    if (rc != HSM_OK || end != HSM_OK)
        return rc != HSM_OK ? rc : end;
    return memcmp(out, fips_cipher, sizeof out) == 0 ? HSM_OK : HSM_BAD_ANSWER;
}

/* A key as every K is, but of the session. */
static enum hsm_result import(struct token *token, CK_OBJECT_HANDLE *out_key)
{
    static const struct key_ref ref;
    struct enrol_key key = {key_source_clear(&fips_key), &ref, "nisim trial", false, false};
    return enrol_create_key(token, &key, out_key);
}

/* For what must be refused: done is wrong, any refusal right. */
static enum hsm_result must_refuse(CK_RV rv)
{
    enum hsm_result rc = module_result(rv);
    if (rc == HSM_OK)
        return HSM_BAD_ANSWER;
    return rc == HSM_LOST ? HSM_LOST : HSM_OK;
}

static enum hsm_result try_ecb(struct token *token)
{
    CK_OBJECT_HANDLE key = CK_INVALID_HANDLE;
    enum hsm_result rc = token_session_key(token, &fips_key, &key);
    return rc == HSM_OK ? encrypts_as_fips(token, key) : rc;
}

static enum hsm_result try_several_blocks(struct token *token)
{
    return token->abilities.several_blocks ? HSM_OK : HSM_UNSUPPORTED;
}

static enum hsm_result try_several_parts(struct token *token)
{
    return token->abilities.several_parts ? HSM_OK : HSM_UNSUPPORTED;
}

static enum hsm_result try_integrity(struct token *token)
{
    return token_find_integrity(token);
}

static enum hsm_result try_session_copy(struct token *token)
{
    return token->abilities.session_copy ? HSM_OK : HSM_UNSUPPORTED;
}

/* The same text gives the same MAC, another text another one. */
static enum hsm_result try_hmac(struct token *token)
{
    static const uint8_t texts[][4] = {{1, 2, 3, 4}, {1, 2, 3, 4}, {1, 2, 3, 5}};
    uint8_t macs[3][TOKEN_MAC_BYTES] = {{0}};
    for (size_t i = 0; i < 3; i++) {
        enum hsm_result rc = token_mac(token, texts[i], sizeof texts[i], macs[i]);
        if (rc != HSM_OK)
            return rc;
    }
    bool good = memcmp(macs[0], macs[1], TOKEN_MAC_BYTES) == 0 &&
                memcmp(macs[0], macs[2], TOKEN_MAC_BYTES) != 0;
    return good ? HSM_OK : HSM_BAD_ANSWER;
}

static enum hsm_result find_kek(struct token *token, CK_OBJECT_HANDLE *out_kek)
{
    CK_OBJECT_CLASS class = CKO_SECRET_KEY;
    CK_BBOOL yes = CK_TRUE;
    char label[] = TOKEN_KEK_LABEL;
    CK_ATTRIBUTE fit[] = {{CKA_CLASS, &class, sizeof class},
                          {CKA_TOKEN, &yes, sizeof yes},
                          {CKA_LABEL, label, sizeof label - 1}};
    return token_find_one(token, fit, sizeof fit / sizeof fit[0], out_kek);
}

static enum hsm_result try_kek(struct token *token)
{
    CK_OBJECT_HANDLE object = CK_INVALID_HANDLE;
    return find_kek(token, &object);
}

/* An AES session key made inside. */
static enum hsm_result generate(struct token *token, bool extractable, bool wraps,
                                CK_OBJECT_HANDLE *out_key)
{
    CK_MECHANISM mechanism = {.mechanism = CKM_AES_KEY_GEN};
    CK_ULONG key_bytes = KEY_BYTES;
    CK_BBOOL yes = CK_TRUE;
    CK_BBOOL no = CK_FALSE;
    CK_BBOOL can_leave = extractable ? CK_TRUE : CK_FALSE;
    CK_BBOOL can_wrap = wraps ? CK_TRUE : CK_FALSE;
    CK_ATTRIBUTE key[] = {{CKA_VALUE_LEN, &key_bytes, sizeof key_bytes},
                          {CKA_TOKEN, &no, sizeof no},
                          {CKA_PRIVATE, &yes, sizeof yes},
                          {CKA_SENSITIVE, &yes, sizeof yes},
                          {CKA_EXTRACTABLE, &can_leave, sizeof can_leave},
                          {CKA_ENCRYPT, &yes, sizeof yes},
                          {CKA_WRAP, &can_wrap, sizeof can_wrap}};
    return module_result(MODULE_CALL(token->module, C_GenerateKey, token->session, &mechanism, key,
                                     sizeof key / sizeof key[0], out_key));
}

/* RFC 3394: the wrapped form is one block of 8 bytes longer. */
static enum hsm_result try_key_wrap(struct token *token)
{
    CK_MECHANISM mechanism = {.mechanism = CKM_AES_KEY_WRAP};
    CK_OBJECT_HANDLE kek = CK_INVALID_HANDLE;
    CK_OBJECT_HANDLE key = CK_INVALID_HANDLE;
    uint8_t wrapped[WRAPPED_BYTES_MAX] = {0};
    CK_ULONG wrapped_bytes = sizeof wrapped;
    enum hsm_result rc = find_kek(token, &kek);
    if (rc == HSM_OK)
        rc = generate(token, true, false, &key);
    if (rc != HSM_OK)
        return rc;
    rc = module_result(MODULE_CALL(token->module, C_WrapKey, token->session, &mechanism, kek, key,
                                   wrapped, &wrapped_bytes));
    if (rc != HSM_OK)
        return rc;
    return wrapped_bytes == KEY_BYTES + 8 ? HSM_OK : HSM_BAD_ANSWER;
}

/* The first use of a KEK proves the whole way by a known answer (token_ks.h). */
static enum hsm_result try_ks(struct token *token)
{
    const struct gba_key nothing = {{0}};
    struct token_wrapped_ks wrapped = {.bytes = {0}};
    return token_ks_wrap(token, &nothing, &wrapped);
}

static enum hsm_result try_import(struct token *token)
{
    CK_OBJECT_HANDLE key = CK_INVALID_HANDLE;
    enum hsm_result rc = import(token, &key);
    if (rc == HSM_OK)
        rc = enrol_check_rights(token, key);
    return rc == HSM_OK ? encrypts_as_fips(token, key) : rc;
}

static enum hsm_result try_unreadable(struct token *token)
{
    CK_OBJECT_HANDLE key = CK_INVALID_HANDLE;
    uint8_t bytes[KEY_BYTES] = {0};
    CK_ATTRIBUTE value = {CKA_VALUE, bytes, sizeof bytes};
    enum hsm_result rc = import(token, &key);
    if (rc != HSM_OK)
        return rc;
    return must_refuse(
        MODULE_CALL(token->module, C_GetAttributeValue, token->session, key, &value, 1));
}

/* On a key that may be changed, so that it is this change that is refused. */
static enum hsm_result try_no_way_back(struct token *token)
{
    CK_OBJECT_HANDLE key = CK_INVALID_HANDLE;
    CK_OBJECT_HANDLE copy = CK_INVALID_HANDLE;
    CK_BBOOL yes = CK_TRUE;
    CK_BBOOL no = CK_FALSE;
    CK_ATTRIBUTE open[] = {{CKA_SENSITIVE, &no, sizeof no}, {CKA_EXTRACTABLE, &yes, sizeof yes}};
    enum hsm_result rc = token_session_key(token, &fips_key, &key);
    for (size_t i = 0; rc == HSM_OK && i < 2; i++)
        rc = must_refuse(
            MODULE_CALL(token->module, C_SetAttributeValue, token->session, key, &open[i], 1));
    for (size_t i = 0; rc == HSM_OK && i < 2; i++)
        rc = must_refuse(
            MODULE_CALL(token->module, C_CopyObject, token->session, key, &open[i], 1, &copy));
    return rc;
}

static enum hsm_result try_wrap_refused(struct token *token)
{
    static const CK_MECHANISM_TYPE ways[] = {CKM_AES_KEY_WRAP, CKM_AES_KEY_WRAP_PAD, CKM_AES_ECB};
    CK_OBJECT_HANDLE key = CK_INVALID_HANDLE;
    CK_OBJECT_HANDLE wrapping = CK_INVALID_HANDLE;
    enum hsm_result rc = import(token, &key);
    if (rc == HSM_OK)
        rc = generate(token, false, true, &wrapping);
    for (size_t i = 0; rc == HSM_OK && i < sizeof ways / sizeof ways[0]; i++) {
        CK_MECHANISM mechanism = {.mechanism = ways[i]};
        uint8_t wrapped[WRAPPED_BYTES_MAX] = {0};
        CK_ULONG wrapped_bytes = sizeof wrapped;
        rc = must_refuse(MODULE_CALL(token->module, C_WrapKey, token->session, &mechanism, wrapping,
                                     key, wrapped, &wrapped_bytes));
    }
    return rc;
}

/* CBC with a key that allows ECB alone. A token that starts it must also end it. */
static enum hsm_result try_allowed_mechanisms(struct token *token)
{
    uint8_t iv[16] = {0};
    uint8_t block[16] = {0};
    uint8_t out[16] = {0};
    CK_ULONG out_bytes = sizeof out;
    CK_MECHANISM mechanism = {CKM_AES_CBC, iv, sizeof iv};
    CK_OBJECT_HANDLE key = CK_INVALID_HANDLE;
    enum hsm_result rc = import(token, &key);
    if (rc != HSM_OK)
        return rc;
    rc = must_refuse(MODULE_CALL(token->module, C_EncryptInit, token->session, &mechanism, key));
    if (rc == HSM_BAD_ANSWER && MODULE_CALL(token->module, C_Encrypt, token->session, block,
                                            sizeof block, out, &out_bytes) != CKR_OK)
        rc = HSM_LOST;
    return rc;
}

static enum hsm_result try_digest_md5(struct token *token)
{
    return token_digest_prove(token, DIGEST_MD5);
}

static enum hsm_result try_digest_sha_256(struct token *token)
{
    return token_digest_prove(token, DIGEST_SHA_256);
}

static enum hsm_result try_digest_sha_512_256(struct token *token)
{
    return token_digest_prove(token, DIGEST_SHA_512_256);
}

static const struct trial list[] = {
    {"AES-ECB (FIPS-197)", TRIAL_NEEDED, try_ecb},
    {"Milenage known answers (TS 35.208)", TRIAL_NEEDED, token_prove},
    {"several blocks in one call", TRIAL_WANTED, try_several_blocks},
    {"several parts in one operation", TRIAL_WANTED, try_several_parts},
    {"integrity key of nisim-token init", TRIAL_NEEDED, try_integrity},
    {"HMAC-SHA-256 with it", TRIAL_NEEDED, try_hmac},
    {"copies of token keys in the session", TRIAL_WANTED, try_session_copy},
    {"KEK of nisim-token init", TRIAL_NEEDED, try_kek},
    {"AES key wrap with it (RFC 3394)", TRIAL_WANTED, try_key_wrap},
    {"Ks of GBA under the KEK, and its HMAC", TRIAL_WANTED, try_ks},
    {"key import: sensitive, encrypt only", TRIAL_NEEDED, try_import},
    {"an imported key can't be read", TRIAL_NEEDED, try_unreadable},
    {"its rights can't be turned back", TRIAL_NEEDED, try_no_way_back},
    {"it can't be wrapped", TRIAL_NEEDED, try_wrap_refused},
    {"it serves allowed mechanisms only", TRIAL_WANTED, try_allowed_mechanisms},
    {"H(A1) of SIP digest stays: MD5", TRIAL_WANTED, try_digest_md5},
    {"H(A1) of SIP digest stays: SHA-256", TRIAL_WANTED, try_digest_sha_256},
    {"H(A1) of SIP digest stays: SHA-512-256", TRIAL_WANTED, try_digest_sha_512_256},
};

const struct trial *trials_list(size_t *out_count)
{
    *out_count = sizeof list / sizeof list[0];
    return list;
}
