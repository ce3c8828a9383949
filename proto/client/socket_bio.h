/*
 * A BIO on a connected, non-blocking socket. It sends with MSG_NOSIGNAL, because a library must
 * not raise SIGPIPE, and stops at the deadline even when the peer never stops sending.
 */
#ifndef NISIM_PROTO_CLIENT_SOCKET_BIO_H
#define NISIM_PROTO_CLIENT_SOCKET_BIO_H

#include <openssl/bio.h>

#include "deadline.h"

struct socket_end {
    int descriptor;                  /* -1: none */
    const struct deadline *deadline; /* of the call in hand; NULL between calls */
};

/* The caller frees it with BIO_meth_free, after the last BIO made of it. NULL: no memory. */
BIO_METHOD *socket_bio_method(void);

/* `end` is borrowed and must outlive the BIO. NULL: no memory. */
BIO *socket_bio_new(OSSL_LIB_CTX *library, const BIO_METHOD *method, struct socket_end *end);

#endif
