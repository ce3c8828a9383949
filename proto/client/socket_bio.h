/* A BIO on a connected socket that sends with MSG_NOSIGNAL: a library must not raise SIGPIPE. */
#ifndef NISIM_CLIENT_SOCKET_BIO_H
#define NISIM_CLIENT_SOCKET_BIO_H

#include <openssl/bio.h>

/* The caller frees it with BIO_meth_free, after the last BIO made of it. NULL: no memory. */
BIO_METHOD *socket_bio_method(void);

/* `descriptor` is borrowed and must outlive the BIO. NULL: no memory. */
BIO *socket_bio_new(OSSL_LIB_CTX *library, const BIO_METHOD *method, const int *descriptor);

#endif
