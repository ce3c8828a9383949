/*
 * TLS of the front: a server that asks every client for a certificate and speaks only FRAME_ALPN.
 * The library context is our own and no openssl.cnf is read. All calls on a connection leave
 * OpenSSL's error queue empty.
 */
#ifndef NISIM_FRONT_TLS_H
#define NISIM_FRONT_TLS_H

#include <openssl/ssl.h>
#include <time.h>

#include "channel.h"
#include "config.h"

#define TLS_REASON_BYTES 160

struct tls;

/* What a call on a connection came to, and what the caller does next. */
enum tls_result {
    TLS_DONE,       /* go on */
    TLS_WANT_READ,  /* again when the socket is readable */
    TLS_WANT_WRITE, /* again, with the same bytes, when the socket is writable */
    TLS_CLOSED,     /* the peer said it will send no more: answer, then close */
    TLS_FAILED,     /* out_reason says why; an alert may be on its way: no more TLS, then linger */
    TLS_BROKEN,     /* the peer or the network is gone: close */
};

/* EXIT_DONE, or how the process is to end and why. */
MUST_CHECK enum exit_code tls_new(const struct config *config, char out_why[CONFIG_WHY_BYTES],
                                  struct tls **out_tls);
void tls_free(struct tls **tls);

/* When the server's certificate expires, in seconds since 1970. */
time_t tls_certificate_expiry(const struct tls *tls);

/* NULL when memory runs out. The caller frees with SSL_free and closes the descriptor after. */
MUST_CHECK SSL *tls_accept_new(struct tls *tls, int descriptor);

MUST_CHECK enum tls_result tls_handshake(struct tls *tls, SSL *ssl,
                                         char out_reason[TLS_REASON_BYTES]);
MUST_CHECK enum tls_result tls_read(SSL *ssl, void *buffer, size_t room, size_t *out_bytes,
                                    char out_reason[TLS_REASON_BYTES]);
MUST_CHECK enum tls_result tls_write(SSL *ssl, const void *bytes, size_t length, size_t *out_bytes,
                                     char out_reason[TLS_REASON_BYTES]);

/* Sends close_notify; does not wait for the peer's. */
MUST_CHECK enum tls_result tls_close(SSL *ssl);

#endif
