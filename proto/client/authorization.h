/*
 * The SIP headers of digest authentication (RFC 3261 20.44, 20.7, 25.1; RFC 3310 3.2): a
 * WWW-Authenticate value taken apart by libosip2, an Authorization value put together.
 */
#ifndef NISIM_PROTO_CLIENT_AUTHORIZATION_H
#define NISIM_PROTO_CLIENT_AUTHORIZATION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "digest_message.h"

#define OPAQUE_BYTES_MAX 512

/* Parameters without their quotes; none holds a quote, a backslash or a control character. */
struct www_authenticate {
    enum digest_algorithm algorithm;
    enum digest_protection protection; /* auth where it is offered */
    char realm[NAME_BYTES_MAX + 1];
    char nonce[NONCE_BYTES_MAX + 1];
    char opaque[OPAQUE_BYTES_MAX + 1]; /* empty without one */
    bool stale;                        /* the last nonce was too old; nothing else is wrong */
};

/* What an Authorization says beside what it was asked. */
struct authorization {
    const char *username;
    const char *uri;
    const char *response; /* "" after a wrong MAC */
    const char *nc;       /* NULL without protection, as is cnonce */
    const char *cnonce;
    const uint8_t *auts; /* NULL unless the SQN was not fresh */
};

/* NULL when it could be read; else what is wrong with it, in a few words. */
MUST_CHECK const char *www_authenticate_read(const char *value, struct www_authenticate *out);

/* False when `room` does not suffice. */
MUST_CHECK bool authorization_write(const struct www_authenticate *asked,
                                    const struct authorization *authorization, char *out_value,
                                    size_t room);

#endif
