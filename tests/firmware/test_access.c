#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <openssl/evp.h>
#include <openssl/x509v3.h>

#include "access.h"

static EVP_PKEY *key;

static int make_key(void **state)
{
    (void)state;
    key = EVP_EC_gen("P-256");
    return key == NULL;
}

static int free_key(void **state)
{
    (void)state;
    EVP_PKEY_free(key);
    return 0;
}

/* `names` as openssl.cnf writes a subjectAltName; NULL: none. */
static X509 *certificate_with(const char *names)
{
    X509 *certificate = X509_new();
    X509_NAME *subject = X509_get_subject_name(certificate);
    assert_int_equal(X509_set_version(certificate, 2), 1);
    /* A common name is no name: nobody is let in by it. */
    assert_int_equal(X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_ASC,
                                                (const unsigned char *)"wwsf1.example.com", -1, -1,
                                                0),
                     1);
    assert_non_null(X509_gmtime_adj(X509_getm_notBefore(certificate), 0));
    assert_non_null(X509_gmtime_adj(X509_getm_notAfter(certificate), 3600));
    assert_int_equal(X509_set_pubkey(certificate, key), 1);
    if (names != NULL) {
        X509_EXTENSION *extension = X509V3_EXT_conf_nid(NULL, NULL, NID_subject_alt_name, names);
        assert_non_null(extension);
        assert_int_equal(X509_add_ext(certificate, extension, -1), 1);
        X509_EXTENSION_free(extension);
    }
    assert_int_not_equal(X509_sign(certificate, key, EVP_sha256()), 0);
    return certificate;
}

/* A DNS name with a NUL inside, which no openssl.cnf can write. */
static X509 *certificate_with_nul(const char *name, int length)
{
    X509 *certificate = certificate_with(NULL);
    GENERAL_NAMES *names = GENERAL_NAMES_new();
    GENERAL_NAME *entry = GENERAL_NAME_new();
    ASN1_IA5STRING *text = ASN1_IA5STRING_new();
    assert_int_equal(ASN1_STRING_set(text, name, length), 1);
    GENERAL_NAME_set0_value(entry, GEN_DNS, text);
    assert_int_equal(sk_GENERAL_NAME_push(names, entry), 1);
    assert_int_equal(X509_add1_ext_i2d(certificate, NID_subject_alt_name, names, 0, 0), 1);
    GENERAL_NAMES_free(names);
    assert_int_not_equal(X509_sign(certificate, key, EVP_sha256()), 0);
    return certificate;
}

static struct client clients[] = {
    {.name = "by-dns", .match = CLIENT_BY_DNS, .pattern = "wwsf1.example.com"},
    {.name = "by-uri", .match = CLIENT_BY_URI, .pattern = "urn:wwsf:2"},
    {.name = "by-print", .match = CLIENT_BY_SHA256},
    {.name = "again", .match = CLIENT_BY_DNS, .pattern = "WWSF1.example.com"},
};

static const char *found(X509 *certificate)
{
    struct config config = {.client_count = sizeof clients / sizeof clients[0], .clients = clients};
    const struct client *client = access_find(&config, certificate);
    X509_free(certificate);
    return client == NULL ? "nobody" : client->name;
}

static void test_strangers(void **state)
{
    static const char *const strangers[] = {
        NULL,
        "DNS:wwsf1.example.co",
        "DNS:wwsf1.example.com.",
        "DNS:wwsf1.example.com.evil.example",
        "DNS:*.example.com",
        "DNS:urn:wwsf:2",
        "URI:wwsf1.example.com",
        "URI:URN:WWSF:2",
        "URI:urn:wwsf:22",
        "email:wwsf1@example.com,IP:127.0.0.1",
    };
    (void)state;
    for (size_t i = 0; i < sizeof strangers / sizeof strangers[0]; i++)
        assert_string_equal(found(certificate_with(strangers[i])), "nobody");
    assert_string_equal(found(certificate_with_nul("wwsf1.example.com\0", 18)), "nobody");
    assert_string_equal(found(certificate_with_nul("wwsf1.example.com\0.evil.example", 31)),
                        "nobody");
    assert_string_equal(found(certificate_with_nul("", 0)), "nobody");
}

static void test_names(void **state)
{
    (void)state;
    assert_string_equal(found(certificate_with("DNS:wwsf1.example.com")), "by-dns");
    assert_string_equal(found(certificate_with("DNS:WWSF1.EXAMPLE.COM")), "by-dns");
    assert_string_equal(found(certificate_with("DNS:other.example,DNS:wwsf1.example.com")),
                        "by-dns");
    assert_string_equal(found(certificate_with("URI:urn:wwsf:2")), "by-uri");
}

static void test_first_listed_wins(void **state)
{
    (void)state;
    assert_string_equal(found(certificate_with("URI:urn:wwsf:2,DNS:wwsf1.example.com")), "by-dns");
}

static void test_fingerprint(void **state)
{
    X509 *certificate = certificate_with("DNS:nobody.example.com");
    unsigned length = 0;
    (void)state;
    assert_int_equal(X509_digest(certificate, EVP_sha256(), clients[2].fingerprint, &length), 1);
    assert_int_equal(length, 32);
    assert_int_equal(X509_up_ref(certificate), 1);
    assert_string_equal(found(certificate), "by-print");
    clients[2].fingerprint[31] ^= 0x80;
    assert_string_equal(found(certificate), "nobody");
}

static void test_nobody_listed(void **state)
{
    struct config config = {.client_count = 0};
    X509 *certificate = certificate_with("DNS:wwsf1.example.com");
    (void)state;
    assert_null(access_find(&config, certificate));
    X509_free(certificate);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_strangers),         cmocka_unit_test(test_names),
        cmocka_unit_test(test_first_listed_wins), cmocka_unit_test(test_fingerprint),
        cmocka_unit_test(test_nobody_listed),
    };
    return cmocka_run_group_tests(tests, make_key, free_key);
}
