/*
 * What enrolment puts into a real token: a key that can only encrypt and never leaves, whatever a
 * holder of the USER PIN tries; and nothing at all when a single call of the module fails.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "enrol.h"
#include "keyfile.h"
#include "softhsm.h"
#include "trials.h"
#include "vectors.h"

#define COUNT_OF(list) (sizeof(list) / sizeof((list)[0]))
#define OBJECTS_MAX 64

static struct softhsm softhsm;
static struct vector vectors[VECTOR_SETS];
static CK_FUNCTION_LIST *real_list;
static CK_FUNCTION_LIST fake_list;

/* The subscriber that the tests share. */
static struct key_ref ref;
static CK_OBJECT_HANDLE key;

/* What the next calls of the fake are to do. */
static int calls_until_failure;
static uint8_t spoil;

static struct keyfile keyfile_of(const struct vector *vector, bool op_is_opc)
{
    struct keyfile keyfile = {.op_is_opc = op_is_opc};
    memcpy(keyfile.k.bytes, vector->k, sizeof keyfile.k.bytes);
    memcpy(keyfile.op.bytes, op_is_opc ? vector->opc : vector->op, sizeof keyfile.op.bytes);
    return keyfile;
}

static enum hsm_result enrol(const struct keyfile *keyfile, const char *impi,
                             struct key_ref *out_ref)
{
    struct kcv kcv = {0};
    const struct enrolment enrolment = {
        key_source_clear(&keyfile->k), &keyfile->k, &keyfile->op, keyfile->op_is_opc, {0}, impi};
    return enrol_keys(softhsm.token, &enrolment, out_ref, &kcv);
}

static size_t find_objects(CK_ATTRIBUTE *fit, CK_ULONG count, CK_OBJECT_HANDLE *out_first)
{
    CK_OBJECT_HANDLE objects[OBJECTS_MAX];
    CK_ULONG found = 0;
    CK_SESSION_HANDLE session = softhsm.token->session;
    assert_int_equal(real_list->C_FindObjectsInit(session, fit, count), CKR_OK);
    assert_int_equal(real_list->C_FindObjects(session, objects, OBJECTS_MAX, &found), CKR_OK);
    assert_int_equal(real_list->C_FindObjectsFinal(session), CKR_OK);
    if (out_first != NULL && found > 0)
        *out_first = objects[0];
    return found;
}

static size_t count_objects(void)
{
    return find_objects(NULL, 0, NULL);
}

static CK_OBJECT_HANDLE find_key(struct key_ref id)
{
    CK_OBJECT_HANDLE object = CK_INVALID_HANDLE;
    CK_ATTRIBUTE fit[] = {{CKA_ID, id.bytes, sizeof id.bytes}};
    assert_int_equal(find_objects(fit, 1, &object), 1);
    return object;
}

static CK_BBOOL flag(CK_ATTRIBUTE_TYPE type)
{
    CK_BBOOL value = 2;
    CK_ATTRIBUTE attribute = {type, &value, sizeof value};
    assert_int_equal(real_list->C_GetAttributeValue(softhsm.token->session, key, &attribute, 1),
                     CKR_OK);
    return value;
}

static int set_up(void **state)
{
    (void)state;
    vectors_load(vectors);
    softhsm_open(&softhsm);
    real_list = softhsm.module->list;
    assert_int_equal(token_prove(softhsm.token), HSM_OK);
    struct keyfile keyfile = keyfile_of(&vectors[2], false);
    assert_int_equal(enrol(&keyfile, "alice@ims.example.com", &ref), HSM_OK);
    key = find_key(ref);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    softhsm_close(&softhsm);
    return 0;
}

static int restore(void **state)
{
    (void)state;
    softhsm.module->list = real_list;
    return 0;
}

static void k_has_one_right(void **state)
{
    (void)state;
    assert_int_equal(flag(CKA_TOKEN), CK_TRUE);
    assert_int_equal(flag(CKA_PRIVATE), CK_TRUE);
    assert_int_equal(flag(CKA_SENSITIVE), CK_TRUE);
    assert_int_equal(flag(CKA_EXTRACTABLE), CK_FALSE);
    assert_int_equal(flag(CKA_ENCRYPT), CK_TRUE);
    assert_int_equal(flag(CKA_DECRYPT), CK_FALSE);
    assert_int_equal(flag(CKA_WRAP), CK_FALSE);
    assert_int_equal(flag(CKA_UNWRAP), CK_FALSE);
    assert_int_equal(flag(CKA_SIGN), CK_FALSE);
    assert_int_equal(flag(CKA_VERIFY), CK_FALSE);
    assert_int_equal(flag(CKA_DERIVE), CK_FALSE);
    assert_int_equal(enrol_check_rights(softhsm.token, key), HSM_OK);
}

static void k_allows_ecb_alone(void **state)
{
    (void)state;
    CK_MECHANISM_TYPE allowed[4] = {0};
    uint8_t iv[16] = {0};
    CK_MECHANISM cbc = {CKM_AES_CBC, iv, sizeof iv};
    CK_MECHANISM cmac = {.mechanism = CKM_AES_CMAC};
    CK_SESSION_HANDLE session = softhsm.token->session;
    CK_ATTRIBUTE attribute = {CKA_ALLOWED_MECHANISMS, allowed, sizeof allowed};
    assert_int_equal(real_list->C_GetAttributeValue(session, key, &attribute, 1), CKR_OK);
    assert_int_equal(attribute.ulValueLen, sizeof allowed[0]);
    assert_int_equal(allowed[0], CKM_AES_ECB);
    assert_int_not_equal(real_list->C_EncryptInit(session, &cbc, key), CKR_OK);
    assert_int_not_equal(real_list->C_DecryptInit(session, &cbc, key), CKR_OK);
    assert_int_not_equal(real_list->C_SignInit(session, &cmac, key), CKR_OK);
}

static void k_cannot_be_read(void **state)
{
    (void)state;
    uint8_t bytes[32] = {0};
    CK_ATTRIBUTE value = {CKA_VALUE, bytes, sizeof bytes};
    assert_int_equal(real_list->C_GetAttributeValue(softhsm.token->session, key, &value, 1),
                     CKR_ATTRIBUTE_SENSITIVE);
    assert_memory_not_equal(bytes, vectors[2].k, 16);
}

static void k_cannot_be_opened_up(void **state)
{
    (void)state;
    CK_BBOOL yes = CK_TRUE;
    CK_BBOOL no = CK_FALSE;
    CK_SESSION_HANDLE session = softhsm.token->session;
    CK_OBJECT_HANDLE copy = CK_INVALID_HANDLE;
    CK_ATTRIBUTE open[] = {{CKA_SENSITIVE, &no, sizeof no}, {CKA_EXTRACTABLE, &yes, sizeof yes}};
    for (size_t i = 0; i < COUNT_OF(open); i++) {
        assert_int_not_equal(real_list->C_SetAttributeValue(session, key, &open[i], 1), CKR_OK);
        assert_int_not_equal(real_list->C_CopyObject(session, key, &open[i], 1, &copy), CKR_OK);
    }
    assert_int_equal(flag(CKA_SENSITIVE), CK_TRUE);
    assert_int_equal(flag(CKA_EXTRACTABLE), CK_FALSE);
}

static void k_cannot_be_wrapped(void **state)
{
    (void)state;
    uint8_t iv[16] = {0};
    CK_MECHANISM ways[] = {{CKM_AES_KEY_WRAP, NULL, 0},
                           {CKM_AES_KEY_WRAP_PAD, NULL, 0},
                           {CKM_AES_CBC, iv, sizeof iv},
                           {CKM_AES_CBC_PAD, iv, sizeof iv}};
    CK_MECHANISM make = {.mechanism = CKM_AES_KEY_GEN};
    CK_ULONG bytes = 32;
    CK_BBOOL yes = CK_TRUE;
    CK_OBJECT_HANDLE wrapping = CK_INVALID_HANDLE;
    CK_ATTRIBUTE fit[] = {{CKA_VALUE_LEN, &bytes, sizeof bytes}, {CKA_WRAP, &yes, sizeof yes}};
    CK_SESSION_HANDLE session = softhsm.token->session;
    assert_int_equal(real_list->C_GenerateKey(session, &make, fit, COUNT_OF(fit), &wrapping),
                     CKR_OK);
    for (size_t i = 0; i < COUNT_OF(ways); i++) {
        uint8_t wrapped[64] = {0};
        CK_ULONG wrapped_bytes = sizeof wrapped;
        CK_RV rv = real_list->C_WrapKey(session, &ways[i], wrapping, key, wrapped, &wrapped_bytes);
        if (i == 0)
            assert_int_equal(rv, CKR_KEY_UNEXTRACTABLE);
        assert_int_not_equal(rv, CKR_OK);
    }
}

static void k_derives_nothing(void **state)
{
    (void)state;
    uint8_t data[16] = {1};
    CK_KEY_DERIVATION_STRING_DATA string = {data, sizeof data};
    CK_MECHANISM derive = {CKM_AES_ECB_ENCRYPT_DATA, &string, sizeof string};
    CK_OBJECT_CLASS class = CKO_SECRET_KEY;
    CK_KEY_TYPE type = CKK_AES;
    CK_ULONG bytes = 16;
    CK_OBJECT_HANDLE derived = CK_INVALID_HANDLE;
    CK_ATTRIBUTE wanted[] = {{CKA_CLASS, &class, sizeof class},
                             {CKA_KEY_TYPE, &type, sizeof type},
                             {CKA_VALUE_LEN, &bytes, sizeof bytes}};
    assert_int_not_equal(real_list->C_DeriveKey(softhsm.token->session, &derive, key, wanted,
                                                COUNT_OF(wanted), &derived),
                         CKR_OK);
}

static void the_keyring_finds_what_was_enrolled(void **state)
{
    (void)state;
    struct keyring *keyring = NULL;
    struct key found = {0};
    assert_int_equal(keyring_new(softhsm.token, &keyring), HSM_OK);
    assert_int_equal(keyring_open(keyring, &ref, &found), HSM_OK);
    assert_memory_equal(found.opc->bytes, vectors[2].opc, 16);
    keyring_free(&keyring);
}

/* OP goes in, OPc comes out right, for all sets; then nothing is left of them. */
static void computes_opc_in_the_token(void **state)
{
    (void)state;
    struct key_ref refs[VECTOR_SETS];
    struct keyring *keyring = NULL;
    size_t before = count_objects();
    for (size_t i = 0; i < VECTOR_SETS; i++) {
        struct keyfile keyfile = keyfile_of(&vectors[i], i % 2 == 0);
        assert_int_equal(enrol(&keyfile, "x@ims.example.com", &refs[i]), HSM_OK);
    }
    assert_int_equal(keyring_new(softhsm.token, &keyring), HSM_OK);
    for (size_t i = 0; i < VECTOR_SETS; i++) {
        struct key found = {0};
        assert_int_equal(keyring_open(keyring, &refs[i], &found), HSM_OK);
        assert_memory_equal(found.opc->bytes, vectors[i].opc, 16);
    }
    keyring_free(&keyring);
    for (size_t i = 0; i < VECTOR_SETS; i++)
        assert_int_equal(enrol_destroy(softhsm.token, &refs[i]), HSM_OK);
    assert_int_equal(count_objects(), before);
    assert_int_equal(enrol_destroy(softhsm.token, &refs[0]), HSM_NO_KEY);
}

static CK_RV fail_create(CK_SESSION_HANDLE session, CK_ATTRIBUTE *template, CK_ULONG count,
                         CK_OBJECT_HANDLE *object)
{
    if (--calls_until_failure == 0)
        return CKR_DEVICE_MEMORY;
    return real_list->C_CreateObject(session, template, count, object);
}

static CK_RV fail_init(CK_SESSION_HANDLE session, CK_MECHANISM *mechanism, CK_OBJECT_HANDLE object)
{
    if (--calls_until_failure == 0)
        return CKR_FUNCTION_FAILED;
    return real_list->C_EncryptInit(session, mechanism, object);
}

static CK_RV fail_get(CK_SESSION_HANDLE session, CK_OBJECT_HANDLE object, CK_ATTRIBUTE *template,
                      CK_ULONG count)
{
    if (--calls_until_failure == 0)
        return CKR_FUNCTION_FAILED;
    return real_list->C_GetAttributeValue(session, object, template, count);
}

/* A token that stores another value than it was given. */
static CK_RV spoil_create(CK_SESSION_HANDLE session, CK_ATTRIBUTE *template, CK_ULONG count,
                          CK_OBJECT_HANDLE *object)
{
    uint8_t value[16];
    CK_ATTRIBUTE *last = &template[count - 1];
    assert_int_equal(last->type, CKA_VALUE);
    if (--calls_until_failure == 0) {
        memcpy(value, last->pValue, sizeof value);
        value[5] ^= spoil;
        last->pValue = value;
    }
    return real_list->C_CreateObject(session, template, count, object);
}

static void assert_leaves_nothing(int calls, enum hsm_result expected)
{
    struct keyfile keyfile = keyfile_of(&vectors[4], false);
    struct key_ref unused = {{0x5a}};
    size_t before = count_objects();
    calls_until_failure = calls;
    softhsm.module->list = &fake_list;
    assert_int_equal(enrol(&keyfile, "bob@ims.example.com", &unused), expected);
    assert_true(calls_until_failure <= 0);
    assert_int_equal(count_objects(), before);
    assert_int_equal(unused.bytes[0], 0x5a);
}

/* K; the session key it is compared with; OPc. */
static void leaves_nothing_when_an_object_is_not_made(void **state)
{
    (void)state;
    fake_list = *real_list;
    fake_list.C_CreateObject = fail_create;
    for (int calls = 1; calls <= 3; calls++)
        assert_leaves_nothing(calls, HSM_FULL);
}

static void leaves_nothing_when_the_key_cannot_be_used(void **state)
{
    (void)state;
    fake_list = *real_list;
    fake_list.C_EncryptInit = fail_init;
    for (int calls = 1; calls <= 3; calls++)
        assert_leaves_nothing(calls, HSM_REFUSED);
}

/* The rights of K, then the value of OPc. */
static void leaves_nothing_when_it_cannot_be_checked(void **state)
{
    (void)state;
    fake_list = *real_list;
    fake_list.C_GetAttributeValue = fail_get;
    for (int calls = 1; calls <= 2; calls++)
        assert_leaves_nothing(calls, HSM_REFUSED);
}

static void finds_a_value_that_was_stored_wrongly(void **state)
{
    (void)state;
    fake_list = *real_list;
    fake_list.C_CreateObject = spoil_create;
    spoil = 0x10;
    assert_leaves_nothing(1, HSM_BAD_ANSWER);
    assert_leaves_nothing(3, HSM_BAD_ANSWER);
}

/* A judge of policy that lets everything pass: the trials must say so. */
static CK_RV wrap_anything(CK_SESSION_HANDLE session, CK_MECHANISM *mechanism,
                           CK_OBJECT_HANDLE wrapping, CK_OBJECT_HANDLE object, CK_BYTE *out,
                           CK_ULONG *out_bytes)
{
    (void)session, (void)mechanism, (void)wrapping, (void)object, (void)out, (void)out_bytes;
    return CKR_OK;
}

static CK_RV set_anything(CK_SESSION_HANDLE session, CK_OBJECT_HANDLE object,
                          CK_ATTRIBUTE *template, CK_ULONG count)
{
    (void)session, (void)object, (void)template, (void)count;
    return CKR_OK;
}

static enum hsm_result run_trial(const char *name)
{
    size_t count = 0;
    const struct trial *trials = trials_list(&count);
    for (size_t i = 0; i < count; i++) {
        if (strcmp(trials[i].name, name) == 0)
            return trials[i].run(softhsm.token);
    }
    fail_msg("no trial \"%s\"", name);
    return HSM_LOST;
}

static void trials_see_a_token_without_policy(void **state)
{
    (void)state;
    fake_list = *real_list;
    softhsm.module->list = &fake_list;
    fake_list.C_WrapKey = wrap_anything;
    assert_int_equal(run_trial("it can't be wrapped"), HSM_BAD_ANSWER);
    fake_list.C_SetAttributeValue = set_anything;
    assert_int_equal(run_trial("its rights can't be turned back"), HSM_BAD_ANSWER);
    fake_list.C_GetAttributeValue = set_anything;
    assert_int_equal(run_trial("an imported key can't be read"), HSM_BAD_ANSWER);
}

static void trials_pass_on_softhsm_and_leave_no_token_object(void **state)
{
    (void)state;
    CK_BBOOL yes = CK_TRUE;
    CK_ATTRIBUTE of_token[] = {{CKA_TOKEN, &yes, sizeof yes}};
    size_t count = 0;
    size_t before = find_objects(of_token, 1, NULL);
    const struct trial *trials = trials_list(&count);
    for (size_t i = 0; i < count; i++) {
        /* The tests' own token has no KEK; SoftHSM hashes a key that can't leave by SHA alone. */
        if (strstr(trials[i].name, "KEK") == NULL && strstr(trials[i].name, "key wrap") == NULL &&
            strstr(trials[i].name, "stays: MD5") == NULL &&
            strstr(trials[i].name, "stays: SHA-512-256") == NULL &&
            trials[i].run(softhsm.token) != HSM_OK)
            fail_msg("%s", trials[i].name);
    }
    assert_int_equal(find_objects(of_token, 1, NULL), before);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(k_has_one_right),
        cmocka_unit_test(k_allows_ecb_alone),
        cmocka_unit_test(k_cannot_be_read),
        cmocka_unit_test(k_cannot_be_opened_up),
        cmocka_unit_test(k_cannot_be_wrapped),
        cmocka_unit_test(k_derives_nothing),
        cmocka_unit_test(the_keyring_finds_what_was_enrolled),
        cmocka_unit_test(computes_opc_in_the_token),
        cmocka_unit_test_teardown(leaves_nothing_when_an_object_is_not_made, restore),
        cmocka_unit_test_teardown(leaves_nothing_when_the_key_cannot_be_used, restore),
        cmocka_unit_test_teardown(leaves_nothing_when_it_cannot_be_checked, restore),
        cmocka_unit_test_teardown(finds_a_value_that_was_stored_wrongly, restore),
        cmocka_unit_test_teardown(trials_see_a_token_without_policy, restore),
        cmocka_unit_test(trials_pass_on_softhsm_and_leave_no_token_object),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
