/* Digest on RFC 7616 3.9's examples and on the AKA sets of tests/vectors/aka_digest_vectors.json.
 */
#include <jansson.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "digest.h"
#include "hex.h"
#include "vectors.h"

#define DERIVED_SETS 10

static struct vector vectors[VECTOR_SETS];
static json_t *sets;

static const char *text_of(json_t *set, const char *name)
{
    return json_string_value(json_object_get(set, name));
}

static struct secret_password password_of(const void *bytes, size_t length)
{
    struct secret_password password = {.length = length};
    memcpy(password.bytes, bytes, length);
    return password;
}

static struct digest_terms terms_of(json_t *set, enum digest_hash hash)
{
    return (struct digest_terms){
        .hash = hash,
        .qop = DIGEST_QOP_AUTH,
        .nonce = text_of(set, "nonce"),
        .nc = text_of(set, "nc"),
        .cnonce = text_of(set, "cnonce"),
        .method = text_of(set, "method"),
        .uri = text_of(set, "uri"),
    };
}

/* The response of `set` for a password, in out_text. */
static void respond(json_t *set, const struct digest_terms *terms,
                    const struct secret_password *password, char *out_text)
{
    struct secret_ha1 ha1 = {{0}};
    assert_int_equal(
        digest_ha1(terms->hash, text_of(set, "username"), text_of(set, "realm"), password, &ha1),
        HSM_OK);
    assert_int_equal(digest_response(terms, &ha1, out_text), HSM_OK);
}

static void refuses_a_nonce_that_is_no_challenge(void **state)
{
    (void)state;
    static const struct {
        const char *nonce;
        enum digest_nonce_result result;
    } cases[] = {
        {"", DIGEST_NONCE_SHORT},
        {"AAAA", DIGEST_NONCE_SHORT},
        {"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA==", DIGEST_NONCE_SHORT}, /* 31 */
        {"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA", DIGEST_NONCE_NOT_BASE64},
        {"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA===", DIGEST_NONCE_NOT_BASE64},
        {"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=A=", DIGEST_NONCE_NOT_BASE64},
        {"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA AA=", DIGEST_NONCE_NOT_BASE64},
        {"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA-_A=", DIGEST_NONCE_NOT_BASE64},
    };
    struct digest_nonce nonce = {0};
    char long_nonce[DIGEST_NONCE_TEXT_MAX + 5];
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        assert_int_equal(digest_nonce_open(cases[i].nonce, &nonce), cases[i].result);
    memset(long_nonce, 'A', sizeof long_nonce - 1);
    long_nonce[sizeof long_nonce - 1] = '\0';
    assert_int_equal(digest_nonce_open(long_nonce, &nonce), DIGEST_NONCE_NOT_BASE64);
}

static void opens_a_nonce_with_server_data(void **state)
{
    (void)state;
    struct digest_nonce nonce = {0};
    char text[128] = "";
    strcpy(text, text_of(json_array_get(sets, 4), "nonce"));
    assert_int_equal(digest_nonce_open(text, &nonce), DIGEST_NONCE_OPENED);
    assert_memory_equal(nonce.rand, vectors[2].rand, sizeof nonce.rand);
    assert_memory_equal(nonce.autn, vectors[2].autn, sizeof nonce.autn);
    text[strlen(text) - 1] = 'A'; /* the padding becomes data */
    strcat(text, "c2VydmVy");
    assert_int_equal(digest_nonce_open(text, &nonce), DIGEST_NONCE_OPENED);
    assert_memory_equal(nonce.rand, vectors[2].rand, sizeof nonce.rand);
}

/* RFC 7616 3.9.1. */
static void gives_the_rfcs_responses(void **state)
{
    (void)state;
    static const struct {
        enum digest_hash hash;
        const char *response;
    } cases[] = {
        {DIGEST_MD5, "8ca523f5e9506fed4657c9700eebdbec"},
        {DIGEST_SHA_256, "753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1"},
    };
    const struct secret_password password = password_of("Circle of Life", 14);
    for (size_t i = 0; i < 2; i++) {
        const struct digest_terms terms = {
            .hash = cases[i].hash,
            .qop = DIGEST_QOP_AUTH,
            .nonce = "7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v",
            .nc = "00000001",
            .cnonce = "f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ",
            .method = "GET",
            .uri = "/dir/index.html",
        };
        struct secret_ha1 ha1 = {{0}};
        char response[DIGEST_TEXT_BYTES] = "";
        assert_int_equal(digest_ha1(terms.hash, "Mufasa", "http-auth@example.org", &password, &ha1),
                         HSM_OK);
        assert_int_equal(digest_response(&terms, &ha1, response), HSM_OK);
        assert_string_equal(response, cases[i].response);
    }
}

/* RFC 7616 3.9.2, whose printed response is wrong (erratum 4897); Python's hashlib gives this one.
 */
static void gives_a_sha_512_256_response(void **state)
{
    (void)state;
    const struct secret_password password = password_of("Secret, or not?", 15);
    const struct digest_terms terms = {
        .hash = DIGEST_SHA_512_256,
        .qop = DIGEST_QOP_AUTH,
        .nonce = "5TsQWLVdgBdmrQ0XsxbDODV+57QdFR34I9HAbC/RVvkK",
        .nc = "00000001",
        .cnonce = "NTg6RKcb9boFIAS3KrFK9BGeh+iDa/sm6jUMp2wds69v",
        .method = "GET",
        .uri = "/doe.json",
    };
    struct secret_ha1 ha1 = {{0}};
    char response[DIGEST_TEXT_BYTES] = "";
    assert_int_equal(
        digest_ha1(terms.hash, "J\xc3\xa4s\xc3\xb8n Doe", "api@example.org", &password, &ha1),
        HSM_OK);
    assert_int_equal(digest_response(&terms, &ha1, response), HSM_OK);
    assert_string_equal(response,
                        "3798d4131c277846293534c3edc11bd8a5e4cdcbff78b05db9d95eeb1cec68a5");
}

static void gives_published_akav1_responses(void **state)
{
    (void)state;
    size_t seen = 0;
    for (size_t i = 0; i < json_array_size(sets); i++) {
        json_t *set = json_array_get(sets, i);
        const char *res = text_of(set, "res_password_hex");
        struct secret_password password = {.length = 16};
        char response[DIGEST_TEXT_BYTES] = "";
        if (res == NULL)
            continue;
        const struct digest_terms terms = terms_of(set, DIGEST_MD5);
        assert_true(hex_decode(res, strlen(res), password.bytes, password.length));
        respond(set, &terms, &password, response);
        assert_string_equal(response, text_of(set, "response"));
        seen++;
    }
    assert_int_equal(seen, 2);
}

static void check_akav1(json_t *set, const struct secret64 *res)
{
    char response[DIGEST_TEXT_BYTES] = "";
    struct secret_ha1 ha1 = {{0}};
    struct secret_password password = {0};
    const struct secret_password none = {0};
    struct digest_terms terms = terms_of(set, DIGEST_MD5);
    digest_akav1_password(res, &password);
    assert_int_equal(
        digest_ha1(DIGEST_MD5, text_of(set, "username"), text_of(set, "realm"), &password, &ha1),
        HSM_OK);
    assert_string_equal(ha1.text, text_of(set, "ha1_akav1"));
    respond(set, &terms, &password, response);
    assert_string_equal(response, text_of(set, "response_akav1_md5"));
    respond(set, &terms, &none, response);
    assert_string_equal(response, text_of(set, "response_syncfail_empty_password"));
    terms.qop = DIGEST_QOP_NONE;
    respond(set, &terms, &password, response);
    assert_string_equal(response, text_of(set, "response_akav1_md5_noqop"));
}

static void check_akav2(json_t *set, enum digest_hash hash, const struct vector *vector,
                        const char *password_name, const char *response_name)
{
    struct secret64 res;
    struct secret128 ik;
    struct secret128 ck;
    char response[DIGEST_TEXT_BYTES] = "";
    struct secret_password password = {0};
    const struct digest_terms terms = terms_of(set, hash);
    memcpy(res.bytes, vector->res, sizeof res);
    memcpy(ik.bytes, vector->ik, sizeof ik);
    memcpy(ck.bytes, vector->ck, sizeof ck);
    assert_int_equal(digest_akav2_password(hash, &res, &ik, &ck, &password), HSM_OK);
    const char *expected = text_of(set, password_name);
    assert_int_equal(password.length, strlen(expected));
    assert_memory_equal(password.bytes, expected, password.length);
    respond(set, &terms, &password, response);
    assert_string_equal(response, text_of(set, response_name));
}

static void gives_the_derived_responses(void **state)
{
    (void)state;
    size_t seen = 0;
    for (size_t i = 0; i < json_array_size(sets); i++) {
        json_t *set = json_array_get(sets, i);
        json_int_t number = json_integer_value(json_object_get(set, "milenage_set"));
        struct secret64 res;
        if (number == 0)
            continue;
        const struct vector *vector = &vectors[number - 1];
        memcpy(res.bytes, vector->res, sizeof res);
        check_akav1(set, &res);
        check_akav2(set, DIGEST_MD5, vector, "akav2_md5_password", "response_akav2_md5");
        check_akav2(set, DIGEST_SHA_256, vector, "akav2_sha256_password", "response_akav2_sha256");
        seen++;
    }
    assert_int_equal(seen, DERIVED_SETS);
}

/* A2 ends with H(body) for auth-int, and begins with an empty method for rspauth (RFC 7616 3.5). */
static void hashes_body_and_rspauth(void **state)
{
    (void)state;
    static const uint8_t body_hash[16] = {0xd4, 0x1d, 0x8c, 0xd9, 0x8f, 0x00, 0xb2, 0x04,
                                          0xe9, 0x80, 0x09, 0x98, 0xec, 0xf8, 0x42, 0x7e};
    const struct secret_ha1 ha1 = {"939e7578ed9e3c518a452acee763bce9"};
    char plain[DIGEST_TEXT_BYTES] = "";
    char whole[DIGEST_TEXT_BYTES] = "";
    char back[DIGEST_TEXT_BYTES] = "";
    char by_hand[DIGEST_TEXT_BYTES] = "";
    struct digest_terms terms = {.hash = DIGEST_MD5,
                                 .qop = DIGEST_QOP_AUTH,
                                 .nonce = "n",
                                 .nc = "00000001",
                                 .cnonce = "c",
                                 .method = "REGISTER",
                                 .uri = "sip:a",
                                 .body_hash = body_hash};
    assert_int_equal(digest_response(&terms, &ha1, plain), HSM_OK);
    terms.method = "";
    assert_int_equal(digest_response(&terms, &ha1, back), HSM_OK);
    terms.method = "REGISTER";
    terms.qop = DIGEST_QOP_AUTH_INT;
    assert_int_equal(digest_response(&terms, &ha1, whole), HSM_OK);
    assert_string_not_equal(plain, whole);
    assert_string_not_equal(plain, back);
    terms.qop = DIGEST_QOP_AUTH;
    /* auth-int's A2 is auth's with ":" and the body's hash behind the URI. */
    terms.uri = "sip:a:d41d8cd98f00b204e9800998ecf8427e";
    struct digest_terms same = terms;
    assert_int_equal(digest_response(&same, &ha1, by_hand), HSM_OK);
    assert_string_not_equal(whole, by_hand); /* the word auth-int is hashed too */
}

static int load(void **state)
{
    (void)state;
    vectors_load(vectors);
    sets = json_load_file(NISIM_SOURCE_DIR "/tests/vectors/aka_digest_vectors.json", 0, NULL);
    return sets == NULL ? -1 : 0;
}

static int unload(void **state)
{
    (void)state;
    json_decref(sets);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(refuses_a_nonce_that_is_no_challenge),
        cmocka_unit_test(opens_a_nonce_with_server_data),
        cmocka_unit_test(gives_the_rfcs_responses),
        cmocka_unit_test(gives_a_sha_512_256_response),
        cmocka_unit_test(gives_published_akav1_responses),
        cmocka_unit_test(gives_the_derived_responses),
        cmocka_unit_test(hashes_body_and_rspauth),
    };
    return cmocka_run_group_tests(tests, load, unload);
}
