#include "transport.h"

#include <arpa/inet.h>
#include <errno.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "frame.h"
#include "socket_bio.h"
#include "tcp.h"

struct transport {
    int descriptor;
    OSSL_LIB_CTX *library; /* our own: the program's OpenSSL settings stay the program's */
    SSL_CTX *context;
    BIO_METHOD *method;
    SSL *ssl;
};

static bool say(char *out_why, const char *what, const char *reason)
{
    snprintf(out_why, TRANSPORT_WHY_BYTES, "%s: %s", what, reason);
    return false;
}

static bool say_openssl(char *out_why, const char *what)
{
    unsigned long error = ERR_peek_error();
    const char *reason = ERR_reason_error_string(error);
    bool from_system = ERR_SYSTEM_ERROR(error);
    (void)say(out_why, what,
              from_system      ? strerror((int)ERR_GET_REASON(error))
              : reason != NULL ? reason
                               : "OpenSSL gives no reason");
    ERR_clear_error();
    return false;
}

/* The reason of a call on `ssl` that can't go on. */
static bool say_tls(const struct transport *transport, int error, const char *what, char *out_why)
{
    long verify = SSL_get_verify_result(transport->ssl);
    if (error == SSL_ERROR_ZERO_RETURN)
        return say(out_why, what, "the server closed the connection");
    if (error == SSL_ERROR_SYSCALL && ERR_peek_error() == 0)
        return say(out_why, what,
                   errno == 0 ? "the server closed the connection" : strerror(errno));
    if (ERR_GET_REASON(ERR_peek_error()) == SSL_R_CERTIFICATE_VERIFY_FAILED) {
        ERR_clear_error();
        snprintf(out_why, TRANSPORT_WHY_BYTES, "%s: the server's certificate is refused: %s", what,
                 X509_verify_cert_error_string(verify));
        return false;
    }
    return say_openssl(out_why, what);
}

/* True: call again. `rc` is what the last call returned. */
static bool wait_for(const struct transport *transport, int rc, const struct deadline *deadline,
                     const char *what, char *out_why)
{
    int saved = errno;
    int error = SSL_get_error(transport->ssl, rc);
    errno = saved;
    if (error != SSL_ERROR_WANT_READ && error != SSL_ERROR_WANT_WRITE)
        return say_tls(transport, error, what, out_why);
    short events = error == SSL_ERROR_WANT_READ ? POLLIN : POLLOUT;
    int ready = deadline_wait(deadline, transport->descriptor, events);
    if (ready == 0)
        return say(out_why, what, "no answer in time");
    return ready > 0 || say(out_why, what, strerror(errno));
}

static bool load_files(struct transport *transport, const struct transport_settings *settings,
                       char *out_why)
{
    SSL_CTX *context = transport->context;
    if (SSL_CTX_load_verify_file(context, settings->ca_file) != 1)
        return say_openssl(out_why, settings->ca_file);
    if (SSL_CTX_use_certificate_chain_file(context, settings->certificate_file) != 1)
        return say_openssl(out_why, settings->certificate_file);
    if (SSL_CTX_use_PrivateKey_file(context, settings->key_file, SSL_FILETYPE_PEM) != 1)
        return say_openssl(out_why, settings->key_file);
    return true;
}

/* A key under a passphrase is refused, not asked for: a library has no terminal. */
static int no_passphrase(char *buffer, int room, int writing, void *user)
{
    (void)buffer;
    (void)room;
    (void)writing;
    (void)user;
    return -1;
}

static bool make_context(struct transport *transport, const struct transport_settings *settings,
                         char *out_why)
{
    if (OPENSSL_init_ssl(OPENSSL_INIT_NO_LOAD_CONFIG, NULL) != 1)
        return say_openssl(out_why, "OpenSSL");
    transport->library = OSSL_LIB_CTX_new();
    transport->method = socket_bio_method();
    if (transport->library != NULL)
        transport->context = SSL_CTX_new_ex(transport->library, NULL, TLS_client_method());
    if (transport->context == NULL || transport->method == NULL)
        return say_openssl(out_why, "OpenSSL");
    SSL_CTX_set_min_proto_version(transport->context, TLS1_3_VERSION);
    SSL_CTX_set_verify(transport->context, SSL_VERIFY_PEER, NULL);
    SSL_CTX_set_session_cache_mode(transport->context, SSL_SESS_CACHE_OFF);
    SSL_CTX_set_default_passwd_cb(transport->context, no_passphrase);
    return load_files(transport, settings, out_why);
}

static bool expect_name(SSL *ssl, const char *name)
{
    unsigned char address[sizeof(struct in6_addr)];
    if (inet_pton(AF_INET, name, address) == 1 || inet_pton(AF_INET6, name, address) == 1)
        return X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(ssl), name) == 1;
    char *sni = (char *)(uintptr_t)name; /* OpenSSL only reads it */
    return SSL_set1_host(ssl, name) == 1 && SSL_set_tlsext_host_name(ssl, sni) == 1;
}

static bool make_ssl(struct transport *transport, const struct transport_settings *settings,
                     char *out_why)
{
    static const unsigned char alpn[] = "\x07" FRAME_ALPN;
    transport->ssl = SSL_new(transport->context);
    BIO *bio = socket_bio_new(transport->library, transport->method, &transport->descriptor);
    if (transport->ssl == NULL || bio == NULL) {
        BIO_free(bio);
        return say_openssl(out_why, "OpenSSL");
    }
    SSL_set_bio(transport->ssl, bio, bio);
    if (!expect_name(transport->ssl, settings->server_name) ||
        SSL_set_alpn_protos(transport->ssl, alpn, sizeof alpn - 1) != 0)
        return say_openssl(out_why, settings->server_name);
    return true;
}

static bool shake_hands(struct transport *transport, const struct deadline *deadline, char *out_why)
{
    const unsigned char *chosen = NULL;
    unsigned length = 0;
    for (;;) {
        ERR_clear_error();
        errno = 0;
        int rc = SSL_connect(transport->ssl);
        if (rc == 1)
            break;
        if (!wait_for(transport, rc, deadline, "TLS", out_why))
            return false;
    }
    SSL_get0_alpn_selected(transport->ssl, &chosen, &length);
    if (length != sizeof FRAME_ALPN - 1 || memcmp(chosen, FRAME_ALPN, length) != 0)
        return say(out_why, "TLS", "the server does not speak " FRAME_ALPN);
    return true;
}

bool transport_open(const struct transport_settings *settings, const struct deadline *deadline,
                    char *out_why, struct transport **out_transport)
{
    struct transport *transport = calloc(1, sizeof *transport);
    if (transport == NULL)
        return say(out_why, "memory", "there is none");
    transport->descriptor = -1;
    bool done = make_context(transport, settings, out_why);
    if (done) {
        transport->descriptor =
            tcp_connect(settings->host, settings->port, deadline, out_why, TRANSPORT_WHY_BYTES);
        done = transport->descriptor >= 0;
    }
    done =
        done && make_ssl(transport, settings, out_why) && shake_hands(transport, deadline, out_why);
    if (!done) {
        transport_close(&transport);
        return false;
    }
    *out_transport = transport;
    return true;
}

void transport_close(struct transport **transport)
{
    if (*transport == NULL)
        return;
    if ((*transport)->ssl != NULL && SSL_is_init_finished((*transport)->ssl))
        (void)SSL_shutdown((*transport)->ssl);
    SSL_free((*transport)->ssl);
    SSL_CTX_free((*transport)->context);
    BIO_meth_free((*transport)->method);
    OSSL_LIB_CTX_free((*transport)->library);
    if ((*transport)->descriptor >= 0)
        close((*transport)->descriptor);
    ERR_clear_error();
    free(*transport);
    *transport = NULL;
}

bool transport_send(struct transport *transport, const void *bytes, size_t length,
                    const struct deadline *deadline, char *out_why)
{
    for (;;) {
        size_t sent = 0;
        ERR_clear_error();
        errno = 0;
        int rc = SSL_write_ex(transport->ssl, bytes, length, &sent);
        if (rc == 1)
            return true;
        if (!wait_for(transport, rc, deadline, "sending", out_why))
            return false;
    }
}

bool transport_receive(struct transport *transport, void *out_bytes, size_t length,
                       const struct deadline *deadline, char *out_why)
{
    unsigned char *at = out_bytes;
    while (length > 0) {
        size_t got = 0;
        ERR_clear_error();
        errno = 0;
        int rc = SSL_read_ex(transport->ssl, at, length, &got);
        if (rc != 1 && !wait_for(transport, rc, deadline, "receiving", out_why))
            return false;
        at += got;
        length -= got;
    }
    return true;
}
