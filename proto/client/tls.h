/*
 * The client's end of TLS: a context of its own from three PEM files, and OpenSSL's complaints in
 * words. False: out_why (TRANSPORT_WHY_BYTES) says in one line what is wrong.
 */
#ifndef NISIM_PROTO_CLIENT_TLS_H
#define NISIM_PROTO_CLIENT_TLS_H

#include <openssl/ssl.h>

#include "socket_bio.h"
#include "transport.h"

struct tls {
    OSSL_LIB_CTX *library; /* our own: the program's providers and properties stay the program's */
    SSL_CTX *context;
    BIO_METHOD *method;
    SSL *ssl;
};

/* Whatever it returns, the caller calls tls_close. */
MUST_CHECK bool tls_open(struct tls *tls, char *out_why);

/* Reads the files. */
MUST_CHECK bool tls_load(struct tls *tls, const struct transport_settings *settings, char *out_why);

/* Makes tls->ssl, that will talk over `end`, which must outlive it. */
MUST_CHECK bool tls_attach(struct tls *tls, const struct transport_settings *settings,
                           struct socket_end *end, char *out_why);

/* Says goodbye if there is a session and that does not block; frees. */
void tls_close(struct tls *tls);

/* Did server and client agree on FRAME_ALPN? */
MUST_CHECK bool tls_check_protocol(const struct tls *tls, char *out_why);

/* Before each call on tls->ssl, so that the next complaint is that call's. */
void tls_clear(void);

/* False. The reason of a call on tls->ssl that can't go on; `error` is of SSL_get_error. */
bool tls_say(const struct tls *tls, int error, char *out_why);

#endif
