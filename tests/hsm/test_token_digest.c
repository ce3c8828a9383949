/* token_digest and the keyring's digest secrets on a real SoftHSM: RFC 7616 3.9's examples. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "softhsm.h"
#include "token_digest.h"

static struct softhsm softhsm;
static CK_FUNCTION_LIST real_list;

/* RFC 7616 3.9.1, and its algorithm SHA-512-256 by Python's hashlib: 3.9.2 has another subject. */
static const struct {
    enum digest_hash hash;
    const char *response;
} examples[] = {
    {DIGEST_MD5, "8ca523f5e9506fed4657c9700eebdbec"},
    {DIGEST_SHA_256, "753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1"},
    {DIGEST_SHA_512_256, "430d05014cecc49cab6fbe03176d41a1da86cbfe24a16580e22aaad928d960d0"},
};

static struct digest_terms terms_of(enum digest_hash hash)
{
    return (struct digest_terms){.hash = hash,
                                 .qop = DIGEST_QOP_AUTH,
                                 .nonce = "7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v",
                                 .nc = "00000001",
                                 .cnonce = "f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ",
                                 .method = "GET",
                                 .uri = "/dir/index.html"};
}

static struct secret_ha1 ha1_of(enum digest_hash hash)
{
    const struct secret_password password = {14, "Circle of Life"};
    struct secret_ha1 ha1 = {{0}};
    assert_int_equal(digest_ha1(hash, "Mufasa", "http-auth@example.org", &password, &ha1), HSM_OK);
    return ha1;
}

static CK_OBJECT_HANDLE make_key(const struct key_ref *ref, enum digest_hash hash)
{
    const struct secret_ha1 ha1 = ha1_of(hash);
    const struct digest_object object = {&ha1, ref, "nisim test", false};
    CK_OBJECT_HANDLE handle = CK_INVALID_HANDLE;
    assert_int_equal(token_digest_key_new(softhsm.token, &object, &handle), HSM_OK);
    return handle;
}

static void add_key(const struct key_ref *ref, enum digest_hash hash)
{
    const struct secret_ha1 ha1 = ha1_of(hash);
    const struct digest_object object = {&ha1, ref, "nisim test", true};
    CK_OBJECT_HANDLE handle = CK_INVALID_HANDLE;
    assert_int_equal(token_digest_key_new(softhsm.token, &object, &handle), HSM_OK);
}

/* A key as no officer's tool makes it. */
static void add_loose_key(struct key_ref ref)
{
    struct secret_ha1 ha1 = ha1_of(DIGEST_SHA_256);
    CK_OBJECT_CLASS class = CKO_SECRET_KEY;
    CK_KEY_TYPE type = CKK_GENERIC_SECRET;
    CK_BBOOL yes = CK_TRUE;
    CK_OBJECT_HANDLE handle = CK_INVALID_HANDLE;
    CK_ATTRIBUTE key[] = {
        {CKA_CLASS, &class, sizeof class},      {CKA_KEY_TYPE, &type, sizeof type},
        {CKA_TOKEN, &yes, sizeof yes},          {CKA_PRIVATE, &yes, sizeof yes},
        {CKA_EXTRACTABLE, &yes, sizeof yes},    {CKA_ID, ref.bytes, sizeof ref.bytes},
        {CKA_VALUE, ha1.text, strlen(ha1.text)}};
    assert_int_equal(MODULE_CALL(softhsm.module, C_CreateObject, softhsm.token->session, key,
                                 sizeof key / sizeof key[0], &handle),
                     CKR_OK);
}

static void add_data(const struct key_ref *ref, const char *text)
{
    CK_OBJECT_CLASS class = CKO_DATA;
    CK_BBOOL yes = CK_TRUE;
    CK_OBJECT_HANDLE handle = CK_INVALID_HANDLE;
    char application[64] = KEYRING_DIGEST_PREFIX;
    char value[DIGEST_TEXT_BYTES] = "";
    snprintf(value, sizeof value, "%s", text);
    key_ref_to_text(ref, application + strlen(application));
    CK_ATTRIBUTE data[] = {{CKA_CLASS, &class, sizeof class},
                           {CKA_TOKEN, &yes, sizeof yes},
                           {CKA_PRIVATE, &yes, sizeof yes},
                           {CKA_APPLICATION, application, strlen(application)},
                           {CKA_VALUE, value, strlen(value)}};
    assert_int_equal(MODULE_CALL(softhsm.module, C_CreateObject, softhsm.token->session, data,
                                 sizeof data / sizeof data[0], &handle),
                     CKR_OK);
}

static struct keyring *new_keyring(void)
{
    struct keyring *keyring = NULL;
    assert_int_equal(keyring_new(softhsm.token, &keyring), HSM_OK);
    return keyring;
}

static enum hsm_result respond(struct keyring *keyring, const struct key_ref *ref,
                               enum digest_hash hash, char out_text[DIGEST_TEXT_BYTES])
{
    struct digest_key key = {0};
    const struct digest_terms terms = terms_of(hash);
    enum hsm_result rc = keyring_open_digest(keyring, ref, &key);
    return rc == HSM_OK ? token_digest_response(softhsm.token, &key, &terms, out_text) : rc;
}

static void says_which_hash_softhsm_takes_a_key_for(void **state)
{
    (void)state;
    assert_int_equal(token_digest_prove(softhsm.token, DIGEST_SHA_256), HSM_OK);
    assert_int_equal(token_digest_prove(softhsm.token, DIGEST_MD5), HSM_REFUSED);
    assert_int_not_equal(token_digest_prove(softhsm.token, DIGEST_SHA_512_256), HSM_OK);
    /* The refused ones left no operation behind. */
    assert_int_equal(token_digest_prove(softhsm.token, DIGEST_SHA_256), HSM_OK);
}

static void refuses_a_secret_that_could_leave(void **state)
{
    (void)state;
    const struct key_ref loose = {{9, 1}};
    char text[DIGEST_TEXT_BYTES] = "";
    add_loose_key(loose);
    struct keyring *keyring = new_keyring();
    assert_int_equal(keyring_digest_place(keyring, &loose), DIGEST_PLACE_KEY);
    assert_int_equal(respond(keyring, &loose, DIGEST_SHA_256, text), HSM_REFUSED);
    assert_string_equal(text, "");
    keyring_free(&keyring);
}

static void refuses_a_secret_of_another_hash(void **state)
{
    (void)state;
    const struct key_ref ref = {{9, 2}};
    const struct secret_ha1 ha1 = ha1_of(DIGEST_MD5);
    char text[DIGEST_TEXT_BYTES] = "";
    add_data(&ref, ha1.text);
    struct keyring *keyring = new_keyring();
    assert_int_equal(respond(keyring, &ref, DIGEST_SHA_256, text), HSM_REFUSED);
    assert_string_equal(text, "");
    keyring_free(&keyring);
}

static void is_no_k(void **state)
{
    (void)state;
    const struct key_ref ref = {{9, 3}};
    struct key key = {0};
    add_key(&ref, DIGEST_SHA_256);
    struct keyring *keyring = new_keyring();
    assert_false(keyring_holds(keyring, &ref));
    usleep(1100000);
    assert_int_equal(keyring_open(keyring, &ref, &key), HSM_NO_KEY);
    keyring_free(&keyring);
}

static void says_when_a_secret_is_not_there(void **state)
{
    (void)state;
    const struct key_ref absent = {{7, 7}};
    char text[DIGEST_TEXT_BYTES] = "";
    struct keyring *keyring = new_keyring();
    assert_int_equal(keyring_digest_place(keyring, &absent), DIGEST_PLACE_NONE);
    assert_int_equal(respond(keyring, &absent, DIGEST_MD5, text), HSM_NO_KEY);
    assert_int_equal(respond(keyring, &absent, DIGEST_MD5, text), HSM_LATER);
    usleep(1100000);
    assert_int_equal(respond(keyring, &absent, DIGEST_MD5, text), HSM_NO_KEY);
    keyring_free(&keyring);
}

static void finds_a_secret_that_came_later(void **state)
{
    (void)state;
    const struct key_ref later = {{3, 1, 4}};
    char text[DIGEST_TEXT_BYTES] = "";
    struct keyring *keyring = new_keyring();
    add_key(&later, DIGEST_SHA_256);
    assert_int_equal(respond(keyring, &later, DIGEST_SHA_256, text), HSM_OK);
    assert_string_equal(text, examples[1].response);
    keyring_free(&keyring);
}

static void answers_inside(void **state)
{
    (void)state;
    const struct key_ref ref = {{1, 1}};
    char text[DIGEST_TEXT_BYTES] = "";
    add_key(&ref, DIGEST_SHA_256);
    for (int copies = 0; copies <= 1; copies++) {
        softhsm.token->abilities.session_copy = copies == 1;
        struct keyring *keyring = new_keyring();
        for (int again = 0; again < 3; again++) {
            assert_int_equal(respond(keyring, &ref, DIGEST_SHA_256, text), HSM_OK);
            assert_string_equal(text, examples[1].response);
        }
        keyring_free(&keyring);
    }
}

static void answers_from_a_data_object(void **state)
{
    (void)state;
    for (size_t i = 0; i < DIGEST_HASHES; i++) {
        const struct key_ref ref = {{5, (uint8_t)i}};
        const struct secret_ha1 ha1 = ha1_of(examples[i].hash);
        char text[DIGEST_TEXT_BYTES] = "";
        add_data(&ref, ha1.text);
        struct keyring *keyring = new_keyring();
        assert_int_equal(keyring_digest_place(keyring, &ref), DIGEST_PLACE_DATA);
        assert_int_equal(respond(keyring, &ref, examples[i].hash, text), HSM_OK);
        assert_string_equal(text, examples[i].response);
        keyring_free(&keyring);
    }
}

static CK_RV fail_update(CK_SESSION_HANDLE session, unsigned char *part, CK_ULONG length)
{
    (void)session, (void)part, (void)length;
    return CKR_DEVICE_ERROR;
}

/* The operation that broke off does not stand in the way of the next one. */
static void is_lost_when_the_token_is(void **state)
{
    (void)state;
    static CK_FUNCTION_LIST list;
    list = real_list;
    list.C_DigestUpdate = fail_update;
    softhsm.module->list = &list;
    assert_int_equal(token_digest_prove(softhsm.token, DIGEST_SHA_256), HSM_LOST);
    softhsm.module->list = &real_list;
    assert_int_equal(token_digest_prove(softhsm.token, DIGEST_SHA_256), HSM_OK);
}

static int open_all(void **state)
{
    (void)state;
    softhsm_open(&softhsm);
    real_list = *softhsm.module->list;
    softhsm.module->list = &real_list;
    return 0;
}

static int close_all(void **state)
{
    (void)state;
    softhsm_close(&softhsm);
    return 0;
}

/* By Python's hashlib: sha256(sha256(b"Mufasa:http-auth@example.org:Circle of Life").hexdigest()).
 */
static void hashes_a_key_that_stays(void **state)
{
    (void)state;
    static const struct key_ref ref;
    const struct secret_ha1 ha1 = ha1_of(DIGEST_SHA_256);
    char text[DIGEST_TEXT_BYTES] = "";
    CK_OBJECT_HANDLE key = make_key(&ref, DIGEST_SHA_256);
    assert_int_equal(token_digest_key_hash(softhsm.token, key, text), HSM_OK);
    assert_string_equal(text, "488727d9388b281cb1c7b91d08047c013a1d545bf0ce5a06334b216ab089d9a9");
    assert_int_equal(digest_ha1_hash(&ha1, text), HSM_OK);
    assert_string_equal(text, "488727d9388b281cb1c7b91d08047c013a1d545bf0ce5a06334b216ab089d9a9");
    token_discard(softhsm.token, key);
    assert_int_not_equal(token_digest_key_hash(softhsm.token, key, text), HSM_OK);
}

static void tells_the_digits_of_ha1(void **state)
{
    (void)state;
    struct secret_ha1 ha1 = ha1_of(DIGEST_SHA_256);
    assert_true(digest_ha1_is_text(DIGEST_SHA_256, &ha1));
    assert_false(digest_ha1_is_text(DIGEST_MD5, &ha1));
    ha1.text[63] = 'G';
    assert_false(digest_ha1_is_text(DIGEST_SHA_256, &ha1));
    ha1.text[63] = 'A';
    assert_false(digest_ha1_is_text(DIGEST_SHA_256, &ha1));
    ha1.text[63] = '\0';
    assert_false(digest_ha1_is_text(DIGEST_SHA_256, &ha1));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(says_which_hash_softhsm_takes_a_key_for),
        cmocka_unit_test(refuses_a_secret_that_could_leave),
        cmocka_unit_test(refuses_a_secret_of_another_hash),
        cmocka_unit_test(is_no_k),
        cmocka_unit_test(says_when_a_secret_is_not_there),
        cmocka_unit_test(finds_a_secret_that_came_later),
        cmocka_unit_test(hashes_a_key_that_stays),
        cmocka_unit_test(tells_the_digits_of_ha1),
        cmocka_unit_test(answers_inside),
        cmocka_unit_test(answers_from_a_data_object),
        cmocka_unit_test(is_lost_when_the_token_is),
    };
    return cmocka_run_group_tests(tests, open_all, close_all);
}
