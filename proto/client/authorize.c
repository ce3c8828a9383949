/* From a WWW-Authenticate value to an Authorization value, or to H(A1). */
#include <openssl/evp.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>

#include "authorization.h"
#include "client.h"
#include "hex.h"
#include "text.h"

#define CNONCE_OCTETS 8

_Static_assert(NISIM_NONCE_BYTES == NONCE_BYTES_MAX + 1 &&
                   NISIM_CNONCE_BYTES == CNONCE_BYTES_MAX + 1,
               "nisim.h has its own names for the limits of the wire");

static bool hash_body(enum digest_algorithm algorithm, const void *body, size_t body_bytes,
                      uint8_t out_hash[BODY_HASH_BYTES_MAX])
{
    const char *name = algorithm == ALGORITHM_SHA_512_256             ? "SHA512-256"
                       : digest_algorithm_hash_bytes(algorithm) == 32 ? "SHA256"
                                                                      : "MD5";
    return EVP_Q_digest(NULL, name, NULL, body_bytes == 0 ? "" : body, body_bytes, out_hash,
                        NULL) == 1;
}

static bool make_cnonce(char *out_cnonce)
{
    uint8_t octets[CNONCE_OCTETS];
    if (getrandom(octets, sizeof octets, 0) != (ssize_t)sizeof octets)
        return false;
    hex_encode(octets, sizeof octets, out_cnonce);
    return true;
}

/* The username of Authorization is the IMPI, which a user id has to be mapped to first. */
static enum nisim_result find_impi(struct nisim *nisim, enum nisim_name by, const char *name,
                                   char out_impi[NISIM_NAME_BYTES])
{
    if (by == NISIM_USER_ID) {
        enum nisim_result result = nisim_identity(nisim, by, name, &nisim->found);
        if (result == NISIM_OK)
            memcpy(out_impi, nisim->found.impi, NISIM_NAME_BYTES);
        return result;
    }
    struct subscriber_name checked;
    enum nisim_result result = client_take_name(nisim, by, name, &checked);
    if (result == NISIM_OK)
        memcpy(out_impi, checked.text, NISIM_NAME_BYTES);
    return result;
}

static enum nisim_result read_header(struct nisim *nisim, const char *www_authenticate,
                                     struct www_authenticate *out)
{
    nisim->status_name = "";
    const char *why = www_authenticate_read(www_authenticate, out);
    if (why != NULL)
        return client_fail(nisim, NISIM_BAD_REQUEST, "the WWW-Authenticate can't be answered: %s",
                           why);
    return NISIM_OK;
}

static struct nisim_challenge challenge_of(const struct www_authenticate *asked)
{
    return (struct nisim_challenge){.algorithm = digest_algorithm_name(asked->algorithm),
                                    .realm = asked->realm,
                                    .nonce = asked->nonce};
}

enum nisim_result nisim_ha1_of(struct nisim *nisim, enum nisim_name by, const char *name,
                               const char *www_authenticate, struct nisim_ha1 *out)
{
    struct www_authenticate asked;
    nisim_ha1_erase(out);
    enum nisim_result result = read_header(nisim, www_authenticate, &asked);
    if (result != NISIM_OK)
        return result;
    const struct nisim_challenge challenge = challenge_of(&asked);
    return nisim_ha1(nisim, by, name, &challenge, out);
}

static enum nisim_result write_value(struct nisim *nisim, enum nisim_result result,
                                     const struct www_authenticate *asked,
                                     const struct authorization *authorization, char *out_value)
{
    if (!text_is_quotable(authorization->username, strlen(authorization->username)) ||
        !text_is_quotable(authorization->uri, strlen(authorization->uri)))
        return client_fail(nisim, NISIM_BAD_REQUEST,
                           "the IMPI or the URI can't stand in an Authorization");
    if (!authorization_write(asked, authorization, out_value, NISIM_AUTHORIZATION_BYTES))
        return client_fail(nisim, NISIM_BAD_REQUEST, "the Authorization would be too long");
    return result;
}

/* Completes what the caller left open; false without random numbers. */
static bool complete(const struct www_authenticate *asked, struct nisim_exchange *exchange)
{
    exchange->rspauth[0] = '\0';
    exchange->is_stale = asked->stale ? 1 : 0;
    exchange->nc = exchange->nc == 0 ? 1 : exchange->nc;
    if (asked->protection == PROTECTION_NONE)
        exchange->cnonce[0] = '\0';
    else if (exchange->cnonce[0] == '\0')
        return make_cnonce(exchange->cnonce);
    return true;
}

/* nextnonce takes the place of the challenge's nonce. */
static enum nisim_result take_next_nonce(struct nisim *nisim, const struct nisim_exchange *exchange,
                                         struct www_authenticate *asked)
{
    size_t length = strnlen(exchange->nonce, sizeof exchange->nonce);
    size_t cnonce_bytes = strnlen(exchange->cnonce, sizeof exchange->cnonce);
    if (length >= sizeof exchange->nonce || !text_is_quotable(exchange->nonce, length))
        return client_fail(nisim, NISIM_BAD_REQUEST, "the next nonce is too long or not clean");
    if (cnonce_bytes >= sizeof exchange->cnonce ||
        !text_is_quotable(exchange->cnonce, cnonce_bytes))
        return client_fail(nisim, NISIM_BAD_REQUEST, "the cnonce is too long or not clean");
    if (length > 0)
        memcpy(asked->nonce, exchange->nonce, length + 1);
    return NISIM_OK;
}

/* Of the request and, where it is known, of its answer (RFC 7616 3.4.3, 3.5). */
struct body_hashes {
    uint8_t request[BODY_HASH_BYTES_MAX];
    uint8_t answer[BODY_HASH_BYTES_MAX];
};

static bool hash_bodies(const struct www_authenticate *asked,
                        const struct nisim_sip_message *message, struct body_hashes *out)
{
    if (asked->protection != PROTECTION_AUTH_INT)
        return true;
    return hash_body(asked->algorithm, message->body, message->body_bytes, out->request) &&
           (message->answer_body == NULL || hash_body(asked->algorithm, message->answer_body,
                                                      message->answer_body_bytes, out->answer));
}

static enum nisim_result ask(struct nisim *nisim, const char *impi,
                             const struct www_authenticate *asked,
                             const struct nisim_sip_message *message,
                             struct nisim_exchange *exchange, char *out_value)
{
    static const char *const qops[] = {
        [PROTECTION_NONE] = NULL, [PROTECTION_AUTH] = "auth", [PROTECTION_AUTH_INT] = "auth-int"};
    struct body_hashes hashes;
    char nc[8 + 1];
    struct nisim_digest digest;
    if (!complete(asked, exchange) || !hash_bodies(asked, message, &hashes))
        return client_fail(nisim, NISIM_NO_MEMORY, "there are no random numbers or no hash");
    snprintf(nc, sizeof nc, "%08x", (unsigned)exchange->nc);
    const struct nisim_challenge challenge = challenge_of(asked);
    const struct nisim_sip_request request = {
        .method = message->method,
        .uri = message->uri,
        .qop = qops[asked->protection],
        .nc = nc,
        .cnonce = exchange->cnonce,
        .body_hash = hashes.request,
        .answer_body_hash = message->answer_body == NULL ? NULL : hashes.answer};
    enum nisim_result result = nisim_digest(nisim, NISIM_IMPI, impi, &challenge, &request, &digest);
    if (result != NISIM_OK && result != NISIM_SYNC_FAILURE && result != NISIM_MAC_FAILURE)
        return result;
    memcpy(exchange->rspauth, digest.rspauth, sizeof exchange->rspauth);
    const struct authorization authorization = {.username = impi,
                                                .uri = message->uri,
                                                .response = digest.response,
                                                .nc = nc,
                                                .cnonce = exchange->cnonce,
                                                .auts = result == NISIM_SYNC_FAILURE ? digest.auts
                                                                                     : NULL};
    return write_value(nisim, result, asked, &authorization, out_value);
}

static enum nisim_result answer(struct nisim *nisim, const char *impi, const char *value,
                                const struct nisim_sip_message *message,
                                struct nisim_exchange *exchange, char *out_value)
{
    struct www_authenticate asked;
    enum nisim_result result = read_header(nisim, value, &asked);
    if (result == NISIM_OK)
        result = take_next_nonce(nisim, exchange, &asked);
    return result == NISIM_OK ? ask(nisim, impi, &asked, message, exchange, out_value) : result;
}

/* The stronger, the higher; 0 when it can't be read. */
static unsigned strength_of(const char *value)
{
    static const unsigned strengths[] = {
        [ALGORITHM_MD5] = 1,       [ALGORITHM_SHA_256] = 2,   [ALGORITHM_SHA_512_256] = 3,
        [ALGORITHM_AKAV1_MD5] = 4, [ALGORITHM_AKAV2_MD5] = 5, [ALGORITHM_AKAV2_SHA_256] = 6};
    struct www_authenticate asked;
    return www_authenticate_read(value, &asked) == NULL ? strengths[asked.algorithm] : 0;
}

/* Index of the strongest that is left, the first of equals; `count` when none is. */
static size_t choose(const unsigned *strengths, size_t count)
{
    size_t best = count;
    for (size_t i = 0; i < count; i++) {
        if (strengths[i] > 0 && (best == count || strengths[i] > strengths[best]))
            best = i;
    }
    return best;
}

static enum nisim_result answer_strongest(struct nisim *nisim, const char *impi,
                                          const char *const *values, size_t count,
                                          const struct nisim_sip_message *message,
                                          struct nisim_exchange *exchange, char *out_value)
{
    unsigned strengths[NISIM_CHALLENGES_MAX];
    for (size_t i = 0; i < count; i++)
        strengths[i] = strength_of(values[i]);
    exchange->chosen = choose(strengths, count);
    if (exchange->chosen == count) /* none can be read: the first says why */
        return answer(nisim, impi, values[0], message, exchange, out_value);
    for (;;) {
        size_t chosen = exchange->chosen;
        enum nisim_result result =
            answer(nisim, impi, values[chosen], message, exchange, out_value);
        strengths[chosen] = 0;
        size_t next = choose(strengths, count);
        if (next == count ||
            strcmp(nisim->status_name, status_name(STATUS_NO_SUCH_CREDENTIAL)) != 0)
            return result;
        exchange->chosen = next;
    }
}

enum nisim_result nisim_authorize_exchange(struct nisim *nisim, enum nisim_name by,
                                           const char *name, const char *const *www_authenticate,
                                           size_t count, const struct nisim_sip_message *message,
                                           struct nisim_exchange *exchange,
                                           char out_authorization[NISIM_AUTHORIZATION_BYTES])
{
    char impi[NISIM_NAME_BYTES] = "";
    struct www_authenticate asked;
    out_authorization[0] = '\0';
    nisim->status_name = "";
    if (count == 0 || count > NISIM_CHALLENGES_MAX)
        return client_fail(nisim, NISIM_BAD_REQUEST, "1 to %d challenges can be answered, not %zu",
                           NISIM_CHALLENGES_MAX, count);
    if (count == 1) { /* a header that is none is said before the server is asked for the IMPI */
        enum nisim_result read = read_header(nisim, www_authenticate[0], &asked);
        if (read != NISIM_OK)
            return read;
    }
    enum nisim_result result = find_impi(nisim, by, name, impi);
    if (result != NISIM_OK)
        return result;
    return answer_strongest(nisim, impi, www_authenticate, count, message, exchange,
                            out_authorization);
}

enum nisim_result nisim_authorize(struct nisim *nisim, enum nisim_name by, const char *name,
                                  const char *www_authenticate, const char *method, const char *uri,
                                  const void *body, size_t body_bytes,
                                  char out_authorization[NISIM_AUTHORIZATION_BYTES])
{
    const struct nisim_sip_message message = {
        .method = method, .uri = uri, .body = body, .body_bytes = body_bytes};
    struct nisim_exchange exchange = {0};
    return nisim_authorize_exchange(nisim, by, name, &www_authenticate, 1, &message, &exchange,
                                    out_authorization);
}
