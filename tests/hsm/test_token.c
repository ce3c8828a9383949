/* token, token_cipher and keyring on a real SoftHSM, with single calls of it made to fail. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "aka.h"
#include "pin.h"
#include "softhsm.h"
#include "vectors.h"

static struct softhsm softhsm;
static struct vector vectors[VECTOR_SETS];
static CK_FUNCTION_LIST real_list;

/* The module's list, for one test to put its own calls into. */
static CK_FUNCTION_LIST *fake_list(void)
{
    static CK_FUNCTION_LIST list;
    list = real_list;
    softhsm.module->list = &list;
    return &list;
}

static int restore(void **state)
{
    (void)state;
    static CK_FUNCTION_LIST list;
    list = real_list;
    softhsm.module->list = &list;
    return 0;
}

static enum hsm_result open_by(const char *label, const char *serial, const char *uri)
{
    const struct token_choice choice = {label, serial, uri};
    struct token *token = NULL;
    enum hsm_result rc = token_open(softhsm.module, &choice, false, &token);
    token_close(&token);
    return rc;
}

static void refuses_what_is_no_module(void **state)
{
    (void)state;
    char why[256] = "";
    struct module *module = NULL;
    assert_int_equal(module_open("/no/such/module.so", 1, why, sizeof why, &module), HSM_NO_MODULE);
    assert_non_null(strstr(why, "/no/such/module.so"));
    assert_int_equal(module_open("libc.so.6", 1, why, sizeof why, &module), HSM_NO_MODULE);
    assert_non_null(strstr(why, "is not a PKCS#11 module"));
    assert_null(module);
}

static void refuses_a_token_that_is_not_there(void **state)
{
    (void)state;
    assert_int_equal(open_by("another", NULL, NULL), HSM_NO_TOKEN);
    assert_int_equal(open_by(NULL, "0000", NULL), HSM_NO_TOKEN);
    assert_int_equal(open_by(NULL, NULL, "pkcs11:token=another"), HSM_NO_TOKEN);
}

static void refuses_a_uri_that_chooses_nothing(void **state)
{
    (void)state;
    assert_int_equal(open_by(NULL, NULL, "pkcs11:"), HSM_BAD_URI);
    assert_int_equal(open_by(NULL, NULL, "pkcs11:object=key"), HSM_BAD_URI);
    assert_int_equal(open_by(NULL, NULL, "token=x"), HSM_BAD_URI);
}

static void finds_the_token_by_each_of_its_names(void **state)
{
    (void)state;
    char uri[64] = "pkcs11:serial=";
    strcat(uri, softhsm.token->serial);
    assert_int_equal(open_by(SOFTHSM_LABEL, NULL, NULL), HSM_OK);
    assert_int_equal(open_by(NULL, softhsm.token->serial, NULL), HSM_OK);
    assert_int_equal(open_by(NULL, NULL, "pkcs11:token=" SOFTHSM_LABEL), HSM_OK);
    assert_int_equal(open_by(NULL, NULL, uri), HSM_OK);
}

static unsigned logins;

static CK_RV refuse_login(CK_SESSION_HANDLE session, CK_USER_TYPE user, CK_UTF8CHAR *pin,
                          CK_ULONG length)
{
    (void)session, (void)user, (void)pin, (void)length;
    logins++;
    return CKR_PIN_INCORRECT;
}

static void tries_a_wrong_pin_once(void **state)
{
    (void)state;
    const struct secret_pin pin = softhsm_pin("wrong");
    logins = 0;
    fake_list()->C_Login = refuse_login;
    assert_int_equal(token_log_in(softhsm.token, &pin), HSM_WRONG_PIN);
    assert_int_equal(logins, 1);
    assert_string_equal(module_fault(softhsm.module), "C_Login: CKR_PIN_INCORRECT");
}

static CK_RV say_logged_in(CK_SESSION_HANDLE session, CK_USER_TYPE user, CK_UTF8CHAR *pin,
                           CK_ULONG length)
{
    (void)session, (void)user, (void)pin, (void)length;
    return CKR_USER_ALREADY_LOGGED_IN;
}

static void takes_already_logged_in_for_success(void **state)
{
    (void)state;
    const struct secret_pin pin = softhsm_pin(SOFTHSM_PIN);
    fake_list()->C_Login = say_logged_in;
    assert_int_equal(token_log_in(softhsm.token, &pin), HSM_OK);
}

static CK_RV fail_update(CK_SESSION_HANDLE session, CK_BYTE *in, CK_ULONG in_bytes, CK_BYTE *out,
                         CK_ULONG *out_bytes)
{
    (void)session, (void)in, (void)in_bytes, (void)out, (void)out_bytes;
    return CKR_FUNCTION_NOT_SUPPORTED;
}

static CK_RV encrypt_one_block(CK_SESSION_HANDLE session, CK_BYTE *in, CK_ULONG in_bytes,
                               CK_BYTE *out, CK_ULONG *out_bytes)
{
    if (in_bytes != 16) {
        (void)real_list.C_Encrypt(session, in, 16, out, out_bytes);
        return CKR_DATA_LEN_RANGE;
    }
    return real_list.C_Encrypt(session, in, in_bytes, out, out_bytes);
}

static CK_RV refuse_final(CK_SESSION_HANDLE session, CK_BYTE *out, CK_ULONG *out_bytes)
{
    CK_BYTE rest[16];
    CK_ULONG rest_bytes = sizeof rest;
    (void)out, (void)out_bytes;
    (void)real_list.C_EncryptFinal(session, rest, &rest_bytes);
    return CKR_DEVICE_ERROR;
}

static void proves_a_token_without_parts(void **state)
{
    (void)state;
    CK_FUNCTION_LIST *list = fake_list();
    list->C_EncryptUpdate = fail_update;
    assert_int_equal(token_prove(softhsm.token), HSM_OK);
    assert_false(softhsm.token->abilities.several_parts);
    assert_true(softhsm.token->abilities.several_blocks);
    list->C_Encrypt = encrypt_one_block;
    assert_int_equal(token_prove(softhsm.token), HSM_OK);
    assert_false(softhsm.token->abilities.several_blocks);
}

static CK_RV flip_a_bit(CK_SESSION_HANDLE session, CK_BYTE *in, CK_ULONG in_bytes, CK_BYTE *out,
                        CK_ULONG *out_bytes)
{
    CK_RV rv = real_list.C_Encrypt(session, in, in_bytes, out, out_bytes);
    out[0] ^= 1;
    return rv;
}

static void refuses_a_token_that_answers_wrongly(void **state)
{
    (void)state;
    fake_list()->C_Encrypt = flip_a_bit;
    assert_int_equal(token_prove(softhsm.token), HSM_BAD_ANSWER);
}

static void proves_softhsm_with_all_it_can(void **state)
{
    (void)state;
    assert_int_equal(token_prove(softhsm.token), HSM_OK);
    assert_true(softhsm.token->abilities.several_blocks);
    assert_true(softhsm.token->abilities.several_parts);
    assert_int_equal(token_find_integrity(softhsm.token), HSM_OK);
    assert_true(softhsm.token->abilities.session_copy);
    assert_int_equal(token_alive(softhsm.token), HSM_OK);
}

static CK_RV lose_token(CK_SLOT_ID slot, CK_TOKEN_INFO *info)
{
    (void)slot, (void)info;
    return CKR_DEVICE_REMOVED;
}

static void notices_a_lost_token(void **state)
{
    (void)state;
    fake_list()->C_GetTokenInfo = lose_token;
    assert_int_equal(token_alive(softhsm.token), HSM_LOST);
}

static CK_RV refuse_copy(CK_SESSION_HANDLE session, CK_OBJECT_HANDLE object, CK_ATTRIBUTE *wanted,
                         CK_ULONG count, CK_OBJECT_HANDLE *out)
{
    (void)session, (void)object, (void)wanted, (void)count, (void)out;
    return CKR_FUNCTION_NOT_SUPPORTED;
}

/* The answers of set `at`, through the keyring and whatever way of asking the token has. */
static void expect_answers(struct keyring *keyring, const struct key_ref *ref, size_t at)
{
    const struct sqn_profile profile = {5, (UINT64_C(1) << 48) - 1, 0};
    const struct sqn_array array = {0};
    const struct vector *vector = &vectors[at];
    struct key key = {0};
    struct aka_answer answer = {0};
    struct token_cipher state;
    assert_int_equal(keyring_open(keyring, ref, &key), HSM_OK);
    struct cipher cipher = token_cipher_start(&state, softhsm.token, key.handle);
    assert_int_equal(aka_answer_challenge(&cipher, key.opc, vector->rand, vector->autn, &profile,
                                          &array, &answer),
                     HSM_OK);
    assert_int_equal(token_cipher_end(&state), HSM_OK);
    assert_int_equal(answer.outcome, AKA_ACCEPTED);
    assert_memory_equal(answer.res.bytes, vector->res, sizeof vector->res);
}

static const struct key_ref first = {{1, 2, 3, 4, 5, 6, 7, 8}};

static void answers_without_a_session_copy(void **state)
{
    (void)state;
    struct keyring *keyring = NULL;
    fake_list()->C_CopyObject = refuse_copy;
    assert_int_equal(token_find_integrity(softhsm.token), HSM_OK);
    assert_false(softhsm.token->abilities.session_copy);
    assert_int_equal(keyring_new(softhsm.token, &keyring), HSM_OK);
    expect_answers(keyring, &first, 3);
    keyring_free(&keyring);
}

static void answers_in_single_calls(void **state)
{
    (void)state;
    struct keyring *keyring = NULL;
    CK_FUNCTION_LIST *list = fake_list();
    list->C_EncryptUpdate = fail_update;
    list->C_Encrypt = encrypt_one_block;
    assert_int_equal(token_prove(softhsm.token), HSM_OK);
    assert_int_equal(keyring_new(softhsm.token, &keyring), HSM_OK);
    expect_answers(keyring, &first, 3);
    keyring_free(&keyring);
}

/* A C_EncryptFinal that fails leaves the session unusable: only a new process helps. */
static void is_lost_when_an_operation_does_not_end(void **state)
{
    (void)state;
    struct token_cipher cipher_state;
    const uint8_t in[16] = {0};
    uint8_t out[16] = {0};
    fake_list()->C_EncryptFinal = refuse_final;
    softhsm.token->abilities.several_parts = true;
    struct cipher cipher = token_cipher_start(&cipher_state, softhsm.token, softhsm.token->probe);
    assert_int_equal(cipher.encrypt(cipher.context, in, out, 1), HSM_OK);
    assert_int_equal(token_cipher_end(&cipher_state), HSM_LOST);
}

static void refuses_a_key_that_could_leave(void **state)
{
    (void)state;
    const struct key_ref loose = {{9, 9, 9, 9, 9, 9, 9, 1}};
    struct keyring *keyring = NULL;
    struct key key = {0};
    softhsm_add_key(&softhsm, &loose, vectors[4].k, vectors[4].opc, SOFTHSM_KEY_EXTRACTABLE);
    assert_int_equal(keyring_new(softhsm.token, &keyring), HSM_OK);
    assert_int_equal(keyring_open(keyring, &loose, &key), HSM_REFUSED);
    keyring_free(&keyring);
}

/* Two keys under one reference: nobody can say which is right. */
static void leaves_out_a_reference_that_stands_twice(void **state)
{
    (void)state;
    const struct key_ref twice = {{2, 2, 2, 2, 2, 2, 2, 2}};
    struct keyring *keyring = NULL;
    softhsm_add_key(&softhsm, &twice, vectors[4].k, vectors[4].opc, SOFTHSM_KEY_PROPER);
    softhsm_add_key(&softhsm, &twice, vectors[5].k, vectors[5].opc, SOFTHSM_KEY_PROPER);
    assert_int_equal(keyring_new(softhsm.token, &keyring), HSM_OK);
    assert_false(keyring_holds(keyring, &twice));
    assert_true(keyring_holds(keyring, &first));
    keyring_free(&keyring);
}

static void finds_a_key_that_came_later(void **state)
{
    (void)state;
    const struct key_ref later = {{3, 1, 4, 1, 5, 9, 2, 6}};
    struct keyring *keyring = NULL;
    assert_int_equal(keyring_new(softhsm.token, &keyring), HSM_OK);
    expect_answers(keyring, &first, 3);
    softhsm_add_key(&softhsm, &later, vectors[7].k, vectors[7].opc, SOFTHSM_KEY_PROPER);
    expect_answers(keyring, &later, 7);
    expect_answers(keyring, &first, 3);
    keyring_free(&keyring);
}

static void says_when_a_key_is_not_there(void **state)
{
    (void)state;
    const struct key_ref absent = {{7, 7, 7, 7, 7, 7, 7, 7}};
    struct keyring *keyring = NULL;
    struct key key = {0};
    assert_int_equal(keyring_new(softhsm.token, &keyring), HSM_OK);
    assert_int_equal(keyring_open(keyring, &absent, &key), HSM_NO_KEY);
    assert_int_equal(keyring_open(keyring, &absent, &key), HSM_LATER);
    usleep(1100000);
    assert_int_equal(keyring_open(keyring, &absent, &key), HSM_NO_KEY);
    keyring_free(&keyring);
}

static enum hsm_result pin_of(const char *text, struct secret_pin *out_pin)
{
    int ends[2];
    assert_int_equal(pipe(ends), 0);
    assert_int_equal(write(ends[1], text, strlen(text)), (ssize_t)strlen(text));
    close(ends[1]);
    enum hsm_result rc = pin_from_descriptor(ends[0], out_pin);
    close(ends[0]);
    return rc;
}

static void reads_pins(void **state)
{
    (void)state;
    struct secret_pin pin = {0};
    char long_pin[PIN_BYTES_MAX + 2];
    memset(long_pin, 'x', sizeof long_pin - 1);
    long_pin[sizeof long_pin - 1] = '\0';
    assert_int_equal(pin_of("", &pin), HSM_PIN_UNREADABLE);
    assert_int_equal(pin_of("\n", &pin), HSM_PIN_UNREADABLE);
    assert_int_equal(pin_of(long_pin, &pin), HSM_PIN_UNREADABLE);
    assert_int_equal(pin_from_file("/no/such/file", &pin), HSM_PIN_UNREADABLE);
    assert_int_equal(pin_of("12 34\r\nrest", &pin), HSM_OK);
    assert_string_equal(pin.text, "12 34");
    assert_int_equal(pin.length, 5);
}

static int open_all(void **state)
{
    (void)state;
    vectors_load(vectors);
    softhsm_open(&softhsm);
    real_list = *softhsm.module->list;
    softhsm_add_key(&softhsm, &first, vectors[3].k, vectors[3].opc, SOFTHSM_KEY_PROPER);
    assert_int_equal(token_prove(softhsm.token), HSM_OK);
    assert_int_equal(token_find_integrity(softhsm.token), HSM_OK);
    return 0;
}

static int close_all(void **state)
{
    softhsm_close(&softhsm);
    (void)state;
    return 0;
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, restore, restore)
    const struct CMUnitTest tests[] = {
        TEST(refuses_what_is_no_module),
        TEST(refuses_a_token_that_is_not_there),
        TEST(refuses_a_uri_that_chooses_nothing),
        TEST(finds_the_token_by_each_of_its_names),
        TEST(tries_a_wrong_pin_once),
        TEST(takes_already_logged_in_for_success),
        TEST(proves_a_token_without_parts),
        TEST(refuses_a_token_that_answers_wrongly),
        TEST(answers_in_single_calls),
        TEST(proves_softhsm_with_all_it_can),
        TEST(notices_a_lost_token),
        TEST(is_lost_when_an_operation_does_not_end),
        TEST(answers_without_a_session_copy),
        TEST(proves_softhsm_with_all_it_can),
        TEST(refuses_a_key_that_could_leave),
        TEST(leaves_out_a_reference_that_stands_twice),
        TEST(finds_a_key_that_came_later),
        TEST(says_when_a_key_is_not_there),
        TEST(reads_pins),
    };
    return cmocka_run_group_tests(tests, open_all, close_all);
}
