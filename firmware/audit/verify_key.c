#include "verify_key.h"

#include <openssl/core_names.h>
#include <openssl/ecdsa.h>
#include <openssl/evp.h>
#include <openssl/params.h>
#include <openssl/x509.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define HALF_BYTES (AUDIT_SIGNATURE_BYTES / 2)
#define DER_KEY_BYTES 128
#define PEM_LINE 64

struct audit_public_key {
    EVP_PKEY *key;
};

static EVP_PKEY *key_of(const uint8_t point[AUDIT_POINT_BYTES])
{
    EVP_PKEY *key = NULL;
    char group[] = "prime256v1";
    uint8_t copy[AUDIT_POINT_BYTES];
    EVP_PKEY_CTX *context = EVP_PKEY_CTX_new_from_name(NULL, "EC", NULL);
    memcpy(copy, point, sizeof copy);
    OSSL_PARAM parts[] = {
        OSSL_PARAM_construct_utf8_string(OSSL_PKEY_PARAM_GROUP_NAME, group, 0),
        OSSL_PARAM_construct_octet_string(OSSL_PKEY_PARAM_PUB_KEY, copy, sizeof copy),
        OSSL_PARAM_construct_end()};
    if (context != NULL && (EVP_PKEY_fromdata_init(context) != 1 ||
                            EVP_PKEY_fromdata(context, &key, EVP_PKEY_PUBLIC_KEY, parts) != 1))
        key = NULL;
    EVP_PKEY_CTX_free(context);
    return key;
}

struct audit_public_key *audit_public_key_new(const uint8_t point[AUDIT_POINT_BYTES])
{
    struct audit_public_key *key = calloc(1, sizeof *key);
    if (key == NULL)
        return NULL;
    key->key = key_of(point);
    if (key->key == NULL)
        audit_public_key_free(&key);
    return key;
}

void audit_public_key_free(struct audit_public_key **key)
{
    if (*key == NULL)
        return;
    EVP_PKEY_free((*key)->key);
    free(*key);
    *key = NULL;
}

size_t audit_signature_der(const uint8_t signature[AUDIT_SIGNATURE_BYTES],
                           uint8_t out_der[AUDIT_DER_SIGNATURE_BYTES])
{
    uint8_t *at = out_der;
    int length = 0;
    ECDSA_SIG *pair = ECDSA_SIG_new();
    BIGNUM *r = BN_bin2bn(signature, HALF_BYTES, NULL);
    BIGNUM *s = BN_bin2bn(signature + HALF_BYTES, HALF_BYTES, NULL);
    if (pair != NULL && r != NULL && s != NULL && ECDSA_SIG_set0(pair, r, s) == 1) {
        r = NULL; /* the pair's from here on */
        s = NULL;
        if (i2d_ECDSA_SIG(pair, NULL) <= AUDIT_DER_SIGNATURE_BYTES)
            length = i2d_ECDSA_SIG(pair, &at);
    }
    BN_free(r);
    BN_free(s);
    ECDSA_SIG_free(pair);
    return length > 0 ? (size_t)length : 0;
}

bool audit_public_key_fits(const struct audit_public_key *key, const char *text,
                           const uint8_t signature[AUDIT_SIGNATURE_BYTES])
{
    uint8_t der[AUDIT_DER_SIGNATURE_BYTES];
    size_t length = audit_signature_der(signature, der);
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    bool fits = context != NULL && length > 0 &&
                EVP_DigestVerifyInit_ex(context, NULL, "SHA256", NULL, NULL, key->key, NULL) == 1 &&
                EVP_DigestVerify(context, der, length, (const uint8_t *)text, strlen(text)) == 1;
    EVP_MD_CTX_free(context);
    return fits;
}

bool audit_public_key_pem(const struct audit_public_key *key, char out_pem[AUDIT_PEM_BYTES])
{
    uint8_t der[DER_KEY_BYTES];
    uint8_t text[DER_KEY_BYTES * 2];
    uint8_t *at = der;
    int needed = i2d_PUBKEY(key->key, NULL);
    if (needed <= 0 || needed > DER_KEY_BYTES)
        return false;
    int length = EVP_EncodeBlock(text, der, i2d_PUBKEY(key->key, &at));
    if (length <= PEM_LINE)
        return false;
    snprintf(out_pem, AUDIT_PEM_BYTES,
             "-----BEGIN PUBLIC KEY-----\n%.*s\n%s\n-----END PUBLIC KEY-----\n", PEM_LINE, text,
             text + PEM_LINE);
    return true;
}
