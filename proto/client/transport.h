/*
 * Bytes to and from a server over mutual TLS 1.3, each call within a deadline. False means the
 * connection is of no more use; `why` (TRANSPORT_WHY_BYTES) then says in one line what happened.
 */
#ifndef NISIM_PROTO_CLIENT_TRANSPORT_H
#define NISIM_PROTO_CLIENT_TRANSPORT_H

#include <stdbool.h>
#include <stddef.h>

#include "deadline.h"

#define TRANSPORT_WHY_BYTES 1024

struct transport;

struct transport_settings {
    const char *host;
    const char *port;
    const char *server_name;
    const char *ca_file;
    const char *certificate_file;
    const char *key_file;
};

enum transport_result {
    TRANSPORT_DONE,
    TRANSPORT_BAD_FILES, /* ours: nothing was tried; change them */
    TRANSPORT_FAILED,
};

/* Connects, shakes hands, checks the server's certificate, its name and the ALPN protocol. */
MUST_CHECK enum transport_result transport_open(const struct transport_settings *settings,
                                                const struct deadline *deadline, char *out_why,
                                                struct transport **out_transport);

/* Says goodbye if that does not block; frees; nulls the caller's pointer. Takes NULL in it. */
void transport_close(struct transport **transport);

MUST_CHECK bool transport_send(struct transport *transport, const void *bytes, size_t length,
                               const struct deadline *deadline, char *out_why);

/* To poll for what comes, when transport_has_more says no. */
int transport_descriptor(const struct transport *transport);
bool transport_has_more(const struct transport *transport);

/* Exactly `length` bytes. */
MUST_CHECK bool transport_receive(struct transport *transport, void *out_bytes, size_t length,
                                  const struct deadline *deadline, char *out_why);

#endif
