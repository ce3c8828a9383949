/* The value of Authentication-Info (RFC 7616 3.5, RFC 3261 20.6), from a server that may lie. */
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "nisim.h"
#include "text.h"

#define PARAMETERS 4

/* Those that matter here; qop and what is not known is read over. */
struct parameters {
    bool seen[PARAMETERS];
    char next_nonce[NISIM_NONCE_BYTES];
    char rspauth[NISIM_HASH_BYTES];
    char cnonce[NISIM_CNONCE_BYTES];
    char nc[8 + 1];
};

/* A piece of the value. */
struct piece {
    const char *text;
    size_t length;
};

static void skip_blanks(const char **at)
{
    *at += strspn(*at, " \t");
}

static bool take_word(const char **at, struct piece *out)
{
    out->text = *at;
    out->length =
        strspn(*at, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-.!%*_+`'~");
    *at += out->length;
    return out->length > 0;
}

/* Without its quotes. A backslash could hide one, and no parameter here needs it. */
static bool take_quoted(const char **at, struct piece *out)
{
    (*at)++;
    out->text = *at;
    out->length = strcspn(*at, "\"\\");
    *at += out->length;
    if (**at != '"')
        return false;
    (*at)++;
    return true;
}

static bool take_parameter(const char **at, struct piece *out_name, struct piece *out_value)
{
    skip_blanks(at);
    if (!take_word(at, out_name))
        return false;
    skip_blanks(at);
    if (**at != '=')
        return false;
    (*at)++;
    skip_blanks(at);
    if (**at == '"' ? !take_quoted(at, out_value) : !take_word(at, out_value))
        return false;
    skip_blanks(at);
    return **at == ',' || **at == '\0';
}

static bool is_called(const struct piece *piece, const char *name)
{
    return strlen(name) == piece->length && strncasecmp(piece->text, name, piece->length) == 0;
}

/* NULL, or what is wrong. */
static const char *keep(struct parameters *parameters, const struct piece *name,
                        const struct piece *value)
{
    const struct {
        const char *name;
        char *text;
        size_t room;
    } known[PARAMETERS] = {
        {"nextnonce", parameters->next_nonce, sizeof parameters->next_nonce},
        {"rspauth", parameters->rspauth, sizeof parameters->rspauth},
        {"cnonce", parameters->cnonce, sizeof parameters->cnonce},
        {"nc", parameters->nc, sizeof parameters->nc},
    };
    for (size_t i = 0; i < PARAMETERS; i++) {
        if (!is_called(name, known[i].name))
            continue;
        if (parameters->seen[i])
            return "a parameter stands twice";
        if (value->length == 0 || value->length >= known[i].room)
            return "a parameter is empty or too long";
        parameters->seen[i] = true;
        memcpy(known[i].text, value->text, value->length);
        known[i].text[value->length] = '\0';
    }
    return NULL;
}

static const char *read_value(const char *value, struct parameters *out)
{
    struct piece name;
    struct piece content;
    if (!text_is_clean(value, strlen(value)))
        return "it has a control character or is not UTF-8";
    for (;;) {
        if (!take_parameter(&value, &name, &content))
            return "it is no Authentication-Info value";
        const char *why = keep(out, &name, &content);
        if (why != NULL || *value == '\0')
            return why;
        value++;
    }
}

/* What the server gives back of the request, where it does and the caller knows it. */
static bool is_of_exchange(const struct parameters *said, const struct nisim_exchange *exchange)
{
    char nc[8 + 1];
    bool has_cnonce = said->cnonce[0] != '\0' && exchange->cnonce[0] != '\0';
    bool has_nc = said->nc[0] != '\0' && exchange->nc != 0;
    snprintf(nc, sizeof nc, "%08x", (unsigned)exchange->nc);
    return (!has_cnonce || strcmp(said->cnonce, exchange->cnonce) == 0) &&
           (!has_nc || strcasecmp(said->nc, nc) == 0);
}

enum nisim_result nisim_authentication_info(const char *value,
                                            const struct nisim_exchange *exchange,
                                            struct nisim_authentication_info *out)
{
    struct parameters said = {0};
    bool can_prove = exchange->rspauth[0] != '\0';
    *out = (struct nisim_authentication_info){.why = ""};
    const char *why = read_value(value, &said);
    if (why != NULL) {
        out->why = why;
        return NISIM_BAD_REQUEST;
    }
    if (!is_of_exchange(&said, exchange)) {
        out->why = "its cnonce or nc is not that of the request";
        return NISIM_MAC_FAILURE;
    }
    if (can_prove && said.rspauth[0] != '\0' && strcasecmp(said.rspauth, exchange->rspauth) != 0) {
        out->why = "its rspauth is wrong: the server does not know the secret";
        return NISIM_MAC_FAILURE;
    }
    out->is_proven = can_prove && said.rspauth[0] != '\0';
    memcpy(out->next_nonce, said.next_nonce, sizeof out->next_nonce);
    return NISIM_OK;
}
