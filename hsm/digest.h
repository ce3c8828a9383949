/*
 * Digest access authentication as SIP uses it (RFC 7616 3.4, RFC 8760, RFC 3310, RFC 4169): A1, A2,
 * response and rspauth from a password that is RES, an AKAv2 password, or nothing. Pure: hashes by
 * libcrypto, no token. Texts are NUL-terminated; hashes are lower-case hex.
 */
#ifndef NISIM_HSM_DIGEST_H
#define NISIM_HSM_DIGEST_H

#include "result.h"
#include "secret.h"

#define DIGEST_HASH_BYTES_MAX 32
#define DIGEST_TEXT_BYTES (2 * DIGEST_HASH_BYTES_MAX + 1)
#define DIGEST_PASSWORD_BYTES_MAX 128

enum digest_hash {
    DIGEST_MD5,
    DIGEST_SHA_256,
    DIGEST_SHA_512_256,
};
#define DIGEST_HASHES 3

enum digest_qop {
    DIGEST_QOP_NONE, /* RFC 2069: neither nc nor cnonce is hashed */
    DIGEST_QOP_AUTH,
    DIGEST_QOP_AUTH_INT,
};

/* A password as octets: RES may hold any. */
struct secret_password {
    size_t length;
    uint8_t bytes[DIGEST_PASSWORD_BYTES_MAX];
};

static inline void secret_password_erase(struct secret_password *password)
{
    secret_wipe(password, sizeof *password);
}

/* H(A1), which is as good as the password for its realm. */
struct secret_ha1 {
    char text[DIGEST_TEXT_BYTES];
};

static inline void secret_ha1_erase(struct secret_ha1 *ha1)
{
    secret_wipe(ha1, sizeof *ha1);
}

/* What a response is computed over; nonce as received. cnonce and nc are NULL without qop. */
struct digest_terms {
    enum digest_hash hash;
    enum digest_qop qop;
    const char *nonce;
    const char *nc;
    const char *cnonce;
    const char *method;
    const char *uri;
    const uint8_t *body_hash; /* DIGEST_QOP_AUTH_INT: H(entity body), as long as the hash */
};

/* Nonce, nc, cnonce, qop and H(A2) at their longest, the colons and a NUL. */
#define DIGEST_TAIL_BYTES 1400

/* RAND and AUTN of an AKA nonce; what the server adds behind them is its own affair. */
struct digest_nonce {
    uint8_t rand[16];
    uint8_t autn[16];
};

enum digest_nonce_result {
    DIGEST_NONCE_OPENED,
    DIGEST_NONCE_SHORT,      /* fewer than 32 octets */
    DIGEST_NONCE_NOT_BASE64, /* or longer than DIGEST_NONCE_TEXT_MAX */
};

#define DIGEST_NONCE_TEXT_MAX 1024

/* base64(RAND || AUTN || server data) (RFC 3310 3.2). */
MUST_CHECK enum digest_nonce_result digest_nonce_open(const char *nonce,
                                                      struct digest_nonce *out_nonce);

/* H(username ":" realm ":" password). HSM_UNSUPPORTED when libcrypto refuses the hash (FIPS). */
MUST_CHECK enum hsm_result digest_ha1(enum digest_hash hash, const char *username,
                                      const char *realm, const struct secret_password *password,
                                      struct secret_ha1 *out_ha1);

/*
 * KD(H(A1), nonce [":" nc ":" cnonce ":" qop] ":" H(A2)) (RFC 7616 3.4.1). With an empty method,
 * and the hash of the answer's body: what Authentication-Info must say (3.5).
 */
MUST_CHECK enum hsm_result digest_response(const struct digest_terms *terms,
                                           const struct secret_ha1 *ha1,
                                           char out_text[DIGEST_TEXT_BYTES]);

/*
 * What is hashed behind H(A1) for a response: ":" nonce [":" nc ":" cnonce ":" qop] ":" H(A2). For
 * who may not see H(A1). HSM_REFUSED when it is longer than the texts of a request can be.
 */
MUST_CHECK enum hsm_result digest_tail(const struct digest_terms *terms,
                                       char out_text[DIGEST_TAIL_BYTES]);

/* Bytes of the hash. */
size_t digest_hash_bytes(enum digest_hash hash);

/*
 * SHA-256 over the text of H(A1), in hex: a check value is the beginning of it. Whole, it is worth
 * as much to one who guesses passwords as H(A1). Results of digest_ha1.
 */
MUST_CHECK enum hsm_result digest_ha1_hash(const struct secret_ha1 *ha1,
                                           char out_text[DIGEST_TEXT_BYTES]);

/* As many hex digits as the hash has, in lower case, and nothing behind them. */
bool digest_ha1_is_text(enum digest_hash hash, const struct secret_ha1 *ha1);

/* The AKAv1 password: RES itself (RFC 3310 3.3). */
void digest_akav1_password(const struct secret64 *res, struct secret_password *out_password);

/* base64(HMAC(RES || IK || CK, "http-digest-akav2-password")) (RFC 4169 3). */
MUST_CHECK enum hsm_result digest_akav2_password(enum digest_hash hash, const struct secret64 *res,
                                                 const struct secret128 *ik,
                                                 const struct secret128 *ck,
                                                 struct secret_password *out_password);

#endif
