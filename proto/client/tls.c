#include "tls.h"

#include <arpa/inet.h>
#include <errno.h>
#include <openssl/err.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <string.h>

#include "frame.h"

static bool say(char *out_why, const char *what, const char *reason)
{
    snprintf(out_why, TRANSPORT_WHY_BYTES, "%s: %s", what, reason);
    return false;
}

/* The oldest complaint is the cause of the others. */
static const char *reason_of(unsigned long error)
{
    const char *reason = ERR_SYSTEM_ERROR(error) ? strerrordesc_np(ERR_GET_REASON(error))
                                                 : ERR_reason_error_string(error);
    return reason != NULL ? reason : "OpenSSL gives no reason";
}

static bool say_openssl(char *out_why)
{
    (void)say(out_why, "OpenSSL", reason_of(ERR_peek_error()));
    ERR_clear_error();
    return false;
}

static bool say_file(char *out_why, const char *path, const char *expected)
{
    unsigned long error = ERR_peek_error();
    if (ERR_SYSTEM_ERROR(error))
        (void)say(out_why, path, reason_of(error));
    else
        snprintf(out_why, TRANSPORT_WHY_BYTES, "%s: %s (%s)", path, expected, reason_of(error));
    ERR_clear_error();
    return false;
}

/* RFC 8446 6.2: what a server says that does not like the client's certificate. */
static bool is_about_certificate(int alert)
{
    switch (alert) {
    case SSL_AD_BAD_CERTIFICATE:
    case SSL_AD_UNSUPPORTED_CERTIFICATE:
    case SSL_AD_CERTIFICATE_REVOKED:
    case SSL_AD_CERTIFICATE_EXPIRED:
    case SSL_AD_CERTIFICATE_UNKNOWN:
    case SSL_AD_UNKNOWN_CA:
    case SSL_AD_ACCESS_DENIED:
    case TLS13_AD_CERTIFICATE_REQUIRED:
        return true;
    default:
        return false;
    }
}

static bool say_alert(char *out_why, int alert)
{
    const char *text = SSL_alert_desc_string_long(alert);
    if (alert == SSL_AD_NO_APPLICATION_PROTOCOL)
        return say(out_why, "TLS", "the server does not speak " FRAME_ALPN);
    if (!is_about_certificate(alert))
        return say(out_why, "TLS: the server broke off", text);
    snprintf(out_why, TRANSPORT_WHY_BYTES,
             "the server refuses our certificate: %s; ask its operator for one", text);
    return false;
}

static bool say_verify(const struct tls *tls, char *out_why)
{
    snprintf(out_why, TRANSPORT_WHY_BYTES,
             "the server's certificate is refused: %s; is this the right server, name and CA file?",
             X509_verify_cert_error_string(SSL_get_verify_result(tls->ssl)));
    return false;
}

static bool say_protocol(const struct tls *tls, int reason, char *out_why)
{
    if (reason == SSL_R_CERTIFICATE_VERIFY_FAILED)
        return say_verify(tls, out_why);
    if (reason == SSL_R_UNEXPECTED_EOF_WHILE_READING)
        return say(out_why, "TLS", "the server broke the connection off");
    if (reason >= SSL_AD_REASON_OFFSET)
        return say_alert(out_why, reason - SSL_AD_REASON_OFFSET);
    return say(out_why, "TLS", reason_of(ERR_peek_error()));
}

void tls_clear(void)
{
    ERR_clear_error();
    errno = 0;
}

bool tls_say(const struct tls *tls, int error, char *out_why)
{
    int saved = errno;
    unsigned long complaint = ERR_peek_error();
    if (error == SSL_ERROR_ZERO_RETURN || (complaint == 0 && saved == 0))
        (void)say(out_why, "TLS", "the server closed the connection");
    else if (complaint == 0)
        (void)say(out_why, "TCP", strerrordesc_np(saved));
    else
        (void)say_protocol(tls, ERR_GET_REASON(complaint), out_why);
    ERR_clear_error();
    return false;
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

bool tls_open(struct tls *tls, char *out_why)
{
    if (OPENSSL_init_ssl(OPENSSL_INIT_NO_LOAD_CONFIG, NULL) != 1)
        return say_openssl(out_why);
    tls->library = OSSL_LIB_CTX_new();
    tls->method = socket_bio_method();
    if (tls->library != NULL)
        tls->context = SSL_CTX_new_ex(tls->library, NULL, TLS_client_method());
    if (tls->context == NULL || tls->method == NULL)
        return say_openssl(out_why);
    if (SSL_CTX_set_min_proto_version(tls->context, TLS1_3_VERSION) != 1 ||
        SSL_CTX_set_max_proto_version(tls->context, 0) != 1)
        return say_openssl(out_why);
    SSL_CTX_set_verify(tls->context, SSL_VERIFY_PEER, NULL);
    SSL_CTX_set_session_cache_mode(tls->context, SSL_SESS_CACHE_OFF);
    SSL_CTX_set_options(tls->context, SSL_OP_CLEANSE_PLAINTEXT);
    SSL_CTX_set_default_passwd_cb(tls->context, no_passphrase);
    return true;
}

bool tls_load(struct tls *tls, const struct transport_settings *settings, char *out_why)
{
    SSL_CTX *context = tls->context;
    ERR_clear_error();
    if (SSL_CTX_load_verify_file(context, settings->ca_file) != 1)
        return say_file(out_why, settings->ca_file, "no PEM certificates");
    if (SSL_CTX_use_certificate_chain_file(context, settings->certificate_file) != 1)
        return say_file(out_why, settings->certificate_file, "no PEM certificate");
    if (SSL_CTX_use_PrivateKey_file(context, settings->key_file, SSL_FILETYPE_PEM) != 1)
        return say_file(out_why, settings->key_file,
                        "no PEM key without passphrase that fits the certificate");
    return true;
}

/* A name stands in the subjectAltName; the common name is not looked at (RFC 9525). */
static bool expect_name(SSL *ssl, const char *name)
{
    unsigned char address[sizeof(struct in6_addr)];
    if (inet_pton(AF_INET, name, address) == 1 || inet_pton(AF_INET6, name, address) == 1)
        return X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(ssl), name) == 1;
    SSL_set_hostflags(ssl,
                      X509_CHECK_FLAG_NEVER_CHECK_SUBJECT | X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
    void *sent = (void *)(uintptr_t)name; /* only read */
    return SSL_set1_host(ssl, name) == 1 &&
           SSL_ctrl(ssl, SSL_CTRL_SET_TLSEXT_HOSTNAME, TLSEXT_NAMETYPE_host_name, sent) == 1;
}

bool tls_attach(struct tls *tls, const struct transport_settings *settings, struct socket_end *end,
                char *out_why)
{
    static const unsigned char alpn[] = "\x07" FRAME_ALPN;
    ERR_clear_error();
    tls->ssl = SSL_new(tls->context);
    BIO *bio = socket_bio_new(tls->library, tls->method, end);
    if (tls->ssl == NULL || bio == NULL) {
        BIO_free(bio);
        return say_openssl(out_why);
    }
    SSL_set_bio(tls->ssl, bio, bio);
    if (!expect_name(tls->ssl, settings->server_name) ||
        SSL_set_alpn_protos(tls->ssl, alpn, sizeof alpn - 1) != 0)
        return say_openssl(out_why);
    return true;
}

bool tls_check_protocol(const struct tls *tls, char *out_why)
{
    const unsigned char *chosen = NULL;
    unsigned length = 0;
    SSL_get0_alpn_selected(tls->ssl, &chosen, &length);
    if (length != sizeof FRAME_ALPN - 1 || memcmp(chosen, FRAME_ALPN, length) != 0)
        return say(out_why, "TLS", "the server does not speak " FRAME_ALPN);
    return true;
}

void tls_close(struct tls *tls)
{
    if (tls->ssl != NULL && SSL_is_init_finished(tls->ssl))
        (void)SSL_shutdown(tls->ssl);
    SSL_free(tls->ssl);
    SSL_CTX_free(tls->context);
    BIO_meth_free(tls->method);
    OSSL_LIB_CTX_free(tls->library);
    *tls = (struct tls){0};
    ERR_clear_error();
}
