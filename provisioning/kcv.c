#include "kcv.h"

#include <string.h>

#include "hex.h"
#include "token_cipher.h"
#include "token_digest.h"

#define CMAC_CONSTANT 0x87 /* SP 800-38B 5.3: R_128 */

static const char *const prefixes[] = {
    [KCV_ECB] = "", [KCV_CMAC] = KCV_CMAC_PREFIX, [KCV_SHA256] = KCV_SHA256_PREFIX};

static bool take_text(const char *text, size_t length, enum kcv_method method, struct kcv *out_kcv)
{
    struct kcv kcv = {.method = method};
    size_t prefix_bytes = strlen(prefixes[method]);
    if (length < prefix_bytes || memcmp(text, prefixes[method], prefix_bytes) != 0)
        return false;
    kcv.length = (length - prefix_bytes) / 2;
    if (kcv.length < KCV_BYTES || kcv.length > KCV_BYTES_MAX ||
        !hex_decode(text + prefix_bytes, length - prefix_bytes, kcv.bytes, kcv.length))
        return false;
    *out_kcv = kcv;
    return true;
}

bool kcv_from_text(const char *text, size_t length, struct kcv *out_kcv)
{
    return take_text(text, length, KCV_CMAC, out_kcv) || take_text(text, length, KCV_ECB, out_kcv);
}

bool kcv_of_ha1_from_text(const char *text, size_t length, struct kcv *out_kcv)
{
    return take_text(text, length, KCV_SHA256, out_kcv);
}

void kcv_to_text(const struct kcv *kcv, char out_text[KCV_TEXT_BYTES])
{
    size_t used = strlen(prefixes[kcv->method]);
    memcpy(out_text, prefixes[kcv->method], used);
    hex_encode(kcv->bytes, kcv->length, out_text + used);
}

/* Times x in GF(2^128): SP 800-38B 6.1. */
static void double_block(struct secret128 *block)
{
    uint8_t carry = 0;
    for (size_t i = sizeof block->bytes; i-- > 0;) {
        uint8_t next = block->bytes[i] >> 7;
        block->bytes[i] = (uint8_t)(block->bytes[i] << 1 | carry);
        carry = next;
    }
    if (carry != 0)
        block->bytes[sizeof block->bytes - 1] ^= CMAC_CONSTANT;
}

/* The message is one whole block of zeros, so that the last block is the first subkey itself. */
static enum hsm_result check_value(struct token *token, CK_OBJECT_HANDLE key, bool cmac,
                                   struct secret128 *out)
{
    static const struct secret128 zero;
    ERASED(secret128) struct secret128 subkey = {0};
    enum hsm_result rc = token_cipher_once(token, key, &zero, cmac ? &subkey : out);
    if (rc != HSM_OK || !cmac)
        return rc;
    double_block(&subkey);
    return token_cipher_once(token, key, &subkey, out);
}

enum hsm_result kcv_of(struct token *token, CK_OBJECT_HANDLE key, struct kcv *out_kcv)
{
    ERASED(secret128) struct secret128 value = {0};
    enum hsm_result rc = check_value(token, key, false, &value);
    if (rc != HSM_OK)
        return rc;
    *out_kcv = (struct kcv){.length = KCV_BYTES};
    memcpy(out_kcv->bytes, value.bytes, KCV_BYTES);
    return HSM_OK;
}

enum hsm_result kcv_check(struct token *token, CK_OBJECT_HANDLE key, const struct kcv *expected)
{
    ERASED(secret128) struct secret128 value = {0};
    if (expected->length == 0)
        return HSM_OK;
    enum hsm_result rc = check_value(token, key, expected->method == KCV_CMAC, &value);
    if (rc != HSM_OK)
        return rc;
    return memcmp(value.bytes, expected->bytes, expected->length) == 0 ? HSM_OK : HSM_BAD_KCV;
}

static enum hsm_result compare_hash(const char *text, const struct kcv *expected,
                                    struct kcv *out_kcv)
{
    uint8_t bytes[KCV_BYTES_MAX];
    if (!hex_decode(text, sizeof bytes * 2, bytes, sizeof bytes))
        return HSM_BAD_ANSWER;
    if (expected->length > 0 && memcmp(bytes, expected->bytes, expected->length) != 0)
        return HSM_BAD_KCV;
    *out_kcv = (struct kcv){.method = KCV_SHA256, .length = KCV_BYTES};
    memcpy(out_kcv->bytes, bytes, KCV_BYTES);
    return HSM_OK;
}

enum hsm_result kcv_take_ha1(const struct secret_ha1 *ha1, const struct kcv *expected,
                             struct kcv *out_kcv)
{
    ERASED(secret_ha1) struct secret_ha1 hash = {{0}};
    enum hsm_result rc = digest_ha1_hash(ha1, hash.text);
    return rc == HSM_OK ? compare_hash(hash.text, expected, out_kcv) : rc;
}

enum hsm_result kcv_take_digest_key(struct token *token, CK_OBJECT_HANDLE key,
                                    const struct kcv *expected, struct kcv *out_kcv)
{
    ERASED(secret_ha1) struct secret_ha1 hash = {{0}};
    enum hsm_result rc = token_digest_key_hash(token, key, hash.text);
    return rc == HSM_OK ? compare_hash(hash.text, expected, out_kcv) : rc;
}

static enum hsm_result make_checked(const void *context, struct token *token,
                                    CK_ATTRIBUTE *attributes, CK_ULONG count,
                                    CK_OBJECT_HANDLE *out_key)
{
    const struct kcv_checked *checked = context;
    CK_OBJECT_HANDLE key = CK_INVALID_HANDLE;
    enum hsm_result rc =
        checked->source->make(checked->source->context, token, attributes, count, &key);
    if (rc != HSM_OK)
        return rc;
    rc = kcv_check(token, key, checked->expected);
    if (rc == HSM_OK)
        rc = kcv_of(token, key, checked->out_kcv);
    if (rc == HSM_OK)
        *out_key = key;
    else
        (void)MODULE_CALL(token->module, C_DestroyObject, token->session, key);
    return rc;
}

struct key_source kcv_source(const struct kcv_checked *checked)
{
    return (struct key_source){make_checked, checked};
}
