#include "authorization.h"

#include <openssl/evp.h>
#include <osipparser2/osip_parser.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "text.h"

#define AUTS_BASE64_BYTES 24 /* of 14 octets, with its NUL */

/* A parameter that may be quoted; false when it is too long or can't be put between quotes again.
 */
static bool take(const char *parameter, char *out_text, size_t room)
{
    size_t length = strlen(parameter);
    if (length >= 2 && parameter[0] == '"' && parameter[length - 1] == '"') {
        parameter++;
        length -= 2;
    }
    if (length >= room || !text_is_quotable(parameter, length))
        return false;
    memcpy(out_text, parameter, length);
    out_text[length] = '\0';
    return true;
}

/* Is `word` one of the list, which is separated by commas and blanks? */
static bool offers(const char *list, const char *word)
{
    size_t length = strlen(word);
    while (*list != '\0') {
        list += strspn(list, ", \t");
        size_t step = strcspn(list, ", \t");
        if (step == length && strncasecmp(list, word, length) == 0)
            return true;
        list += step;
    }
    return false;
}

static const char *take_protection(const char *parameter, enum digest_protection *out)
{
    char offered[128] = "";
    *out = PROTECTION_NONE;
    if (parameter == NULL)
        return NULL;
    if (!take(parameter, offered, sizeof offered))
        return "its qop can't be read";
    if (offers(offered, "auth"))
        *out = PROTECTION_AUTH;
    else if (offers(offered, "auth-int"))
        *out = PROTECTION_AUTH_INT;
    else
        return "it offers no qop known here";
    return NULL;
}

static const char *take_parameters(const osip_www_authenticate_t *header,
                                   struct www_authenticate *out)
{
    char algorithm[32 + 1] = "";
    if (header->auth_type == NULL || strcasecmp(header->auth_type, "Digest") != 0)
        return "it does not ask for Digest";
    const char *name = header->algorithm == NULL ? "MD5" : header->algorithm; /* RFC 7616 3.3 */
    if (!take(name, algorithm, sizeof algorithm))
        return "its algorithm can't be read";
    out->algorithm = digest_algorithm_from_name(algorithm);
    if (out->algorithm == 0)
        return "its algorithm is not known here";
    if (header->realm == NULL || !take(header->realm, out->realm, sizeof out->realm))
        return "its realm is missing, too long or not clean";
    if (header->nonce == NULL || !take(header->nonce, out->nonce, sizeof out->nonce))
        return "its nonce is missing, too long or not clean";
    if (header->opaque != NULL && !take(header->opaque, out->opaque, sizeof out->opaque))
        return "its opaque is too long or not clean";
    char stale[8] = "";
    out->stale = header->stale != NULL && take(header->stale, stale, sizeof stale) &&
                 strcasecmp(stale, "true") == 0;
    return take_protection(header->qop_options, &out->protection);
}

const char *www_authenticate_read(const char *value, struct www_authenticate *out)
{
    osip_www_authenticate_t *header = NULL;
    struct www_authenticate read = {0};
    if (!text_is_clean(value, strlen(value)))
        return "it has a control character or is not UTF-8";
    if (osip_www_authenticate_init(&header) != OSIP_SUCCESS)
        return "there is no memory";
    const char *why = osip_www_authenticate_parse(header, value) == OSIP_SUCCESS
                          ? take_parameters(header, &read)
                          : "it is no WWW-Authenticate value";
    osip_www_authenticate_free(header);
    if (why == NULL)
        *out = read;
    return why;
}

/* A text that grows and knows whether it still fits. */
struct text {
    char *start;
    size_t room;
    size_t used;
    bool failed;
};

static void append(struct text *text, const char *format, ...) PRINTF_LIKE(2, 3);

static void append(struct text *text, const char *format, ...)
{
    va_list values;
    va_start(values, format);
    int length = vsnprintf(text->start + text->used, text->room - text->used, format, values);
    va_end(values);
    if (length < 0 || (size_t)length >= text->room - text->used)
        text->failed = true;
    else
        text->used += (size_t)length;
}

bool authorization_write(const struct www_authenticate *asked,
                         const struct authorization *authorization, char *out_value, size_t room)
{
    struct text text = {.start = out_value, .room = room};
    append(&text, "Digest username=\"%s\", realm=\"%s\", nonce=\"%s\", uri=\"%s\", response=\"%s\"",
           authorization->username, asked->realm, asked->nonce, authorization->uri,
           authorization->response);
    append(&text, ", algorithm=%s", digest_algorithm_name(asked->algorithm));
    if (asked->protection != PROTECTION_NONE)
        append(&text, ", qop=%s, nc=%s, cnonce=\"%s\"",
               asked->protection == PROTECTION_AUTH ? "auth" : "auth-int", authorization->nc,
               authorization->cnonce);
    if (asked->opaque[0] != '\0')
        append(&text, ", opaque=\"%s\"", asked->opaque);
    if (authorization->auts != NULL) {
        char auts[AUTS_BASE64_BYTES];
        EVP_EncodeBlock((unsigned char *)auts, authorization->auts, AUTS_BYTES);
        append(&text, ", auts=\"%s\"", auts);
    }
    return !text.failed;
}
