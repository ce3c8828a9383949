/*
 * K and OPc wrapped under a real token's KEK: they answer as K and OPc do, never leave on the way,
 * leave nothing in the token when a call fails, and a bad blob is not taken for a lost token.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "enrol_wrapped.h"
#include "key_cache.h"
#include "softhsm.h"
#include "vectors.h"

#define OBJECTS_MAX 64

static struct softhsm softhsm;
static struct vector vectors[VECTOR_SETS];
static CK_FUNCTION_LIST *real_list;
static CK_FUNCTION_LIST fake_list;
static int calls_until_failure;

static size_t count_objects(void)
{
    CK_OBJECT_HANDLE objects[OBJECTS_MAX];
    CK_ULONG found = 0;
    CK_SESSION_HANDLE session = softhsm.token->session;
    assert_int_equal(real_list->C_FindObjectsInit(session, NULL, 0), CKR_OK);
    assert_int_equal(real_list->C_FindObjects(session, objects, OBJECTS_MAX, &found), CKR_OK);
    assert_int_equal(real_list->C_FindObjectsFinal(session), CKR_OK);
    return found;
}

static enum hsm_result wrap(size_t set, bool is_opc, struct wrapped_keys *out)
{
    struct secret128 k;
    struct secret128 op;
    struct key_ref ref = {{0}};
    memcpy(k.bytes, vectors[set].k, sizeof k);
    memcpy(op.bytes, is_opc ? vectors[set].opc : vectors[set].op, sizeof op);
    const struct key_source source = key_source_clear(&k);
    const struct opc_source opc = {&op, is_opc};
    return enrol_wrap(softhsm.token, &source, &opc, &ref, out);
}

static enum hsm_result uncover(CK_OBJECT_HANDLE k, const struct covered_opc *covered,
                               struct secret128 *out_opc)
{
    struct token_cipher state;
    struct cipher cipher = token_cipher_start(&state, softhsm.token, k);
    enum hsm_result rc = covered_opc_open(&cipher, covered, out_opc);
    assert_int_equal(token_cipher_end(&state), HSM_OK);
    return rc;
}

static int set_up(void **state)
{
    (void)state;
    vectors_load(vectors);
    softhsm_open(&softhsm);
    real_list = softhsm.module->list;
    assert_int_equal(token_prove(softhsm.token), HSM_OK);
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

static void without_a_kek_nothing_is_wrapped(void **state)
{
    (void)state;
    struct wrapped_keys wrapped = {0};
    CK_OBJECT_HANDLE k = CK_INVALID_HANDLE;
    size_t before = count_objects();
    assert_int_equal(wrap(0, false, &wrapped), HSM_NO_KEY);
    assert_int_equal(count_objects(), before);
    /* The token was searched just now: whoever asks by number is told to come again. */
    assert_int_equal(token_kek_unwrap_k(softhsm.token, &wrapped, &k), HSM_LATER);
    token_kek_forget(softhsm.token);
    assert_int_equal(token_kek_unwrap_k(softhsm.token, &wrapped, &k), HSM_NO_KEY);
    token_kek_forget(softhsm.token);
    softhsm_add_kek(&softhsm);
    assert_int_equal(wrap(0, false, &wrapped), HSM_OK);
}

static void every_set_comes_back(void **state)
{
    (void)state;
    size_t before = count_objects();
    for (size_t i = 0; i < VECTOR_SETS; i++) {
        struct wrapped_keys wrapped = {0};
        struct secret128 opc = {{0}};
        CK_OBJECT_HANDLE k = CK_INVALID_HANDLE;
        assert_int_equal(wrap(i, i % 2 == 0, &wrapped), HSM_OK);
        assert_int_equal(wrapped.kek.bytes[3], 1);
        assert_memory_not_equal(wrapped.k.bytes + 8, vectors[i].k, 16);
        assert_memory_not_equal(wrapped.opc.bytes, vectors[i].opc, 16);
        assert_int_equal(token_kek_unwrap_k(softhsm.token, &wrapped, &k), HSM_OK);
        assert_int_equal(uncover(k, &wrapped.opc, &opc), HSM_OK);
        assert_int_equal(real_list->C_DestroyObject(softhsm.token->session, k), CKR_OK);
        assert_memory_equal(opc.bytes, vectors[i].opc, sizeof opc.bytes);
    }
    assert_int_equal(count_objects(), before);
}

/* No way out for K while it is unwrapped: not read, not opened up, not wrapped, not copied. */
static void unwrapped_k_can_not_leave(void **state)
{
    (void)state;
    struct wrapped_keys wrapped = {0};
    CK_OBJECT_HANDLE k = CK_INVALID_HANDLE;
    CK_OBJECT_HANDLE kek = CK_INVALID_HANDLE;
    CK_OBJECT_HANDLE copy = CK_INVALID_HANDLE;
    CK_SESSION_HANDLE session = softhsm.token->session;
    CK_MECHANISM wrapping = {.mechanism = CKM_AES_KEY_WRAP};
    uint8_t bytes[64] = {0};
    CK_ULONG length = sizeof bytes;
    CK_BBOOL yes = CK_TRUE;
    CK_BBOOL no = CK_FALSE;
    CK_ATTRIBUTE value = {CKA_VALUE, bytes, sizeof bytes};
    CK_ATTRIBUTE open[] = {{CKA_SENSITIVE, &no, sizeof no}, {CKA_EXTRACTABLE, &yes, sizeof yes}};
    assert_int_equal(wrap(2, true, &wrapped), HSM_OK);
    assert_int_equal(token_kek_unwrap_k(softhsm.token, &wrapped, &k), HSM_OK);
    assert_int_equal(enrol_check_rights(softhsm.token, k), HSM_OK);
    assert_int_equal(real_list->C_GetAttributeValue(session, k, &value, 1),
                     CKR_ATTRIBUTE_SENSITIVE);
    for (size_t i = 0; i < sizeof open / sizeof open[0]; i++) {
        assert_int_not_equal(real_list->C_SetAttributeValue(session, k, &open[i], 1), CKR_OK);
        assert_int_not_equal(real_list->C_CopyObject(session, k, &open[i], 1, &copy), CKR_OK);
    }
    assert_int_equal(token_kek_find(softhsm.token, &wrapped.kek, &kek), HSM_OK);
    assert_int_equal(real_list->C_WrapKey(session, &wrapping, kek, k, bytes, &length),
                     CKR_KEY_UNEXTRACTABLE);
    assert_int_equal(real_list->C_DestroyObject(session, k), CKR_OK);
}

/* Every byte counts, and the token is not taken for lost (TOKENS.md: it says GENERAL_ERROR). */
static void a_bad_blob_is_refused(void **state)
{
    (void)state;
    struct wrapped_keys wrapped = {0};
    size_t before = count_objects();
    assert_int_equal(wrap(3, true, &wrapped), HSM_OK);
    for (size_t at = 0; at < TOKEN_WRAPPED_BYTES; at++) {
        struct wrapped_keys bad = wrapped;
        CK_OBJECT_HANDLE k = CK_INVALID_HANDLE;
        bad.k.bytes[at] ^= 0x40;
        assert_int_equal(token_kek_unwrap_k(softhsm.token, &bad, &k), HSM_REFUSED);
    }
    assert_int_equal(count_objects(), before);
}

static CK_RV no_such_token(CK_SLOT_ID slot, CK_TOKEN_INFO *info)
{
    (void)slot, (void)info;
    return CKR_GENERAL_ERROR;
}

static void a_lost_token_is_lost(void **state)
{
    (void)state;
    struct wrapped_keys wrapped = {0};
    CK_OBJECT_HANDLE k = CK_INVALID_HANDLE;
    assert_int_equal(wrap(3, true, &wrapped), HSM_OK);
    wrapped.k.bytes[3] ^= 1;
    fake_list = *real_list;
    fake_list.C_GetTokenInfo = no_such_token;
    softhsm.module->list = &fake_list;
    assert_int_equal(token_kek_unwrap_k(softhsm.token, &wrapped, &k), HSM_LOST);
}

static void it_moves_into_the_token(void **state)
{
    (void)state;
    struct wrapped_keys wrapped = {0};
    struct keyring *keyring = NULL;
    struct key_ref ref = {{0}};
    struct key key = {0};
    CK_OBJECT_HANDLE same = CK_INVALID_HANDLE;
    size_t before = count_objects();
    assert_int_equal(wrap(4, false, &wrapped), HSM_OK);
    assert_int_equal(enrol_unwrap(softhsm.token, &wrapped, "bob@ims.example.com", &ref), HSM_OK);
    assert_int_equal(count_objects(), before + 2);
    assert_int_equal(keyring_new(softhsm.token, &keyring), HSM_OK);
    assert_int_equal(keyring_open(keyring, &ref, &key), HSM_OK);
    assert_int_equal(enrol_check_rights(softhsm.token, key.handle), HSM_OK);
    assert_memory_equal(key.opc->bytes, vectors[4].opc, 16);
    assert_int_equal(token_kek_unwrap_k(softhsm.token, &wrapped, &same), HSM_OK);
    assert_int_equal(enrol_check_same(softhsm.token, key.handle, same), HSM_OK);
    assert_int_equal(real_list->C_DestroyObject(softhsm.token->session, same), CKR_OK);
    keyring_free(&keyring);
    assert_int_equal(enrol_destroy(softhsm.token, &ref), HSM_OK);
    wrapped.k.bytes[1] ^= 1;
    assert_int_equal(enrol_unwrap(softhsm.token, &wrapped, "bob@ims.example.com", &ref),
                     HSM_REFUSED);
    assert_int_equal(count_objects(), before);
}

/* Opens it in the cache and encrypts nothing: gives K's handle, checks OPc. */
static CK_OBJECT_HANDLE open_cached(struct key_cache *cache, uint8_t number, size_t set,
                                    const struct wrapped_keys *wrapped)
{
    const struct key_ref ref = {{number}};
    struct token_cipher state;
    struct key key = {0};
    enum hsm_result rc = key_cache_open(cache, &ref, wrapped, &state, &key);
    assert_int_equal(token_cipher_end(&state), HSM_OK);
    assert_int_equal(rc, HSM_OK);
    assert_memory_equal(key.opc->bytes, vectors[set].opc, 16);
    return key.handle;
}

static bool is_there(CK_OBJECT_HANDLE object)
{
    CK_OBJECT_CLASS class = 0;
    CK_ATTRIBUTE attribute = {CKA_CLASS, &class, sizeof class};
    return real_list->C_GetAttributeValue(softhsm.token->session, object, &attribute, 1) == CKR_OK;
}

static void the_one_not_used_for_longest_makes_room(void **state)
{
    (void)state;
    struct wrapped_keys wrapped[4] = {{.kek = {{0}}}};
    CK_OBJECT_HANDLE k[4];
    struct key_cache *cache = NULL;
    size_t before = count_objects();
    assert_int_equal(key_cache_new(softhsm.token, 3, &cache), HSM_OK);
    for (size_t i = 0; i < 4; i++)
        assert_int_equal(wrap(i, true, &wrapped[i]), HSM_OK);
    for (uint8_t i = 0; i < 3; i++) /* 0, 8 and 16 share a bucket of the four */
        k[i] = open_cached(cache, (uint8_t)(8 * i), i, &wrapped[i]);
    assert_int_equal(open_cached(cache, 0, 0, &wrapped[0]), k[0]);
    k[3] = open_cached(cache, 24, 3, &wrapped[3]);
    assert_int_equal(key_cache_count(cache), 3);
    assert_false(is_there(k[1]));
    assert_true(is_there(k[0]) && is_there(k[2]) && is_there(k[3]));
    assert_int_equal(key_cache_unwrapped(cache), 4);
    (void)open_cached(cache, 8, 1, &wrapped[1]); /* pushes out 16 */
    assert_false(is_there(k[2]));
    assert_int_equal(open_cached(cache, 0, 0, &wrapped[0]), k[0]);
    assert_int_equal(count_objects(), before + 3);
    key_cache_free(&cache);
    assert_int_equal(count_objects(), before);
}

/* A blob that can't be unwrapped costs a place nothing, and the others stay. */
static void what_changed_is_unwrapped_anew(void **state)
{
    (void)state;
    const struct key_ref ref = {{1}};
    struct wrapped_keys wrapped[2] = {{.kek = {{0}}}};
    struct key_cache *cache = NULL;
    struct token_cipher cipher;
    struct key key = {0};
    assert_int_equal(key_cache_new(softhsm.token, 2, &cache), HSM_OK);
    assert_int_equal(wrap(6, true, &wrapped[0]), HSM_OK);
    assert_int_equal(wrap(7, true, &wrapped[1]), HSM_OK);
    CK_OBJECT_HANDLE first = open_cached(cache, 1, 6, &wrapped[0]);
    CK_OBJECT_HANDLE other = open_cached(cache, 2, 6, &wrapped[0]);
    assert_int_not_equal(open_cached(cache, 1, 7, &wrapped[1]), first);
    assert_false(is_there(first));
    wrapped[1].k.bytes[0] ^= 1;
    for (int i = 0; i < 5; i++) {
        assert_int_equal(key_cache_open(cache, &ref, &wrapped[1], &cipher, &key), HSM_REFUSED);
        assert_int_equal(token_cipher_end(&cipher), HSM_OK);
    }
    assert_int_equal(key_cache_count(cache), 1);
    assert_int_equal(open_cached(cache, 2, 6, &wrapped[0]), other);
    key_cache_free(&cache);
}

#define FAKE(call, parameters, arguments)     \
    static CK_RV fail_##call parameters       \
    {                                         \
        if (--calls_until_failure == 0)       \
            return CKR_DEVICE_MEMORY;         \
        return real_list->C_##call arguments; \
    }

FAKE(CreateObject, (CK_SESSION_HANDLE session, CK_ATTRIBUTE *key, CK_ULONG count, CK_ULONG *out),
     (session, key, count, out))
FAKE(WrapKey,
     (CK_SESSION_HANDLE session, CK_MECHANISM *mechanism, CK_ULONG kek, CK_ULONG key,
      CK_BYTE *wrapped, CK_ULONG *bytes),
     (session, mechanism, kek, key, wrapped, bytes))
FAKE(UnwrapKey,
     (CK_SESSION_HANDLE session, CK_MECHANISM *mechanism, CK_ULONG kek, CK_BYTE *wrapped,
      CK_ULONG bytes, CK_ATTRIBUTE *key, CK_ULONG count, CK_ULONG *out),
     (session, mechanism, kek, wrapped, bytes, key, count, out))
FAKE(GetAttributeValue,
     (CK_SESSION_HANDLE session, CK_ULONG object, CK_ATTRIBUTE *list, CK_ULONG count),
     (session, object, list, count))
FAKE(EncryptInit, (CK_SESSION_HANDLE session, CK_MECHANISM *mechanism, CK_ULONG key),
     (session, mechanism, key))

/* Whichever call fails, first, second or last: nothing is given back, nothing stays. */
static void assert_leaves_nothing(int least)
{
    size_t before = count_objects();
    int failures = 0;
    for (int calls = 1;; calls++) {
        struct wrapped_keys wrapped = {.k = {{0x5a}}};
        calls_until_failure = calls;
        softhsm.module->list = &fake_list;
        enum hsm_result rc = wrap(5, false, &wrapped);
        softhsm.module->list = real_list;
        assert_int_equal(count_objects(), before);
        if (rc == HSM_OK)
            break;
        assert_int_equal(wrapped.k.bytes[0], 0x5a);
        failures++;
    }
    assert_in_range(failures, least, 100);
}

static void leaves_nothing_when_a_call_fails(void **state)
{
    (void)state;
    fake_list = *real_list;
    fake_list.C_CreateObject = fail_CreateObject;
    assert_leaves_nothing(1);
    fake_list = *real_list;
    fake_list.C_WrapKey = fail_WrapKey;
    assert_leaves_nothing(1);
    fake_list = *real_list;
    fake_list.C_UnwrapKey = fail_UnwrapKey;
    assert_leaves_nothing(1);
    fake_list = *real_list;
    fake_list.C_GetAttributeValue = fail_GetAttributeValue;
    assert_leaves_nothing(1);
    fake_list = *real_list;
    fake_list.C_EncryptInit = fail_EncryptInit;
    assert_leaves_nothing(3);
}

/* The last one: as a keeper does when its module is worn. */
static void all_works_after_a_restart(void **state)
{
    (void)state;
    const struct token_choice choice = {.label = SOFTHSM_LABEL};
    const struct secret_pin pin = softhsm_pin(SOFTHSM_PIN);
    struct wrapped_keys wrapped = {0};
    struct key_cache *cache = NULL;
    assert_int_equal(wrap(8, true, &wrapped), HSM_OK);
    token_close(&softhsm.token);
    assert_int_equal(module_restart(softhsm.module), HSM_OK);
    assert_int_equal(token_open(softhsm.module, &choice, true, &softhsm.token), HSM_OK);
    assert_int_equal(token_log_in(softhsm.token, &pin), HSM_OK);
    assert_int_equal(token_prove(softhsm.token), HSM_OK);
    assert_int_equal(key_cache_new(softhsm.token, 1, &cache), HSM_OK);
    (void)open_cached(cache, 1, 8, &wrapped);
    key_cache_free(&cache);
}

#define TEST(name) cmocka_unit_test_teardown(name, restore)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(without_a_kek_nothing_is_wrapped),
        TEST(every_set_comes_back),
        TEST(unwrapped_k_can_not_leave),
        TEST(a_bad_blob_is_refused),
        TEST(a_lost_token_is_lost),
        TEST(it_moves_into_the_token),
        TEST(the_one_not_used_for_longest_makes_room),
        TEST(what_changed_is_unwrapped_anew),
        TEST(leaves_nothing_when_a_call_fails),
        TEST(all_works_after_a_restart),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
