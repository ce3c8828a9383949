#include "digest.h"

#include <assert.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <string.h>

#include "hex.h"

static const struct {
    const char *name; /* libcrypto's */
    size_t bytes;
} hashes[] = {
    [DIGEST_MD5] = {"MD5", 16},
    [DIGEST_SHA_256] = {"SHA256", 32},
    [DIGEST_SHA_512_256] = {"SHA512-256", 32},
};

/* Octets to be hashed one after another; the caller's. */
struct part {
    const void *bytes;
    size_t length;
};

static struct part text_part(const char *text)
{
    return (struct part){text, strlen(text)};
}

/* The padding EVP_DecodeBlock does not tell apart from zeros; -1 when it is no base64. */
static int padding_of(const char *text, size_t length)
{
    static const char alphabet[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    size_t digits = strspn(text, alphabet);
    size_t padding = length - digits;
    if (length % 4 != 0 || padding > 2 || strspn(text + digits, "=") != padding)
        return -1;
    return (int)padding;
}

enum digest_nonce_result digest_nonce_open(const char *nonce, struct digest_nonce *out_nonce)
{
    uint8_t octets[DIGEST_NONCE_TEXT_MAX / 4 * 3];
    size_t length = strlen(nonce);
    int padding = padding_of(nonce, length);
    if (padding < 0 || length > DIGEST_NONCE_TEXT_MAX)
        return DIGEST_NONCE_NOT_BASE64;
    int got = EVP_DecodeBlock(octets, (const unsigned char *)nonce, (int)length) - padding;
    if (got < (int)sizeof *out_nonce)
        return DIGEST_NONCE_SHORT;
    memcpy(out_nonce->rand, octets, sizeof out_nonce->rand);
    memcpy(out_nonce->autn, octets + sizeof out_nonce->rand, sizeof out_nonce->autn);
    return DIGEST_NONCE_OPENED;
}

static bool hash_into(EVP_MD_CTX *context, const EVP_MD *md, const struct part *parts, size_t count,
                      uint8_t *out_hash)
{
    if (context == NULL || md == NULL || EVP_DigestInit_ex2(context, md, NULL) != 1)
        return false;
    for (size_t i = 0; i < count; i++) {
        if (EVP_DigestUpdate(context, parts[i].bytes, parts[i].length) != 1)
            return false;
    }
    return EVP_DigestFinal_ex(context, out_hash, NULL) == 1;
}

/* H(parts joined by ":"), in hex. */
static enum hsm_result hash_joined(enum digest_hash hash, const struct part *parts, size_t count,
                                   char out_text[DIGEST_TEXT_BYTES])
{
    uint8_t result[DIGEST_HASH_BYTES_MAX];
    struct part joined[16];
    size_t used = 0;
    assert(2 * count <= sizeof joined / sizeof joined[0]);
    for (size_t i = 0; i < count; i++) {
        if (i > 0)
            joined[used++] = (struct part){":", 1};
        joined[used++] = parts[i];
    }
    EVP_MD *md = EVP_MD_fetch(NULL, hashes[hash].name, NULL);
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    bool done = hash_into(context, md, joined, used, result);
    EVP_MD_CTX_free(context);
    EVP_MD_free(md);
    if (done)
        hex_encode(result, hashes[hash].bytes, out_text);
    secret_wipe(result, sizeof result);
    return done ? HSM_OK : HSM_UNSUPPORTED;
}

enum hsm_result digest_ha1(enum digest_hash hash, const char *username, const char *realm,
                           const struct secret_password *password, struct secret_ha1 *out_ha1)
{
    const struct part parts[] = {
        text_part(username), text_part(realm), {password->bytes, password->length}};
    return hash_joined(hash, parts, 3, out_ha1->text);
}

enum hsm_result digest_ha1_hash(const struct secret_ha1 *ha1, char out_text[DIGEST_TEXT_BYTES])
{
    const struct part part = text_part(ha1->text);
    return hash_joined(DIGEST_SHA_256, &part, 1, out_text);
}

bool digest_ha1_is_text(enum digest_hash hash, const struct secret_ha1 *ha1)
{
    size_t digits = strspn(ha1->text, "0123456789abcdef");
    return digits == 2 * hashes[hash].bytes && ha1->text[digits] == '\0';
}

/* H(A2): method ":" uri [":" H(body)] (RFC 7616 3.4.3). */
static enum hsm_result hash_a2(const struct digest_terms *terms, char out_text[DIGEST_TEXT_BYTES])
{
    char body[DIGEST_TEXT_BYTES] = "";
    struct part parts[3] = {text_part(terms->method), text_part(terms->uri)};
    if (terms->qop != DIGEST_QOP_AUTH_INT)
        return hash_joined(terms->hash, parts, 2, out_text);
    hex_encode(terms->body_hash, hashes[terms->hash].bytes, body);
    parts[2] = text_part(body);
    return hash_joined(terms->hash, parts, 3, out_text);
}

static const char *const qop_names[] = {
    [DIGEST_QOP_AUTH] = "auth", [DIGEST_QOP_AUTH_INT] = "auth-int"};

enum hsm_result digest_response(const struct digest_terms *terms, const struct secret_ha1 *ha1,
                                char out_text[DIGEST_TEXT_BYTES])
{
    char a2[DIGEST_TEXT_BYTES] = "";
    enum hsm_result rc = hash_a2(terms, a2);
    if (rc != HSM_OK)
        return rc;
    if (terms->qop == DIGEST_QOP_NONE) {
        const struct part parts[] = {text_part(ha1->text), text_part(terms->nonce), text_part(a2)};
        return hash_joined(terms->hash, parts, 3, out_text);
    }
    const struct part parts[] = {
        text_part(ha1->text),     text_part(terms->nonce),          text_part(terms->nc),
        text_part(terms->cnonce), text_part(qop_names[terms->qop]), text_part(a2)};
    return hash_joined(terms->hash, parts, 6, out_text);
}

enum hsm_result digest_tail(const struct digest_terms *terms, char out_text[DIGEST_TAIL_BYTES])
{
    char a2[DIGEST_TEXT_BYTES] = "";
    enum hsm_result rc = hash_a2(terms, a2);
    if (rc != HSM_OK)
        return rc;
    int length = terms->qop == DIGEST_QOP_NONE
                     ? snprintf(out_text, DIGEST_TAIL_BYTES, ":%s:%s", terms->nonce, a2)
                     : snprintf(out_text, DIGEST_TAIL_BYTES, ":%s:%s:%s:%s:%s", terms->nonce,
                                terms->nc, terms->cnonce, qop_names[terms->qop], a2);
    return length >= 0 && length < DIGEST_TAIL_BYTES ? HSM_OK : HSM_REFUSED;
}

size_t digest_hash_bytes(enum digest_hash hash)
{
    return hashes[hash].bytes;
}

void digest_akav1_password(const struct secret64 *res, struct secret_password *out_password)
{
    out_password->length = sizeof res->bytes;
    memcpy(out_password->bytes, res->bytes, sizeof res->bytes);
}

enum hsm_result digest_akav2_password(enum digest_hash hash, const struct secret64 *res,
                                      const struct secret128 *ik, const struct secret128 *ck,
                                      struct secret_password *out_password)
{
    static const unsigned char purpose[] = "http-digest-akav2-password";
    uint8_t key[sizeof *res + sizeof *ik + sizeof *ck];
    uint8_t prf[DIGEST_HASH_BYTES_MAX];
    size_t bytes = 0;
    memcpy(key, res->bytes, sizeof *res);
    memcpy(key + sizeof *res, ik->bytes, sizeof *ik);
    memcpy(key + sizeof *res + sizeof *ik, ck->bytes, sizeof *ck);
    bool done = EVP_Q_mac(NULL, "HMAC", NULL, hashes[hash].name, NULL, key, sizeof key, purpose,
                          sizeof purpose - 1, prf, sizeof prf, &bytes) != NULL;
    if (done)
        out_password->length = (size_t)EVP_EncodeBlock(out_password->bytes, prf, (int)bytes);
    secret_wipe(key, sizeof key);
    secret_wipe(prf, sizeof prf);
    return done ? HSM_OK : HSM_UNSUPPORTED;
}
