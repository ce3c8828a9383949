/* From a WWW-Authenticate value to an Authorization value, or to H(A1). */
#include <openssl/evp.h>
#include <string.h>
#include <sys/random.h>

#include "authorization.h"
#include "client.h"
#include "hex.h"
#include "text.h"

#define CNONCE_OCTETS 8

/* What the library chooses for a request. */
struct choice {
    char cnonce[HEX_TEXT_BYTES(CNONCE_OCTETS)];
    uint8_t body_hash[BODY_HASH_BYTES_MAX];
};

static bool hash_body(enum digest_algorithm algorithm, const void *body, size_t body_bytes,
                      uint8_t out_hash[BODY_HASH_BYTES_MAX])
{
    const char *name = digest_algorithm_hash_bytes(algorithm) == 32 ? "SHA256" : "MD5";
    return EVP_Q_digest(NULL, name, NULL, body_bytes == 0 ? "" : body, body_bytes, out_hash,
                        NULL) == 1;
}

static bool choose(const struct www_authenticate *asked, const void *body, size_t body_bytes,
                   struct choice *out)
{
    uint8_t octets[CNONCE_OCTETS];
    if (getrandom(octets, sizeof octets, 0) != (ssize_t)sizeof octets)
        return false;
    hex_encode(octets, sizeof octets, out->cnonce);
    return asked->protection != PROTECTION_AUTH_INT ||
           hash_body(asked->algorithm, body, body_bytes, out->body_hash);
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

enum nisim_result nisim_authorize(struct nisim *nisim, enum nisim_name by, const char *name,
                                  const char *www_authenticate, const char *method, const char *uri,
                                  const void *body, size_t body_bytes,
                                  char out_authorization[NISIM_AUTHORIZATION_BYTES])
{
    static const char *const qops[] = {
        [PROTECTION_NONE] = NULL, [PROTECTION_AUTH] = "auth", [PROTECTION_AUTH_INT] = "auth-int"};
    char impi[NISIM_NAME_BYTES] = "";
    struct www_authenticate asked;
    struct choice choice = {0};
    struct nisim_digest digest;
    out_authorization[0] = '\0';
    enum nisim_result result = read_header(nisim, www_authenticate, &asked);
    if (result != NISIM_OK)
        return result;
    if (!choose(&asked, body, body_bytes, &choice))
        return client_fail(nisim, NISIM_NO_MEMORY, "there are no random numbers or no hash");
    result = find_impi(nisim, by, name, impi);
    if (result != NISIM_OK)
        return result;
    const struct nisim_challenge challenge = challenge_of(&asked);
    const struct nisim_sip_request request = {.method = method,
                                              .uri = uri,
                                              .qop = qops[asked.protection],
                                              .nc = "00000001",
                                              .cnonce = choice.cnonce,
                                              .body_hash = choice.body_hash};
    result = nisim_digest(nisim, NISIM_IMPI, impi, &challenge, &request, &digest);
    if (result != NISIM_OK && result != NISIM_SYNC_FAILURE && result != NISIM_MAC_FAILURE)
        return result;
    const struct authorization authorization = {.username = impi,
                                                .uri = uri,
                                                .response = digest.response,
                                                .nc = request.nc,
                                                .cnonce = request.cnonce,
                                                .auts = result == NISIM_SYNC_FAILURE ? digest.auts
                                                                                     : NULL};
    return write_value(nisim, result, &asked, &authorization, out_authorization);
}
