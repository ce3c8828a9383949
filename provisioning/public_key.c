#include "public_key.h"

#include <errno.h>
#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/param_build.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "hex.h"

#define DIGEST_BYTES 32

static size_t take_number(const EVP_PKEY *pkey, const char *name, uint8_t *out_bytes, size_t room)
{
    BIGNUM *number = NULL;
    size_t length = 0;
    if (EVP_PKEY_get_bn_param(pkey, name, &number) == 1 && (size_t)BN_num_bytes(number) <= room)
        length = (size_t)BN_bn2bin(number, out_bytes);
    BN_free(number);
    return length;
}

static bool take(const EVP_PKEY *pkey, struct public_key *out_key,
                 char out_why[PUBLIC_KEY_WHY_BYTES])
{
    struct public_key key = {0};
    if (pkey == NULL || EVP_PKEY_is_a(pkey, "RSA") != 1) {
        snprintf(out_why, PUBLIC_KEY_WHY_BYTES, "it is not the PEM file of an RSA public key");
        return false;
    }
    key.modulus_bytes = take_number(pkey, OSSL_PKEY_PARAM_RSA_N, key.modulus, sizeof key.modulus);
    key.exponent_bytes =
        take_number(pkey, OSSL_PKEY_PARAM_RSA_E, key.exponent, sizeof key.exponent);
    if (key.modulus_bytes * 8 < PUBLIC_KEY_BITS_LEAST || key.exponent_bytes == 0) {
        snprintf(out_why, PUBLIC_KEY_WHY_BYTES, "the RSA key has not %d to %d bits",
                 PUBLIC_KEY_BITS_LEAST, 8 * PUBLIC_KEY_MODULUS_BYTES);
        return false;
    }
    *out_key = key;
    return true;
}

bool public_key_read(const char *path, struct public_key *out_key,
                     char out_why[PUBLIC_KEY_WHY_BYTES])
{
    FILE *file = fopen(path, "re");
    if (file == NULL) {
        snprintf(out_why, PUBLIC_KEY_WHY_BYTES, "%s", strerror(errno));
        return false;
    }
    EVP_PKEY *pkey = PEM_read_PUBKEY(file, NULL, NULL, NULL);
    fclose(file);
    bool good = take(pkey, out_key, out_why);
    EVP_PKEY_free(pkey);
    return good;
}

static OSSL_PARAM *build_params(const BIGNUM *modulus, const BIGNUM *exponent)
{
    OSSL_PARAM *params = NULL;
    OSSL_PARAM_BLD *build = OSSL_PARAM_BLD_new();
    if (build != NULL && OSSL_PARAM_BLD_push_BN(build, OSSL_PKEY_PARAM_RSA_N, modulus) == 1 &&
        OSSL_PARAM_BLD_push_BN(build, OSSL_PKEY_PARAM_RSA_E, exponent) == 1)
        params = OSSL_PARAM_BLD_to_param(build);
    OSSL_PARAM_BLD_free(build);
    return params;
}

/* NULL when memory is short. */
static EVP_PKEY *to_pkey(const struct public_key *key)
{
    EVP_PKEY *pkey = NULL;
    BIGNUM *modulus = BN_bin2bn(key->modulus, (int)key->modulus_bytes, NULL);
    BIGNUM *exponent = BN_bin2bn(key->exponent, (int)key->exponent_bytes, NULL);
    OSSL_PARAM *params =
        modulus == NULL || exponent == NULL ? NULL : build_params(modulus, exponent);
    EVP_PKEY_CTX *context = EVP_PKEY_CTX_new_from_name(NULL, "RSA", NULL);
    if (params == NULL || context == NULL || EVP_PKEY_fromdata_init(context) != 1 ||
        EVP_PKEY_fromdata(context, &pkey, EVP_PKEY_PUBLIC_KEY, params) != 1)
        pkey = NULL;
    EVP_PKEY_CTX_free(context);
    OSSL_PARAM_free(params);
    BN_free(exponent);
    BN_free(modulus);
    return pkey;
}

bool public_key_print(const struct public_key *key)
{
    EVP_PKEY *pkey = to_pkey(key);
    bool good = pkey != NULL && PEM_write_PUBKEY(stdout, pkey) == 1;
    EVP_PKEY_free(pkey);
    return good;
}

bool public_key_fingerprint(const struct public_key *key,
                            char out_text[PUBLIC_KEY_PRINT_TEXT_BYTES])
{
    uint8_t digest[DIGEST_BYTES];
    unsigned char *encoded = NULL;
    EVP_PKEY *pkey = to_pkey(key);
    int length = pkey == NULL ? 0 : i2d_PUBKEY(pkey, &encoded);
    bool good =
        length > 0 && EVP_Digest(encoded, (size_t)length, digest, NULL, EVP_sha256(), NULL) == 1;
    if (good)
        hex_encode(digest, sizeof digest, out_text);
    OPENSSL_free(encoded);
    EVP_PKEY_free(pkey);
    return good;
}
