/*
 * Key check values of AES keys: the first octets of E_K(0^16), as PKCS#11's CKA_CHECK_VALUE, or of
 * the AES-CMAC of 16 zero octets (NIST SP 800-38B), as payment HSMs have it. Not secret.
 */
#ifndef NISIM_PROVISIONING_KCV_H
#define NISIM_PROVISIONING_KCV_H

#include "key_source.h"

#define KCV_BYTES 3 /* as shown; one that is given may have up to KCV_BYTES_MAX */
#define KCV_BYTES_MAX 5
#define KCV_CMAC_PREFIX "cmac:"
#define KCV_TEXT_BYTES ((size_t)2 * KCV_BYTES_MAX + sizeof KCV_CMAC_PREFIX)

struct kcv {
    bool cmac;
    size_t length; /* 0: none */
    uint8_t bytes[KCV_BYTES_MAX];
};

/* "AABBCC" or "cmac:AABBCC", 6 to 10 hex digits. */
MUST_CHECK bool kcv_from_text(const char *text, size_t length, struct kcv *out_kcv);
void kcv_to_text(const struct kcv *kcv, char out_text[KCV_TEXT_BYTES]);

/* Of an AES key that may encrypt by CKM_AES_ECB; KCV_BYTES of E_K(0^16). */
MUST_CHECK enum hsm_result kcv_of(struct token *token, CK_OBJECT_HANDLE key, struct kcv *out_kcv);

/* HSM_BAD_KCV when the key is another one. Without a length nothing is expected. */
MUST_CHECK enum hsm_result kcv_check(struct token *token, CK_OBJECT_HANDLE key,
                                     const struct kcv *expected);

/* A source whose key is kept only if its check value is right; HSM_BAD_KCV otherwise. */
struct kcv_checked {
    const struct key_source *source;
    const struct kcv *expected; /* length 0: any */
    struct kcv *out_kcv;        /* of the key that was made last */
};
struct key_source kcv_source(const struct kcv_checked *checked);

#endif
