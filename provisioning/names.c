#include "names.h"

#include <arpa/inet.h>
#include <stdbool.h>
#include <string.h>
#include <strings.h>

#include "fields.h"
#include "text.h"

#define LABEL_BYTES_MAX 63
#define DOMAIN_BYTES_MAX 253
#define USERNAME_BYTES_MIN 3 /* of the field IMPI */

static bool is_letter_or_digit(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

/* What holds for each text: it must fit, and be shown as it is. */
static const char *check_text(const char *text, size_t most)
{
    size_t length = strlen(text);
    if (length == 0)
        return "it is empty";
    if (length > most)
        return "it is too long";
    if (!text_is_clean(text, length))
        return "it has control characters or is not UTF-8";
    return NULL;
}

static bool is_label(const char *label, size_t length)
{
    if (length == 0 || length > LABEL_BYTES_MAX || label[0] == '-' || label[length - 1] == '-')
        return false;
    for (size_t i = 0; i < length; i++) {
        if (!is_letter_or_digit(label[i]) && label[i] != '-')
            return false;
    }
    return true;
}

/* Two labels or more. */
static bool is_domain(const char *text)
{
    size_t labels = 0;
    const char *at = text;
    if (strlen(text) > DOMAIN_BYTES_MAX)
        return false;
    for (;;) {
        size_t length = strcspn(at, ".");
        if (!is_label(at, length))
            return false;
        labels++;
        if (at[length] == '\0')
            return labels >= 2;
        at += length + 1;
    }
}

/* Pieces of letters, digits, UTF-8 and some marks, with single dots between (RFC 7542 2.2). */
static bool is_nai_user(const char *user, size_t length)
{
    for (size_t i = 0; i < length; i++) {
        char c = user[i];
        bool dot_between = c == '.' && i > 0 && i + 1 < length && user[i - 1] != '.';
        bool is_utf8 = (unsigned char)c >= 0x80;
        if (!is_letter_or_digit(c) && !is_utf8 && !dot_between &&
            strchr("!#$%&'*+-/=?^_`{|}~", c) == NULL)
            return false;
    }
    return length > 0;
}

static bool has_outer_blank(const char *text)
{
    return text[0] == ' ' || text[strlen(text) - 1] == ' ';
}

const char *names_check_user_id(const char *text)
{
    const char *wrong = check_text(text, USER_ID_BYTES_MAX);
    if (wrong != NULL)
        return wrong;
    return has_outer_blank(text) ? "it begins or ends with a blank" : NULL;
}

const char *names_check_impi(const char *text)
{
    const char *wrong = check_text(text, NAME_BYTES_MAX);
    if (wrong != NULL)
        return wrong;
    const char *at = strchr(text, '@');
    if (at == NULL || !is_nai_user(text, (size_t)(at - text)) || !is_domain(at + 1))
        return "it is not user@realm, as alice@ims.example.com";
    return NULL;
}

const char *names_check_realm(const char *text)
{
    const char *wrong = check_text(text, NAME_BYTES_MAX);
    if (wrong != NULL)
        return wrong;
    if (!text_is_quotable(text, strlen(text)))
        return "it has a quote or a backslash";
    return has_outer_blank(text) ? "it begins or ends with a blank" : NULL;
}

const char *names_check_username(const char *text)
{
    const char *wrong = names_check_realm(text);
    if (wrong != NULL)
        return wrong;
    if (strlen(text) < USERNAME_BYTES_MIN)
        return "it is shorter than 3 bytes";
    return strchr(text, ':') != NULL ? "it has a colon" : NULL;
}

const char *names_check_domain(const char *text)
{
    const char *wrong = check_text(text, NAME_BYTES_MAX);
    if (wrong != NULL)
        return wrong;
    return is_domain(text) ? NULL : "it is not a domain name, as ims.example.com";
}

/* After "tel:": digits with separators, then parameters (RFC 3966 3). */
static bool is_tel(const char *number)
{
    size_t digits = 0;
    if (*number == '+')
        number++;
    for (; *number != '\0' && *number != ';'; number++) {
        if (strchr("0123456789", *number) != NULL)
            digits++;
        else if (strchr("-.()", *number) == NULL)
            return false;
    }
    return digits > 0;
}

/* After "sip:": user@host; the host may have a port and parameters behind it. */
static bool is_sip(const char *address)
{
    const char *at = strchr(address, '@');
    return at != NULL && at > address && is_letter_or_digit(at[1]) && strchr(at + 1, '@') == NULL;
}

const char *names_check_impu(const char *text)
{
    const char *wrong = check_text(text, NAME_BYTES_MAX);
    if (wrong != NULL)
        return wrong;
    if (strpbrk(text, " <>\"") != NULL)
        return "it has a blank, < > or \"";
    if (strncasecmp(text, "tel:", 4) == 0)
        return is_tel(text + 4) ? NULL : "it is not a tel URI, as tel:+15551234567";
    bool good = (strncasecmp(text, "sip:", 4) == 0 && is_sip(text + 4)) ||
                (strncasecmp(text, "sips:", 5) == 0 && is_sip(text + 5));
    return good ? NULL : "it is not a SIP or tel URI, as sip:alice@ims.example.com";
}

const char *names_check_p_cscf(const char *text)
{
    struct in6_addr address;
    const char *wrong = check_text(text, NAME_BYTES_MAX);
    if (wrong != NULL)
        return wrong;
    if (inet_pton(AF_INET, text, &address) == 1 || inet_pton(AF_INET6, text, &address) == 1 ||
        is_domain(text))
        return NULL;
    return "it is not a domain name or an IP address";
}

const char *names_check_webrtc_uri(const char *text)
{
    static const char *const schemes[] = {"https://", "wss://", "http://", "ws://"};
    const char *wrong = check_text(text, NAME_BYTES_MAX);
    if (wrong != NULL)
        return wrong;
    if (strpbrk(text, " <>\"") != NULL)
        return "it has a blank, < > or \"";
    for (size_t i = 0; i < sizeof schemes / sizeof schemes[0]; i++) {
        size_t length = strlen(schemes[i]);
        if (strncasecmp(text, schemes[i], length) == 0 && text[length] != '\0' &&
            text[length] != '/')
            return NULL;
    }
    return "it is not a URI of the web, as https://wwsf.example.com/";
}
