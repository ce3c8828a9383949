/* Making transport keys: objects as transport.h describes them, each with its one purpose. */
#ifndef NISIM_PROVISIONING_TRANSPORT_MAKE_H
#define NISIM_PROVISIONING_TRANSPORT_MAKE_H

#include "public_key.h"
#include "transport.h"

#define AES_KEY_BYTES_MAX 32

/* AES-128 or AES-256, or a component of such a key. */
struct secret_aes {
    size_t length;
    uint8_t bytes[AES_KEY_BYTES_MAX];
};

static inline void secret_aes_erase(struct secret_aes *secret)
{
    secret_wipe(secret, sizeof *secret);
}

/* A pair made in the token; the public key is given out and kept nowhere. */
MUST_CHECK enum hsm_result transport_make_rsa(struct token *token, const char *name, size_t bits,
                                              struct public_key *out_public);

/* An HSS's public key, for what leaves. */
MUST_CHECK enum hsm_result transport_make_hss(struct token *token, const char *name,
                                              const struct public_key *public_key);

/* From octets that were put together here. HSM_BAD_KCV as enrol_keys. */
MUST_CHECK enum hsm_result transport_make_aes(struct token *token, const char *name,
                                              enum transport_purpose purpose,
                                              const struct secret_aes *value,
                                              const struct kcv *expected, struct kcv *out_kcv);

/* Unwrapped in the token by another transport key; it is checked before it is kept. */
MUST_CHECK enum hsm_result transport_make_unwrapped(struct token *token, const char *name,
                                                    enum transport_purpose purpose,
                                                    const struct transport_wrapped *wrapped,
                                                    const struct kcv *expected,
                                                    struct kcv *out_kcv);

/*
 * AES-256 by the token's own generator, an object of the session that may be wrapped, until
 * transport_keep makes of it, by copying, an object of the token that can't be. The caller destroys
 * it (token_discard).
 */
MUST_CHECK enum hsm_result transport_generate(struct token *token, CK_OBJECT_HANDLE *out_object,
                                              struct kcv *out_kcv);
MUST_CHECK enum hsm_result transport_keep(struct token *token, const char *name,
                                          enum transport_purpose purpose, CK_OBJECT_HANDLE object,
                                          const struct kcv *kcv);

/* The check value of an AES key that is only octets yet, by a key of the session. */
MUST_CHECK enum hsm_result transport_kcv_of(struct token *token, const struct secret_aes *value,
                                            const struct kcv *expected, struct kcv *out_kcv);

/* What an RSA object, of either end, says of the public key. */
MUST_CHECK enum hsm_result transport_public_key(struct token *token,
                                                const struct transport *transport,
                                                struct public_key *out_key);

#endif
