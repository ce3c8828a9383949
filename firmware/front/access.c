#include "access.h"

#include <openssl/evp.h>
#include <openssl/x509v3.h>
#include <string.h>
#include <strings.h>

/* What a certificate says about its holder. */
struct holder {
    GENERAL_NAMES *names; /* NULL when it has no subjectAltName, or none that can be read */
    unsigned fingerprint_bytes;
    uint8_t fingerprint[EVP_MAX_MD_SIZE];
};

/* A NUL inside the certificate's name makes the lengths differ. */
static bool text_fits(const ASN1_STRING *name, const char *pattern, bool with_case)
{
    size_t length = (size_t)ASN1_STRING_length(name);
    const char *text = (const char *)ASN1_STRING_get0_data(name);
    if (length != strlen(pattern))
        return false;
    return with_case ? memcmp(text, pattern, length) == 0 : strncasecmp(text, pattern, length) == 0;
}

static bool name_fits(const GENERAL_NAMES *names, const struct client *client)
{
    int wanted = client->match == CLIENT_BY_DNS ? GEN_DNS : GEN_URI;
    for (int i = 0; names != NULL && i < sk_GENERAL_NAME_num(names); i++) {
        int kind = 0;
        const ASN1_STRING *name = GENERAL_NAME_get0_value(sk_GENERAL_NAME_value(names, i), &kind);
        if (kind == wanted && text_fits(name, client->pattern, client->match == CLIENT_BY_URI))
            return true;
    }
    return false;
}

static bool holder_fits(const struct holder *holder, const struct client *client)
{
    if (client->match != CLIENT_BY_SHA256)
        return name_fits(holder->names, client);
    return holder->fingerprint_bytes == sizeof client->fingerprint &&
           memcmp(holder->fingerprint, client->fingerprint, sizeof client->fingerprint) == 0;
}

const struct client *access_find(const struct config *config, X509 *certificate)
{
    struct holder holder = {0};
    const struct client *found = NULL;
    if (X509_digest(certificate, EVP_sha256(), holder.fingerprint, &holder.fingerprint_bytes) != 1)
        holder.fingerprint_bytes = 0;
    holder.names = X509_get_ext_d2i(certificate, NID_subject_alt_name, NULL, NULL);
    for (size_t i = 0; found == NULL && i < config->client_count; i++) {
        if (holder_fits(&holder, &config->clients[i]))
            found = &config->clients[i];
    }
    GENERAL_NAMES_free(holder.names);
    return found;
}
