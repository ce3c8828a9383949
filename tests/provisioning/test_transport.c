/*
 * Keys unwrapped in a real token, from published and OpenSSL's blobs. First what must be refused:
 * each single bit changed, a key of another length, a transport key of the wrong purpose.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "enrol.h"
#include "softhsm.h"
#include "transport.h"

#define COUNT_OF(list) (sizeof(list) / sizeof((list)[0]))
#define MODULUS_BYTES 256

/* RFC 3394 4.3, and its key wrapped by RFC 5649 and, twice over, as an AES-256 key. */
static const uint8_t kek_value[32] = {0,  1,  2,  3,  4,  5,  6,  7,  8,  9,  10,
                                      11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21,
                                      22, 23, 24, 25, 26, 27, 28, 29, 30, 31};
static const struct secret128 k = {{0x00, 0x11, 0x22, 0x33, 0x44, 0x55, 0x66, 0x77, 0x88, 0x99,
                                    0xaa, 0xbb, 0xcc, 0xdd, 0xee, 0xff}};
static const uint8_t rfc3394[24] = {0x64, 0xe8, 0xc3, 0xf9, 0xce, 0x0f, 0x5b, 0xa2,
                                    0x63, 0xe9, 0x77, 0x79, 0x05, 0x81, 0x8a, 0x2a,
                                    0x93, 0xc8, 0x19, 0x1e, 0x7d, 0x6e, 0x8a, 0xe7};
static const uint8_t rfc5649[24] = {0xaf, 0xc8, 0x60, 0x01, 0x5f, 0xfe, 0x2d, 0x75,
                                    0xbe, 0xdf, 0x43, 0xc4, 0x44, 0xfe, 0x58, 0xf4,
                                    0xad, 0x9d, 0x89, 0xc4, 0xec, 0x71, 0xe2, 0x3b};
static const uint8_t aes256[40] = {0x64, 0x90, 0xae, 0x36, 0x9d, 0x92, 0xeb, 0x93, 0xf0, 0x3c,
                                   0xe0, 0xfd, 0x32, 0xe6, 0x92, 0x69, 0xc8, 0xc7, 0xb5, 0x45,
                                   0x7d, 0xd1, 0xba, 0x12, 0x1e, 0x61, 0x0c, 0xcc, 0x7d, 0xcd,
                                   0xae, 0xa3, 0x84, 0xfe, 0xec, 0x9a, 0x6f, 0xca, 0x35, 0xf4};
static const struct kcv known_kcv = {false, 3, {0xfd, 0xe4, 0xfb}};
static const struct kcv known_cmac = {KCV_CMAC, 5, {0x53, 0xe1, 0x07, 0xb3, 0x6e}};

static struct softhsm softhsm;
static CK_BBOOL yes = CK_TRUE;
static CK_BBOOL no = CK_FALSE;

static size_t count_objects(void)
{
    CK_OBJECT_HANDLE objects[64];
    CK_ULONG found = 0;
    struct token *token = softhsm.token;
    assert_int_equal(MODULE_CALL(token->module, C_FindObjectsInit, token->session, NULL, 0),
                     CKR_OK);
    assert_int_equal(MODULE_CALL(token->module, C_FindObjects, token->session, objects,
                                 COUNT_OF(objects), &found),
                     CKR_OK);
    assert_int_equal(MODULE_CALL(token->module, C_FindObjectsFinal, token->session), CKR_OK);
    return found;
}

static void make_aes(char *name, CK_BBOOL *wraps, CK_BBOOL *unwraps)
{
    char id[] = TRANSPORT_ID;
    uint8_t value[sizeof kek_value];
    CK_OBJECT_CLASS class = CKO_SECRET_KEY;
    CK_KEY_TYPE type = CKK_AES;
    CK_OBJECT_HANDLE object = CK_INVALID_HANDLE;
    memcpy(value, kek_value, sizeof value);
    CK_ATTRIBUTE key[] = {{CKA_CLASS, &class, sizeof class}, {CKA_KEY_TYPE, &type, sizeof type},
                          {CKA_TOKEN, &yes, sizeof yes},     {CKA_PRIVATE, &yes, sizeof yes},
                          {CKA_SENSITIVE, &yes, sizeof yes}, {CKA_EXTRACTABLE, &no, sizeof no},
                          {CKA_WRAP, wraps, sizeof *wraps},  {CKA_UNWRAP, unwraps, sizeof yes},
                          {CKA_ID, id, sizeof id - 1},       {CKA_LABEL, name, strlen(name)},
                          {CKA_VALUE, value, sizeof value}};
    assert_int_equal(MODULE_CALL(softhsm.module, C_CreateObject, softhsm.token->session, key,
                                 COUNT_OF(key), &object),
                     CKR_OK);
}

static void make_rsa(char *in, char *out)
{
    char id[] = TRANSPORT_ID;
    CK_MECHANISM mechanism = {.mechanism = CKM_RSA_PKCS_KEY_PAIR_GEN};
    CK_ULONG bits = MODULUS_BYTES * 8;
    uint8_t exponent[] = {1, 0, 1};
    CK_OBJECT_HANDLE objects[2] = {0};
    CK_ATTRIBUTE public[] = {{CKA_TOKEN, &yes, sizeof yes},
                             {CKA_MODULUS_BITS, &bits, sizeof bits},
                             {CKA_PUBLIC_EXPONENT, exponent, sizeof exponent},
                             {CKA_WRAP, &yes, sizeof yes},
                             {CKA_ID, id, sizeof id - 1},
                             {CKA_LABEL, out, strlen(out)}};
    CK_ATTRIBUTE private[] = {{CKA_TOKEN, &yes, sizeof yes},
                              {CKA_UNWRAP, &yes, sizeof yes},
                              {CKA_ID, id, sizeof id - 1},
                              {CKA_LABEL, in, strlen(in)}};
    assert_int_equal(MODULE_CALL(softhsm.module, C_GenerateKeyPair, softhsm.token->session,
                                 &mechanism, public, COUNT_OF(public), private, COUNT_OF(private),
                                 &objects[0], &objects[1]),
                     CKR_OK);
}

static int set_up(void **state)
{
    (void)state;
    softhsm_open(&softhsm);
    assert_int_equal(token_prove(softhsm.token), HSM_OK);
    make_aes((char[]){"aes in"}, &no, &yes);
    make_aes((char[]){"aes out"}, &yes, &no);
    make_aes((char[]){"aes both"}, &yes, &yes);
    make_rsa((char[]){"rsa in"}, (char[]){"rsa out"});
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    softhsm_close(&softhsm);
    return 0;
}

static struct transport find(const char *name)
{
    struct transport transport = {0};
    assert_int_equal(transport_find(softhsm.token, name, &transport), HSM_OK);
    assert_string_equal(transport.name, name);
    return transport;
}

static enum hsm_result make_key(const char *name, const uint8_t *bytes, size_t length,
                                CK_OBJECT_HANDLE *out_key)
{
    static const struct key_ref ref;
    const struct transport transport = find(name);
    const struct transport_wrapped wrapped = {&transport, bytes, length};
    struct enrol_key key = {transport_source(&wrapped), &ref, "test", false, false};
    return enrol_create_key(softhsm.token, &key, out_key);
}

static void assert_refused(const char *name, const uint8_t *bytes, size_t length,
                           enum hsm_result expected)
{
    const struct transport transport = find(name);
    const struct transport_wrapped wrapped = {&transport, bytes, length};
    CK_OBJECT_HANDLE key = CK_INVALID_HANDLE;
    struct secret128 value = {{0}};
    size_t before = count_objects();
    assert_int_equal(make_key(name, bytes, length, &key), expected);
    assert_int_equal(key, CK_INVALID_HANDLE);
    assert_int_equal(transport_read(softhsm.token, &wrapped, &value), expected);
    assert_int_equal(count_objects(), before);
    assert_int_equal(token_alive(softhsm.token), HSM_OK);
}

static void refuses_each_changed_bit(void **state)
{
    (void)state;
    for (size_t bit = 0; bit < 8 * sizeof rfc3394; bit++) {
        uint8_t bad[sizeof rfc3394];
        memcpy(bad, bit % 2 == 0 ? rfc3394 : rfc5649, sizeof bad);
        bad[bit / 8] ^= (uint8_t)(1U << bit % 8);
        assert_refused("aes in", bad, sizeof bad, HSM_BAD_WRAP);
    }
}

static void refuses_other_lengths(void **state)
{
    (void)state;
    static const uint8_t zeros[TRANSPORT_WRAPPED_BYTES_MAX] = {0};
    static const size_t lengths[] = {0, 1, 8, 16, 23, 25, 32, 48, 256, 512};
    for (size_t i = 0; i < COUNT_OF(lengths); i++) {
        assert_refused("aes in", zeros, lengths[i], HSM_BAD_WRAP);
        assert_refused("rsa in", zeros, lengths[i], HSM_BAD_WRAP);
    }
    assert_refused("aes in", aes256, sizeof aes256, HSM_BAD_WRAP);
    assert_refused("rsa in", rfc3394, sizeof rfc3394, HSM_BAD_WRAP);
}

static void refuses_an_aes_256_key_under_rsa(void **state)
{
    (void)state;
    const struct transport aes = find("aes in");
    const struct transport rsa = find("rsa out");
    const struct transport_wrapped wrapped = {&aes, aes256, sizeof aes256};
    CK_OBJECT_CLASS class = CKO_SECRET_KEY;
    CK_KEY_TYPE type = CKK_AES;
    CK_OBJECT_HANDLE key = CK_INVALID_HANDLE;
    CK_ATTRIBUTE wanted[] = {{CKA_CLASS, &class, sizeof class},
                             {CKA_KEY_TYPE, &type, sizeof type},
                             {CKA_TOKEN, &no, sizeof no},
                             {CKA_EXTRACTABLE, &yes, sizeof yes}};
    uint8_t bytes[TRANSPORT_WRAPPED_BYTES_MAX];
    size_t length = 0;
    enum transport_way way = TRANSPORT_RFC3394;
    assert_int_equal(transport_unwrap(softhsm.token, &wrapped, wanted, COUNT_OF(wanted), &key),
                     HSM_OK);
    assert_int_equal(transport_wrap(softhsm.token, &rsa, key, bytes, &length, &way), HSM_OK);
    assert_int_equal(way, TRANSPORT_OAEP_SHA1); /* SoftHSM has no other */
    assert_refused("rsa in", bytes, length, HSM_BAD_WRAP);
}

static void refuses_the_wrong_purpose(void **state)
{
    (void)state;
    struct transport transport = {0};
    uint8_t bytes[TRANSPORT_WRAPPED_BYTES_MAX];
    size_t length = 0;
    assert_refused("aes out", rfc3394, sizeof rfc3394, HSM_REFUSED);
    assert_refused("rsa out", rfc3394, sizeof rfc3394, HSM_REFUSED);
    transport = find("aes in");
    assert_int_equal(transport_wrap_value(softhsm.token, &transport, &k, bytes, &length),
                     HSM_REFUSED);
    transport = find("rsa in");
    assert_int_equal(transport_wrap_value(softhsm.token, &transport, &k, bytes, &length),
                     HSM_REFUSED);
    assert_int_equal(transport_find(softhsm.token, "aes both", &transport), HSM_REFUSED);
    assert_int_equal(transport_find(softhsm.token, "nobody", &transport), HSM_NO_KEY);
    assert_int_equal(transport_find(softhsm.token, "", &transport), HSM_NO_KEY);
}

static void tells_a_key_from_another_by_its_kcv(void **state)
{
    (void)state;
    struct kcv kcv = {0};
    char text[KCV_TEXT_BYTES];
    CK_OBJECT_HANDLE key = CK_INVALID_HANDLE;
    static const char *const bad[] = {"",       "fde4",  "fde4f",    "fde4fbae4a09",
                                      "xde4fb", "cmac:", "cmac:53e1"};
    for (size_t i = 0; i < COUNT_OF(bad); i++)
        assert_false(kcv_from_text(bad[i], strlen(bad[i]), &kcv));
    assert_int_equal(make_key("aes in", rfc3394, sizeof rfc3394, &key), HSM_OK);
    assert_int_equal(kcv_of(softhsm.token, key, &kcv), HSM_OK);
    kcv_to_text(&kcv, text);
    assert_string_equal(text, "fde4fb");
    assert_int_equal(kcv_check(softhsm.token, key, &known_kcv), HSM_OK);
    assert_int_equal(kcv_check(softhsm.token, key, &known_cmac), HSM_OK);
    kcv_to_text(&known_cmac, text);
    assert_string_equal(text, "cmac:53e107b36e");
    assert_true(kcv_from_text("cmac:53e107b36f", 15, &kcv));
    assert_int_equal(kcv_check(softhsm.token, key, &kcv), HSM_BAD_KCV);
    assert_true(kcv_from_text("FDE4FC", 6, &kcv));
    assert_int_equal(kcv_check(softhsm.token, key, &kcv), HSM_BAD_KCV);
}

static void assert_unwraps(const char *name, const uint8_t *bytes, size_t length)
{
    const struct transport transport = find(name);
    const struct transport_wrapped wrapped = {&transport, bytes, length};
    CK_OBJECT_HANDLE key = CK_INVALID_HANDLE;
    struct secret128 value = {{0}};
    assert_int_equal(make_key(name, bytes, length, &key), HSM_OK);
    assert_int_equal(enrol_check_rights(softhsm.token, key), HSM_OK);
    assert_int_equal(kcv_check(softhsm.token, key, &known_kcv), HSM_OK);
    size_t before = count_objects();
    assert_int_equal(transport_read(softhsm.token, &wrapped, &value), HSM_OK);
    assert_memory_equal(value.bytes, k.bytes, sizeof value.bytes);
    assert_int_equal(count_objects(), before);
}

static void unwraps_what_aes_wrapped(void **state)
{
    (void)state;
    assert_unwraps("aes in", rfc3394, sizeof rfc3394);
    assert_unwraps("aes in", rfc5649, sizeof rfc5649);
}

static void wraps_for_another_token(void **state)
{
    (void)state;
    static const char *const names[][2] = {{"aes out", "aes in"}, {"rsa out", "rsa in"}};
    for (size_t i = 0; i < COUNT_OF(names); i++) {
        const struct transport transport = find(names[i][0]);
        uint8_t bytes[TRANSPORT_WRAPPED_BYTES_MAX];
        size_t length = 0;
        assert_int_equal(transport_wrap_value(softhsm.token, &transport, &k, bytes, &length),
                         HSM_OK);
        assert_int_equal(length, i == 0 ? sizeof rfc3394 : MODULUS_BYTES);
        assert_unwraps(names[i][1], bytes, length);
        for (size_t bit = 0; bit < 8 * length; bit += 97) {
            bytes[bit / 8] ^= (uint8_t)(1U << bit % 8);
            assert_refused(names[i][1], bytes, length, HSM_BAD_WRAP);
            bytes[bit / 8] ^= (uint8_t)(1U << bit % 8);
        }
    }
}

/* Path a: as nisim-token subscriber add --generate does it. */
static void makes_a_key_that_leaves_once(void **state)
{
    (void)state;
    static const struct secret128 op = {{1, 2, 3}};
    const struct transport out = find("rsa out");
    CK_OBJECT_HANDLE made = CK_INVALID_HANDLE;
    uint8_t bytes[TRANSPORT_WRAPPED_BYTES_MAX];
    size_t length = 0;
    struct key_ref ref = {{0}};
    enum transport_way way = TRANSPORT_RFC3394;
    struct kcv kcvs[2] = {{0}};
    struct enrol_key key = {key_source_generated(), &ref, "test", false, true};
    assert_int_equal(enrol_create_key(softhsm.token, &key, &made), HSM_OK);
    assert_int_equal(transport_wrap(softhsm.token, &out, made, bytes, &length, &way), HSM_OK);
    assert_int_equal(kcv_of(softhsm.token, made, &kcvs[0]), HSM_OK);
    const struct enrolment enrolment = {key_source_copy(&made), NULL, &op, true, kcvs[0], "alice"};
    assert_int_equal(enrol_keys(softhsm.token, &enrolment, &ref, &kcvs[1]), HSM_OK);
    assert_memory_equal(&kcvs[0], &kcvs[1], sizeof kcvs[0]);
    assert_int_equal(enrol_destroy(softhsm.token, &ref), HSM_OK);
}

/* A check value that is another key's: neither K nor OPc stays. */
static void leaves_nothing_of_another_key(void **state)
{
    (void)state;
    static const struct secret128 op = {{1, 2, 3}};
    const struct transport transport = find("aes in");
    const struct transport_wrapped wrapped = {&transport, rfc3394, sizeof rfc3394};
    struct enrolment enrolment = {transport_source(&wrapped), NULL, &op, false, known_kcv, "alice"};
    struct key_ref ref = {{0}};
    struct kcv kcv = {0};
    size_t before = count_objects();
    enrolment.kcv.bytes[2] ^= 1;
    assert_int_equal(enrol_keys(softhsm.token, &enrolment, &ref, &kcv), HSM_BAD_KCV);
    assert_int_equal(count_objects(), before);
    enrolment.kcv = known_kcv;
    assert_int_equal(enrol_keys(softhsm.token, &enrolment, &ref, &kcv), HSM_OK);
    assert_int_equal(count_objects(), before + 2);
    assert_int_equal(enrol_destroy(softhsm.token, &ref), HSM_OK);
}

static CK_OBJECT_HANDLE make_secret(const char *text)
{
    struct secret_ha1 value = {{0}};
    CK_OBJECT_CLASS class = CKO_SECRET_KEY;
    CK_KEY_TYPE type = CKK_GENERIC_SECRET;
    CK_OBJECT_HANDLE object = CK_INVALID_HANDLE;
    memcpy(value.text, text, strlen(text));
    CK_ATTRIBUTE key[] = {{CKA_CLASS, &class, sizeof class},
                          {CKA_KEY_TYPE, &type, sizeof type},
                          {CKA_TOKEN, &no, sizeof no},
                          {CKA_EXTRACTABLE, &yes, sizeof yes},
                          {CKA_VALUE, value.text, strlen(text)}};
    assert_int_equal(MODULE_CALL(softhsm.module, C_CreateObject, softhsm.token->session, key,
                                 COUNT_OF(key), &object),
                     CKR_OK);
    return object;
}

#define DIGITS "0123456789abcdef0123456789abcdef"

/* As an HSS wraps it that has the other half of the transport key. */
static void reads_a_digest_secret(void **state)
{
    (void)state;
    static const char *const names[][2] = {{"aes out", "aes in"}, {"rsa out", "rsa in"}};
    static const char *const texts[] = {DIGITS, DIGITS DIGITS};
    for (size_t i = 0; i < 2 * COUNT_OF(names); i++) {
        const char *text = texts[i / 2];
        const struct transport out = find(names[i % 2][0]);
        const struct transport in = find(names[i % 2][1]);
        uint8_t bytes[TRANSPORT_WRAPPED_BYTES_MAX];
        struct transport_wrapped wrapped = {&in, bytes, 0};
        enum transport_way way = TRANSPORT_RFC3394;
        struct secret_ha1 ha1 = {{0}};
        size_t measured = 0;
        CK_OBJECT_HANDLE key = make_secret(text);
        assert_int_equal(transport_wrap(softhsm.token, &out, key, bytes, &wrapped.length, &way),
                         HSM_OK);
        token_discard(softhsm.token, key);
        size_t before = count_objects();
        assert_int_equal(transport_read_ha1(softhsm.token, &wrapped, strlen(text) - 1, &ha1),
                         HSM_BAD_HA1);
        assert_string_equal(ha1.text, "");
        assert_int_equal(transport_measure(softhsm.token, &wrapped, &measured), HSM_OK);
        assert_int_equal(measured, strlen(text));
        assert_int_equal(transport_read_ha1(softhsm.token, &wrapped, strlen(text), &ha1), HSM_OK);
        assert_string_equal(ha1.text, text);
        bytes[9] ^= 1;
        assert_int_equal(transport_measure(softhsm.token, &wrapped, &measured), HSM_BAD_WRAP);
        assert_int_equal(transport_read_ha1(softhsm.token, &wrapped, strlen(text), &ha1),
                         HSM_BAD_WRAP);
        wrapped.transport = &out;
        assert_int_equal(transport_measure(softhsm.token, &wrapped, &measured), HSM_REFUSED);
        assert_int_equal(count_objects(), before);
    }
}

static void tells_a_digest_secret_by_its_check_value(void **state)
{
    (void)state;
    static const char *const bad[] = {"",
                                      "sha256:",
                                      "9f9f51",
                                      "cmac:9f9f51",
                                      "sha256:9f9f",
                                      "sha256:9f9f5x",
                                      "sha256:9f9f519",
                                      "SHA256:9f9f51"};
    static const struct kcv any;
    struct secret_ha1 ha1 = {DIGITS};
    struct kcv kcv = {0};
    struct kcv same = {0};
    char text[KCV_TEXT_BYTES];
    for (size_t i = 0; i < COUNT_OF(bad); i++)
        assert_false(kcv_of_ha1_from_text(bad[i], strlen(bad[i]), &kcv));
    assert_int_equal(kcv_take_ha1(&ha1, &any, &kcv), HSM_OK);
    kcv_to_text(&kcv, text);
    assert_string_equal(text, "sha256:3eb1bd");             /* sha256sum */
    assert_false(kcv_from_text(text, strlen(text), &same)); /* it is no K's */
    assert_true(kcv_of_ha1_from_text(text, strlen(text), &same));
    CK_OBJECT_HANDLE key = make_secret(DIGITS);
    assert_int_equal(kcv_take_digest_key(softhsm.token, key, &same, &kcv), HSM_OK);
    same.bytes[2] ^= 1;
    assert_int_equal(kcv_take_digest_key(softhsm.token, key, &same, &kcv), HSM_BAD_KCV);
    assert_int_equal(kcv_take_ha1(&ha1, &same, &kcv), HSM_BAD_KCV);
    token_discard(softhsm.token, key);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(refuses_each_changed_bit),
        cmocka_unit_test(refuses_other_lengths),
        cmocka_unit_test(refuses_an_aes_256_key_under_rsa),
        cmocka_unit_test(refuses_the_wrong_purpose),
        cmocka_unit_test(tells_a_key_from_another_by_its_kcv),
        cmocka_unit_test(leaves_nothing_of_another_key),
        cmocka_unit_test(makes_a_key_that_leaves_once),
        cmocka_unit_test(unwraps_what_aes_wrapped),
        cmocka_unit_test(wraps_for_another_token),
        cmocka_unit_test(reads_a_digest_secret),
        cmocka_unit_test(tells_a_digest_secret_by_its_check_value),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
