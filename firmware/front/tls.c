#include "tls.h"

#include <errno.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/x509_vfy.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tls_key.h"

#define CIPHERS_OF_TLS_1_2 "ECDHE+AESGCM:ECDHE+CHACHA20"
#define SECURITY_LEVEL 2 /* OpenSSL's: 112 bits and more */

struct tls {
    OSSL_LIB_CTX *library;
    SSL_CTX *context;
    struct tls_key *key;
    unsigned
        call_seconds; /* longest a handshake's use of a token may take; 0: key not in a token */
};

static const unsigned char offered_alpn[] = "\x07" FRAME_ALPN;

/* Without this a client that offers no ALPN at all would be let in. */
static int require_alpn(SSL *ssl, int *out_alert, void *user)
{
    const unsigned char *extension = NULL;
    size_t length = 0;
    (void)user;
    if (SSL_client_hello_get0_ext(ssl, TLSEXT_TYPE_application_layer_protocol_negotiation,
                                  &extension, &length) == 1)
        return SSL_CLIENT_HELLO_SUCCESS;
    ERR_raise(ERR_LIB_SSL, SSL_R_NO_APPLICATION_PROTOCOL);
    *out_alert = SSL_AD_NO_APPLICATION_PROTOCOL;
    return SSL_CLIENT_HELLO_ERROR;
}

static int choose_alpn(SSL *ssl, const unsigned char **out, unsigned char *out_length,
                       const unsigned char *offer, unsigned offer_length, void *user)
{
    unsigned char *chosen = NULL;
    (void)ssl;
    (void)user;
    if (SSL_select_next_proto(&chosen, out_length, offered_alpn, sizeof offered_alpn - 1, offer,
                              offer_length) != OPENSSL_NPN_NEGOTIATED)
        return SSL_TLSEXT_ERR_ALERT_FATAL;
    *out = chosen;
    return SSL_TLSEXT_ERR_OK;
}

static enum exit_code explain(char out_why[CONFIG_WHY_BYTES], const char *option, const char *value)
{
    const char *reason = ERR_reason_error_string(ERR_peek_error());
    snprintf(out_why, CONFIG_WHY_BYTES, "%s %s: %s", option, value,
             reason != NULL ? reason : "can't be used");
    ERR_clear_error();
    return EXIT_CONFIG;
}

static void set_protocol(SSL_CTX *context, const struct config *config)
{
    bool old = config->tls_minimum != NULL && strcmp(config->tls_minimum, "1.2") == 0;
    SSL_CTX_set_min_proto_version(context, old ? TLS1_2_VERSION : TLS1_3_VERSION);
    SSL_CTX_set_security_level(context, SECURITY_LEVEL);
    SSL_CTX_set_options(context, SSL_OP_NO_TICKET | SSL_OP_NO_RENEGOTIATION |
                                     SSL_OP_NO_COMPRESSION | SSL_OP_CIPHER_SERVER_PREFERENCE);
    SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
    SSL_CTX_set_num_tickets(context, 0);
    SSL_CTX_set_max_early_data(context, 0);
    SSL_CTX_set_mode(context, SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ENABLE_PARTIAL_WRITE |
                                  SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
    /* Several records by one read(2); connection.c reads on until there is no more. */
    SSL_CTX_set_read_ahead(context, 1);
    SSL_CTX_set_client_hello_cb(context, require_alpn, NULL);
    SSL_CTX_set_alpn_select_cb(context, choose_alpn, NULL);
}

/* The CRL is asked about the client's own certificate, not about the authorities. */
static enum exit_code set_crl(SSL_CTX *context, const char *path, char out_why[CONFIG_WHY_BYTES])
{
    X509_STORE *store = SSL_CTX_get_cert_store(context);
    X509_LOOKUP *lookup = X509_STORE_add_lookup(store, X509_LOOKUP_file());
    if (lookup == NULL || X509_load_crl_file(lookup, path, X509_FILETYPE_PEM) < 1)
        return explain(out_why, "tls.crl", path);
    X509_STORE_set_flags(store, X509_V_FLAG_CRL_CHECK);
    return EXIT_DONE;
}

static enum exit_code set_clients(struct tls *tls, const struct config *config,
                                  char out_why[CONFIG_WHY_BYTES])
{
    const char *path = config->tls_client_ca;
    STACK_OF(X509_NAME) *names = SSL_load_client_CA_file_ex(path, tls->library, NULL);
    if (names == NULL || SSL_CTX_load_verify_file(tls->context, path) != 1) {
        sk_X509_NAME_pop_free(names, X509_NAME_free);
        return explain(out_why, "tls.client_ca", path);
    }
    SSL_CTX_set_client_CA_list(tls->context, names); /* takes them over */
    SSL_CTX_set_verify(tls->context, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, NULL);
    return config->tls_crl == NULL ? EXIT_DONE : set_crl(tls->context, config->tls_crl, out_why);
}

static enum exit_code set_server(struct tls *tls, const struct config *config,
                                 char out_why[CONFIG_WHY_BYTES])
{
    if (SSL_CTX_use_certificate_chain_file(tls->context, config->tls_certificate) != 1)
        return explain(out_why, "tls.certificate", config->tls_certificate);
    enum exit_code code = tls_key_load(config, tls->library, out_why, &tls->key);
    if (code != EXIT_DONE)
        return code;
    tls->call_seconds = tls_key_in_token(config) ? config->token_call_timeout : 0;
    if (SSL_CTX_use_PrivateKey(tls->context, tls_key_of(tls->key)) != 1 ||
        SSL_CTX_check_private_key(tls->context) != 1)
        return explain(out_why, "tls.key", "does not belong to tls.certificate");
    return EXIT_DONE;
}

static enum exit_code set_up(struct tls *tls, const struct config *config,
                             char out_why[CONFIG_WHY_BYTES])
{
    if (OPENSSL_init_ssl(OPENSSL_INIT_NO_LOAD_CONFIG, NULL) != 1)
        return explain(out_why, "tls", "OpenSSL");
    tls->library = OSSL_LIB_CTX_new();
    if (tls->library != NULL)
        tls->context = SSL_CTX_new_ex(tls->library, NULL, TLS_server_method());
    if (tls->context == NULL)
        return explain(out_why, "tls", "OpenSSL");
    set_protocol(tls->context, config);
    if (SSL_CTX_set_cipher_list(tls->context, CIPHERS_OF_TLS_1_2) != 1)
        return explain(out_why, "tls", "ciphers");
    enum exit_code code = set_server(tls, config, out_why);
    return code != EXIT_DONE ? code : set_clients(tls, config, out_why);
}

enum exit_code tls_new(const struct config *config, char out_why[CONFIG_WHY_BYTES],
                       struct tls **out_tls)
{
    struct tls *tls = calloc(1, sizeof *tls);
    if (tls == NULL)
        return EXIT_LOST;
    enum exit_code code = set_up(tls, config, out_why);
    if (code != EXIT_DONE) {
        tls_free(&tls);
        return code;
    }
    *out_tls = tls;
    return EXIT_DONE;
}

void tls_free(struct tls **tls)
{
    if (*tls == NULL)
        return;
    SSL_CTX_free((*tls)->context);
    tls_key_free(&(*tls)->key);
    OSSL_LIB_CTX_free((*tls)->library);
    free(*tls);
    *tls = NULL;
}

time_t tls_certificate_expiry(const struct tls *tls)
{
    struct tm utc = {0};
    const X509 *certificate = SSL_CTX_get0_certificate(tls->context);
    /* It was parsed when it was loaded: its times are times. */
    return ASN1_TIME_to_tm(X509_get0_notAfter(certificate), &utc) == 1 ? timegm(&utc) : 0;
}

SSL *tls_accept_new(struct tls *tls, int descriptor)
{
    SSL *ssl = SSL_new(tls->context);
    if (ssl != NULL && SSL_set_fd(ssl, descriptor) != 1) {
        SSL_free(ssl);
        ssl = NULL;
    }
    if (ssl != NULL)
        SSL_set_accept_state(ssl);
    ERR_clear_error();
    return ssl;
}

/* OpenSSL's reason, and for a certificate that was refused, which rule it broke. */
static void describe_failure(const SSL *ssl, char out_reason[TLS_REASON_BYTES])
{
    unsigned long error = ERR_peek_error();
    const char *reason = ERR_reason_error_string(error);
    long verify = SSL_get_verify_result(ssl);
    bool refused = ERR_GET_REASON(error) == SSL_R_CERTIFICATE_VERIFY_FAILED;
    snprintf(out_reason, TLS_REASON_BYTES, "%s%s%s", reason != NULL ? reason : "TLS error",
             refused ? ": " : "", refused ? X509_verify_cert_error_string(verify) : "");
}

/* `rc` is what the last call on this connection returned. */
static enum tls_result result_of(const SSL *ssl, int rc, char out_reason[TLS_REASON_BYTES])
{
    int saved = errno;
    enum tls_result result = TLS_FAILED;
    switch (SSL_get_error(ssl, rc)) {
    case SSL_ERROR_NONE:
        return TLS_DONE;
    case SSL_ERROR_WANT_READ:
        return TLS_WANT_READ;
    case SSL_ERROR_WANT_WRITE:
        return TLS_WANT_WRITE;
    case SSL_ERROR_ZERO_RETURN:
        return TLS_CLOSED;
    case SSL_ERROR_SSL:
        result = ERR_GET_REASON(ERR_peek_error()) == SSL_R_UNEXPECTED_EOF_WHILE_READING
                     ? TLS_BROKEN
                     : TLS_FAILED;
        describe_failure(ssl, out_reason);
        break;
    default:
        result = TLS_BROKEN;
        snprintf(out_reason, TLS_REASON_BYTES, "%s", saved != 0 ? strerror(saved) : "end of file");
        break;
    }
    ERR_clear_error();
    return result;
}

enum tls_result tls_handshake(struct tls *tls, SSL *ssl, char out_reason[TLS_REASON_BYTES])
{
    ERR_clear_error();
    errno = 0;
    if (tls->call_seconds != 0)
        alarm(tls->call_seconds);
    int rc = SSL_do_handshake(ssl);
    if (tls->call_seconds != 0)
        alarm(0);
    return result_of(ssl, rc, out_reason);
}

enum tls_result tls_read(SSL *ssl, void *buffer, size_t room, size_t *out_bytes,
                         char out_reason[TLS_REASON_BYTES])
{
    ERR_clear_error();
    errno = 0;
    int rc = SSL_read_ex(ssl, buffer, room, out_bytes);
    return result_of(ssl, rc, out_reason);
}

enum tls_result tls_write(SSL *ssl, const void *bytes, size_t length, size_t *out_bytes,
                          char out_reason[TLS_REASON_BYTES])
{
    ERR_clear_error();
    errno = 0;
    int rc = SSL_write_ex(ssl, bytes, length, out_bytes);
    return result_of(ssl, rc, out_reason);
}

enum tls_result tls_close(SSL *ssl)
{
    char reason[TLS_REASON_BYTES];
    ERR_clear_error();
    errno = 0;
    int rc = SSL_shutdown(ssl);
    return rc >= 0 ? TLS_DONE : result_of(ssl, rc, reason);
}
