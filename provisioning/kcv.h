/*
 * Key check values of AES keys: the first octets of E_K(0^16), as PKCS#11's CKA_CHECK_VALUE, or of
 * the AES-CMAC of 16 zero octets (NIST SP 800-38B), as payment HSMs have it. Not secret. And of
 * digest secrets, for which no standard has one: the first octets of SHA-256 over the text of
 * H(A1). By it a guessed password can be told from most others.
 */
#ifndef NISIM_PROVISIONING_KCV_H
#define NISIM_PROVISIONING_KCV_H

#include "digest.h"
#include "key_source.h"

#define KCV_BYTES 3 /* as shown; one that is given may have up to KCV_BYTES_MAX */
#define KCV_BYTES_MAX 5
#define KCV_CMAC_PREFIX "cmac:"
#define KCV_SHA256_PREFIX "sha256:"
#define KCV_TEXT_BYTES ((size_t)2 * KCV_BYTES_MAX + sizeof KCV_SHA256_PREFIX)

enum kcv_method {
    KCV_ECB,
    KCV_CMAC,
    KCV_SHA256, /* of a digest secret, and only of it */
};

struct kcv {
    enum kcv_method method;
    size_t length; /* 0: none */
    uint8_t bytes[KCV_BYTES_MAX];
};

/* "AABBCC" or "cmac:AABBCC", 6 to 10 hex digits. */
MUST_CHECK bool kcv_from_text(const char *text, size_t length, struct kcv *out_kcv);
/* "sha256:AABBCC", of a digest secret. */
MUST_CHECK bool kcv_of_ha1_from_text(const char *text, size_t length, struct kcv *out_kcv);
void kcv_to_text(const struct kcv *kcv, char out_text[KCV_TEXT_BYTES]);

/* Of an AES key that may encrypt by CKM_AES_ECB; KCV_BYTES of E_K(0^16). */
MUST_CHECK enum hsm_result kcv_of(struct token *token, CK_OBJECT_HANDLE key, struct kcv *out_kcv);

/* HSM_BAD_KCV when the key is another one. Without a length nothing is expected. */
MUST_CHECK enum hsm_result kcv_check(struct token *token, CK_OBJECT_HANDLE key,
                                     const struct kcv *expected);

/*
 * Of a digest secret, in memory or as a key that the token hashes; KCV_BYTES of it. HSM_BAD_KCV
 * when it is another one than `expected`, unless that has no length.
 */
MUST_CHECK enum hsm_result kcv_take_ha1(const struct secret_ha1 *ha1, const struct kcv *expected,
                                        struct kcv *out_kcv);
MUST_CHECK enum hsm_result kcv_take_digest_key(struct token *token, CK_OBJECT_HANDLE key,
                                               const struct kcv *expected, struct kcv *out_kcv);

/* A source whose key is kept only if its check value is right; HSM_BAD_KCV otherwise. */
struct kcv_checked {
    const struct key_source *source;
    const struct kcv *expected; /* length 0: any */
    struct kcv *out_kcv;        /* of the key that was made last */
};
struct key_source kcv_source(const struct kcv_checked *checked);

#endif
