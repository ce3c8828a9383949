/* GBA_U's keys on tests/vectors/gba_vectors.json, by libcrypto and by a SoftHSM token. */
#include <jansson.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>

#include "hex.h"
#include "openssl_cipher.h"
#include "softhsm.h"
#include "token_kek.h"
#include "token_ks.h"
#include "vectors.h"

static struct softhsm softhsm;
static struct vector vectors[VECTOR_SETS];
static CK_FUNCTION_LIST real_list;
static CK_FUNCTION_LIST list; /* what the module calls; a test may put its own in */
static json_t *all;

static int restore(void **state)
{
    (void)state;
    list = real_list;
    softhsm.token->kek = CK_INVALID_HANDLE;
    return 0;
}

static json_t *sets(void)
{
    json_t *found = json_object_get(all, "vectors");
    assert_true(json_array_size(found) >= 10);
    return found;
}

static const struct vector *vector_of(const json_t *set)
{
    return &vectors[json_integer_value(json_object_get(set, "milenage_set")) - 1];
}

static void assert_octets(const json_t *set, const char *name, const uint8_t *bytes, size_t length)
{
    static char text[HEX_TEXT_BYTES(GBA_INPUT_BYTES_MAX)];
    hex_encode(bytes, length, text);
    assert_string_equal(text, json_string_value(json_object_get(set, name)));
}

static struct gba_key ks_of(const struct vector *vector)
{
    struct gba_key ks = {{0}};
    struct secret128 ck;
    struct secret128 ik;
    memcpy(ck.bytes, vector->ck, sizeof ck);
    memcpy(ik.bytes, vector->ik, sizeof ik);
    gba_ks(&ck, &ik, &ks);
    return ks;
}

/* Returns its length. */
static size_t input_of(const json_t *set, enum gba_key_kind kind,
                       uint8_t out_input[GBA_INPUT_BYTES_MAX])
{
    uint8_t id[64];
    const char *text = json_string_value(json_object_get(set, "naf_id"));
    const struct gba_naf naf = {vector_of(set)->rand,
                                json_string_value(json_object_get(set, "impi")), id,
                                strlen(text) / 2};
    assert_true(hex_decode(text, strlen(text), id, naf.id_bytes));
    size_t bytes = gba_naf_input(kind, &naf, out_input);
    assert_int_not_equal(bytes, 0);
    return bytes;
}

static void every_vector_by_libcrypto(void **state)
{
    (void)state;
    size_t i = 0;
    json_t *set = NULL;
    json_array_foreach(sets(), i, set)
    {
        uint8_t input[GBA_INPUT_BYTES_MAX];
        uint8_t mac[GBA_KEY_BYTES];
        unsigned mac_bytes = sizeof mac;
        struct gba_key ks = ks_of(vector_of(set));
        assert_octets(set, "ks", ks.bytes, sizeof ks.bytes);
        size_t bytes = input_of(set, GBA_KS_EXT_NAF, input);
        assert_octets(set, "kdf_S_ext", input, bytes);
        HMAC(EVP_sha256(), ks.bytes, sizeof ks.bytes, input, bytes, mac, &mac_bytes);
        assert_octets(set, "ks_ext_naf", mac, sizeof mac);
        bytes = input_of(set, GBA_KS_INT_NAF, input);
        HMAC(EVP_sha256(), ks.bytes, sizeof ks.bytes, input, bytes, mac, &mac_bytes);
        assert_octets(set, "ks_int_naf", mac, sizeof mac);
    }
}

static void every_autn_of_gba_u_is_restored(void **state)
{
    (void)state;
    size_t i = 0;
    json_t *set = NULL;
    json_array_foreach(sets(), i, set)
    {
        const struct vector *vector = vector_of(set);
        uint8_t star[GBA_AUTN_BYTES];
        uint8_t autn[GBA_AUTN_BYTES] = {0};
        struct secret128 opc;
        struct openssl_cipher cipher_state;
        struct cipher cipher = openssl_cipher(&cipher_state, vector->k);
        const char *text =
            json_string_value(json_object_get(set, "gba_u_autn_star_UNVERIFIED_RULE"));
        memcpy(opc.bytes, vector->opc, sizeof opc);
        assert_true(hex_decode(text, strlen(text), star, sizeof star));
        assert_int_equal(gba_restore_autn(&cipher, &opc, vector->rand, star, autn), HSM_OK);
        assert_memory_equal(autn, vector->autn, sizeof autn);
    }
}

static void names_that_are_too_long_make_no_input(void **state)
{
    (void)state;
    static char impi[GBA_NAME_BYTES_MAX + 2];
    static const uint8_t id[GBA_NAME_BYTES_MAX + 1];
    uint8_t input[GBA_INPUT_BYTES_MAX];
    memset(impi, 'x', sizeof impi - 1);
    struct gba_naf naf = {vectors[0].rand, impi, id, 6};
    assert_int_equal(gba_naf_input(GBA_KS_EXT_NAF, &naf, input), 0);
    naf = (struct gba_naf){vectors[0].rand, impi + 1, id, GBA_NAME_BYTES_MAX + 1};
    assert_int_equal(gba_naf_input(GBA_KS_EXT_NAF, &naf, input), 0);
    naf.id_bytes = GBA_NAME_BYTES_MAX;
    assert_int_equal(gba_naf_input(GBA_KS_EXT_NAF, &naf, input), GBA_INPUT_BYTES_MAX);
}

static CK_ULONG objects(void)
{
    static CK_OBJECT_HANDLE found[64];
    CK_ULONG count = 0;
    CK_SESSION_HANDLE session = softhsm.token->session;
    assert_int_equal(real_list.C_FindObjectsInit(session, NULL, 0), CKR_OK);
    assert_int_equal(real_list.C_FindObjects(session, found, 64, &count), CKR_OK);
    assert_int_equal(real_list.C_FindObjectsFinal(session), CKR_OK);
    return count;
}

static void a_token_without_a_kek_says_so(void **state)
{
    (void)state;
    struct gba_key ks = ks_of(&vectors[2]);
    struct token_wrapped_ks wrapped = {.bytes = {0}};
    assert_int_equal(token_ks_wrap(softhsm.token, &ks, &wrapped), HSM_NO_KEY);
    assert_int_equal(token_ks_mac(softhsm.token, &wrapped, ks.bytes, 1, &ks), HSM_NO_KEY);
    softhsm_add_kek(&softhsm);
    token_kek_forget(softhsm.token); /* so as not to wait until it searches again */
    assert_int_equal(token_ks_wrap(softhsm.token, &ks, &wrapped), HSM_OK);
}

static void every_vector_by_the_token(void **state)
{
    (void)state;
    size_t i = 0;
    json_t *set = NULL;
    CK_ULONG before = objects();
    json_array_foreach(sets(), i, set)
    {
        uint8_t input[GBA_INPUT_BYTES_MAX];
        struct gba_key ks = ks_of(vector_of(set));
        struct gba_key key = {{0}};
        struct token_wrapped_ks wrapped = {.bytes = {0}};
        size_t bytes = input_of(set, GBA_KS_EXT_NAF, input);
        assert_int_equal(token_ks_wrap(softhsm.token, &ks, &wrapped), HSM_OK);
        assert_memory_not_equal(wrapped.bytes + 8, ks.bytes, sizeof ks.bytes);
        assert_int_equal(token_ks_mac(softhsm.token, &wrapped, input, bytes, &key), HSM_OK);
        assert_octets(set, "ks_ext_naf", key.bytes, sizeof key.bytes);
    }
    assert_int_equal(objects(), before);
}

static void what_another_wrapped_is_refused(void **state)
{
    (void)state;
    CK_ULONG before = objects();
    struct gba_key ks = ks_of(&vectors[2]);
    struct token_wrapped_ks wrapped = {.bytes = {0}};
    assert_int_equal(token_ks_wrap(softhsm.token, &ks, &wrapped), HSM_OK);
    wrapped.bytes[11] ^= 1;
    assert_int_equal(token_ks_mac(softhsm.token, &wrapped, ks.bytes, 8, &ks), HSM_REFUSED);
    assert_int_equal(objects(), before);
}

static CK_OBJECT_HANDLE wrapped_object;
static CK_ULONG sign_rights;

/* Looks at the unwrapped Ks before the token signs with it. */
static CK_RV look_at_key(CK_SESSION_HANDLE session, CK_MECHANISM *mechanism, CK_OBJECT_HANDLE key)
{
    CK_BBOOL sensitive = 0;
    CK_BBOOL extractable = 1;
    CK_BBOOL token = 1;
    uint8_t value[GBA_KEY_BYTES];
    CK_ATTRIBUTE rights[] = {
        {CKA_SENSITIVE, &sensitive, 1}, {CKA_EXTRACTABLE, &extractable, 1}, {CKA_TOKEN, &token, 1}};
    CK_ATTRIBUTE secret = {CKA_VALUE, value, sizeof value};
    assert_int_equal(real_list.C_GetAttributeValue(session, key, rights, 3), CKR_OK);
    assert_int_equal(real_list.C_GetAttributeValue(session, key, &secret, 1),
                     CKR_ATTRIBUTE_SENSITIVE);
    sign_rights += sensitive == CK_TRUE && extractable == CK_FALSE && token == CK_FALSE;
    wrapped_object = key;
    return real_list.C_SignInit(session, mechanism, key);
}

static void ks_in_the_token_can_not_be_read(void **state)
{
    (void)state;
    struct gba_key ks = ks_of(&vectors[2]);
    struct token_wrapped_ks wrapped = {.bytes = {0}};
    sign_rights = 0;
    list.C_SignInit = look_at_key;
    assert_int_equal(token_ks_wrap(softhsm.token, &ks, &wrapped), HSM_OK);
    assert_int_equal(token_ks_mac(softhsm.token, &wrapped, ks.bytes, 8, &ks), HSM_OK);
    assert_int_equal(sign_rights, 2); /* the proof, and the call itself */
    CK_OBJECT_CLASS class = 0;
    CK_ATTRIBUTE is_there = {CKA_CLASS, &class, sizeof class};
    assert_int_not_equal(
        real_list.C_GetAttributeValue(softhsm.token->session, wrapped_object, &is_there, 1),
        CKR_OK);
}

static CK_RV sign_wrongly(CK_SESSION_HANDLE session, CK_BYTE *data, CK_ULONG bytes, CK_BYTE *out,
                          CK_ULONG *out_bytes)
{
    CK_RV rv = real_list.C_Sign(session, data, bytes, out, out_bytes);
    out[0] ^= 1;
    return rv;
}

static CK_RV sign_short(CK_SESSION_HANDLE session, CK_BYTE *data, CK_ULONG bytes, CK_BYTE *out,
                        CK_ULONG *out_bytes)
{
    CK_RV rv = real_list.C_Sign(session, data, bytes, out, out_bytes);
    *out_bytes = 20;
    return rv;
}

static CK_RV wrap_nothing(CK_SESSION_HANDLE session, CK_MECHANISM *mechanism, CK_OBJECT_HANDLE kek,
                          CK_OBJECT_HANDLE key, CK_BYTE *out, CK_ULONG *out_bytes)
{
    (void)session, (void)mechanism, (void)kek, (void)key, (void)out, (void)out_bytes;
    return CKR_MECHANISM_INVALID;
}

static CK_RV wrap_long(CK_SESSION_HANDLE session, CK_MECHANISM *mechanism, CK_OBJECT_HANDLE kek,
                       CK_OBJECT_HANDLE key, CK_BYTE *out, CK_ULONG *out_bytes)
{
    CK_RV rv = real_list.C_WrapKey(session, mechanism, kek, key, out, out_bytes);
    *out_bytes = 32;
    return rv;
}

static CK_RV lose(CK_SESSION_HANDLE session, CK_OBJECT_HANDLE object)
{
    (void)real_list.C_DestroyObject(session, object);
    return CKR_DEVICE_REMOVED;
}

static void a_token_that_can_not_is_not_used(void **state)
{
    (void)state;
    struct gba_key ks = ks_of(&vectors[2]);
    struct token_wrapped_ks wrapped = {.bytes = {0}};
    CK_ULONG before = objects();
    list.C_Sign = sign_wrongly;
    assert_int_equal(token_ks_wrap(softhsm.token, &ks, &wrapped), HSM_UNSUPPORTED);
    list.C_Sign = sign_short;
    assert_int_equal(token_ks_wrap(softhsm.token, &ks, &wrapped), HSM_BAD_ANSWER);
    list.C_Sign = real_list.C_Sign;
    list.C_WrapKey = wrap_long;
    assert_int_equal(token_ks_wrap(softhsm.token, &ks, &wrapped), HSM_UNSUPPORTED);
    list.C_WrapKey = wrap_nothing;
    assert_int_not_equal(token_ks_wrap(softhsm.token, &ks, &wrapped), HSM_OK);
    list.C_WrapKey = real_list.C_WrapKey;
    list.C_DestroyObject = lose;
    assert_int_equal(token_ks_wrap(softhsm.token, &ks, &wrapped), HSM_LOST);
    assert_int_equal(softhsm.token->kek, CK_INVALID_HANDLE);
    assert_int_equal(objects(), before);
    list.C_DestroyObject = real_list.C_DestroyObject;
    assert_int_equal(token_ks_wrap(softhsm.token, &ks, &wrapped), HSM_OK);
}

static int open_all(void **state)
{
    (void)state;
    vectors_load(vectors);
    softhsm_open(&softhsm);
    real_list = *softhsm.module->list;
    list = real_list;
    softhsm.module->list = &list;
    assert_int_equal(token_prove(softhsm.token), HSM_OK);
    all = json_load_file(NISIM_SOURCE_DIR "/tests/vectors/gba_vectors.json", 0, NULL);
    return all == NULL;
}

static int close_all(void **state)
{
    (void)state;
    json_decref(all);
    softhsm_close(&softhsm);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_that_are_too_long_make_no_input),
        cmocka_unit_test(every_vector_by_libcrypto),
        cmocka_unit_test(every_autn_of_gba_u_is_restored),
        cmocka_unit_test(a_token_without_a_kek_says_so),
        cmocka_unit_test_teardown(what_another_wrapped_is_refused, restore),
        cmocka_unit_test_teardown(a_token_that_can_not_is_not_used, restore),
        cmocka_unit_test_teardown(ks_in_the_token_can_not_be_read, restore),
        cmocka_unit_test_teardown(every_vector_by_the_token, restore),
    };
    return cmocka_run_group_tests(tests, open_all, close_all);
}
