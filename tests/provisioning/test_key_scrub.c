/*
 * After an enrolment nothing of K, OP and OPc is left in any page of this process: not in ours,
 * not in the module's, freed or not. K that comes wrapped is not there at any time either, nor is
 * H(A1) that will rest as a key: all pages are searched after each call of the module. SoftHSM is a
 * token inside this very process, and from C_EncryptInit to the operation's end holds the key that
 * encrypts; those calls are left out. What is looked for is kept inverted, so that the test does
 * not find itself.
 */
#include <fcntl.h>
#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

#include <cmocka.h>

#include "enrol.h"
#include "enrol_digest.h"
#include "hex.h"
#include "keyfile.h"
#include "milenage.h"
#include "softhsm.h"
#include "transport_make.h"

#define KEY_BYTES 16
#define HEX_BYTES (2 * KEY_BYTES)
#define PART_BYTES 65536
#define REGION_BYTES_MAX (UINT64_C(1) << 28) /* larger ones are a sanitizer's own */

enum needle {
    NEEDLE_K,
    NEEDLE_OP,
    NEEDLE_OPC,
    NEEDLE_K_HEX,
    NEEDLE_OP_HEX,
    NEEDLES,
};

static struct softhsm softhsm;
static size_t lengths[NEEDLES];
static uint8_t inverted[NEEDLES][HEX_BYTES];
static uint8_t part[PART_BYTES + HEX_BYTES];
static bool is_watching; /* K alone, after each call of the module */
static size_t searches;

static void keep(enum needle needle, const void *bytes, size_t length)
{
    const uint8_t *from = bytes;
    lengths[needle] = length;
    for (size_t i = 0; i < length; i++)
        inverted[needle][i] = from[i] ^ 0xff;
}

static void recall(enum needle needle, void *out_bytes)
{
    uint8_t *to = out_bytes;
    for (size_t i = 0; i < lengths[needle]; i++)
        to[i] = inverted[needle][i] ^ 0xff;
}

static bool is_at(const uint8_t *bytes, enum needle needle)
{
    size_t same = 0;
    while (same < lengths[needle] && (bytes[same] ^ inverted[needle][same]) == 0xff)
        same++;
    return same == lengths[needle];
}

/* A needle that begins behind PART_BYTES is the next part's. */
static size_t count_in(const uint8_t *bytes, size_t length)
{
    size_t found = 0;
    bool is_even = memcmp(bytes, bytes + 1, length - 1) == 0; /* most pages are zero */
    for (size_t at = 0; at < length && at < PART_BYTES && !is_even; at++) {
        for (enum needle needle = 0; needle < NEEDLES; needle++)
            found += (!is_watching || needle == NEEDLE_K || needle == NEEDLE_K_HEX) &&
                     at + lengths[needle] <= length && is_at(bytes + at, needle);
    }
    return found;
}

/* The buffer that the memory is read into is left out. */
static size_t count_in_region(int memory, uint64_t start, uint64_t end)
{
    size_t found = 0;
    const uint64_t own = (uintptr_t)part;
    for (uint64_t at = start; at < end; at += PART_BYTES) {
        if (at < own + sizeof part && own < at + PART_BYTES + HEX_BYTES)
            continue;
        /* Not into the next region, which may follow at once: it has a turn of its own. */
        size_t wanted = end - at < sizeof part ? (size_t)(end - at) : sizeof part;
        ssize_t got = pread(memory, part, wanted, (off_t)at);
        if (got > 0)
            found += count_in(part, (size_t)got);
    }
    secret_wipe(part, sizeof part);
    return found;
}

static size_t count_in_memory(void)
{
    char line[512];
    size_t found = 0;
    FILE *maps = fopen("/proc/self/maps", "r");
    int memory = open("/proc/self/mem", O_RDONLY);
    assert_non_null(maps);
    assert_true(memory >= 0);
    while (fgets(line, sizeof line, maps) != NULL) {
        uint64_t start = 0;
        uint64_t end = 0;
        char rights[5] = "";
        assert_int_equal(sscanf(line, "%" SCNx64 "-%" SCNx64 " %4s", &start, &end, rights), 3);
        if (rights[1] == 'w' && end - start < REGION_BYTES_MAX)
            found += count_in_region(memory, start, end);
    }
    fclose(maps);
    close(memory);
    return found;
}

CK_RV __real_module_leave(struct module *module, const char *call, CK_RV rv);
CK_RV __wrap_module_leave(struct module *module, const char *call, CK_RV rv);

/* The linker puts it in the place of module_leave, which ends each call. */
CK_RV __wrap_module_leave(struct module *module, const char *call, CK_RV rv)
{
    bool holds_a_key = strcmp(call, "C_EncryptInit") == 0 || strcmp(call, "C_EncryptUpdate") == 0;
    if (is_watching && !holds_a_key) {
        searches++;
        if (count_in_memory() != 0)
            fail_msg("K or H(A1) is in memory after %s", call);
    }
    return __real_module_leave(module, call, rv);
}

/* A file with K and OP, by way of a pipe, as the verb reads it. */
static struct keyfile *read_keyfile(void)
{
    int ends[2];
    char why[KEYFILE_WHY_BYTES] = "";
    char text[] = "K=00000000000000000000000000000000\nOP=00000000000000000000000000000000\n";
    recall(NEEDLE_K_HEX, text + 2);
    recall(NEEDLE_OP_HEX, text + 2 + HEX_BYTES + 4);
    assert_int_equal(pipe(ends), 0);
    assert_int_equal(write(ends[1], text, sizeof text - 1), sizeof text - 1);
    secret_wipe(text, sizeof text);
    close(ends[1]);
    struct keyfile *keyfile = keyfile_read(ends[0], why);
    assert_non_null(keyfile);
    close(ends[0]);
    return keyfile;
}

static void find_opc(const struct secret128 *k, const struct secret128 *op)
{
    struct secret128 opc = {0};
    struct token_cipher state;
    CK_OBJECT_HANDLE key = CK_INVALID_HANDLE;
    assert_int_equal(token_session_key(softhsm.token, k, &key), HSM_OK);
    struct cipher cipher = token_cipher_start(&state, softhsm.token, key);
    assert_int_equal(milenage_opc(&cipher, op, &opc), HSM_OK);
    assert_int_equal(token_cipher_end(&state), HSM_OK);
    keep(NEEDLE_OPC, opc.bytes, sizeof opc.bytes);
    secret_wipe(&opc, sizeof opc);
}

static void invent(enum needle needle, enum needle needle_hex, struct secret128 *out)
{
    char hex[HEX_TEXT_BYTES(KEY_BYTES)];
    assert_int_equal(getrandom(out->bytes, sizeof out->bytes, 0), sizeof out->bytes);
    hex_encode(out->bytes, sizeof out->bytes, hex);
    keep(needle, out->bytes, sizeof out->bytes);
    keep(needle_hex, hex, HEX_BYTES);
    secret_wipe(hex, sizeof hex);
}

static int set_up(void **state)
{
    (void)state;
    ERASED(secret128) struct secret128 k = {0};
    ERASED(secret128) struct secret128 op = {0};
    softhsm_open(&softhsm);
    assert_int_equal(token_prove(softhsm.token), HSM_OK);
    invent(NEEDLE_K, NEEDLE_K_HEX, &k);
    invent(NEEDLE_OP, NEEDLE_OP_HEX, &op);
    find_opc(&k, &op);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    softhsm_close(&softhsm);
    return 0;
}

static void finds_a_key_that_is_there(void **state)
{
    (void)state;
    struct keyfile *keyfile = read_keyfile();
    assert_int_equal(count_in_memory(), 2);
    keyfile_free(&keyfile);
    assert_int_equal(count_in_memory(), 0);
}

static void leaves_no_key_in_memory(void **state)
{
    (void)state;
    struct key_ref ref;
    struct kcv kcv = {0};
    struct keyfile *keyfile = read_keyfile();
    const struct enrolment enrolment = {
        key_source_clear(&keyfile->k), &keyfile->k, &keyfile->op, keyfile->op_is_opc, {0},
        "alice@ims.example.com"};
    assert_int_equal(enrol_keys(softhsm.token, &enrolment, &ref, &kcv), HSM_OK);
    keyfile_free(&keyfile);
    assert_int_equal(count_in_memory(), 0);
}

static void make_transport_key(const char *name, enum transport_purpose purpose)
{
    static const struct secret_aes value = {32, {1, 2, 3, 4, 5}};
    const struct kcv any = {0};
    struct kcv kcv = {0};
    assert_int_equal(transport_make_aes(softhsm.token, name, purpose, &value, &any, &kcv), HSM_OK);
}

static struct transport find(const char *name)
{
    struct transport transport = {0};
    assert_int_equal(transport_find(softhsm.token, name, &transport), HSM_OK);
    return transport;
}

static void enrol_watched(const struct enrolment *enrolment)
{
    struct key_ref ref;
    struct kcv kcv = {0};
    is_watching = true;
    searches = 0;
    assert_int_equal(enrol_keys(softhsm.token, enrolment, &ref, &kcv), HSM_OK);
    is_watching = false;
    assert_true(searches > 4);
}

static void a_wrapped_key_is_never_in_memory(void **state)
{
    (void)state;
    ERASED(secret128) struct secret128 k = {0};
    static const struct secret128 opc = {{9, 8, 7}};
    uint8_t blob[TRANSPORT_WRAPPED_BYTES_MAX];
    size_t length = 0;
    make_transport_key("in", TRANSPORT_IN);
    make_transport_key("out", TRANSPORT_OUT);
    const struct transport out = find("out");
    const struct transport in = find("in");
    recall(NEEDLE_K, k.bytes);
    assert_int_equal(transport_wrap_value(softhsm.token, &out, &k, blob, &length), HSM_OK);
    secret_wipe(&k, sizeof k);
    const struct transport_wrapped wrapped = {&in, blob, length};
    const struct enrolment enrolment = {transport_source(&wrapped), NULL, &opc, true, {0}, "alice"};
    enrol_watched(&enrolment);
    assert_int_equal(count_in_memory(), 0);
}

/* What is looked for is known only once the HSS has unwrapped it. */
static void a_key_made_inside_leaves_nothing_in_memory(void **state)
{
    (void)state;
    static const struct secret128 opc = {{9, 8, 7}};
    static const struct key_ref nobody;
    ERASED(secret128) struct secret128 k = {0};
    const struct transport out = find("out");
    const struct transport in = find("in");
    uint8_t blob[TRANSPORT_WRAPPED_BYTES_MAX];
    const struct transport_wrapped wrapped = {&in, blob, 24};
    size_t length = 0;
    enum transport_way way = TRANSPORT_RFC3394;
    CK_OBJECT_HANDLE made = CK_INVALID_HANDLE;
    struct key_ref ref;
    struct kcv kcv = {0};
    struct enrol_key key = {key_source_generated(), &nobody, "test", false, true};
    assert_int_equal(enrol_create_key(softhsm.token, &key, &made), HSM_OK);
    assert_int_equal(transport_wrap(softhsm.token, &out, made, blob, &length, &way), HSM_OK);
    const struct enrolment enrolment = {key_source_copy(&made), NULL, &opc, true, {0}, "bob"};
    assert_int_equal(enrol_keys(softhsm.token, &enrolment, &ref, &kcv), HSM_OK);
    assert_int_equal(length, wrapped.length);
    assert_int_equal(transport_read(softhsm.token, &wrapped, &k), HSM_OK);
    keep(NEEDLE_K, k.bytes, sizeof k.bytes);
    assert_int_not_equal(count_in_memory(), 0);
    secret_wipe(&k, sizeof k);
    assert_int_equal(count_in_memory(), 0);
}

/* The other way round: the clear way has K in memory while it lasts, and that is seen. */
static void watching_sees_a_clear_key(void **state)
{
    (void)state;
    struct keyfile *keyfile = read_keyfile();
    is_watching = true;
    assert_int_not_equal(count_in_memory(), 0);
    is_watching = false;
    keyfile_free(&keyfile);
}

/* The digits of K twice, for H(A1): as an HSS wraps them. */
static void wrap_digits(const struct transport *out, struct digest_source *source,
                        uint8_t blob[TRANSPORT_WRAPPED_BYTES_MAX])
{
    ERASED(secret_ha1) struct secret_ha1 ha1 = {{0}};
    static const struct kcv any;
    enum transport_way way = TRANSPORT_RFC3394;
    CK_OBJECT_CLASS class = CKO_SECRET_KEY;
    CK_KEY_TYPE type = CKK_GENERIC_SECRET;
    CK_BBOOL yes = CK_TRUE;
    CK_BBOOL no = CK_FALSE;
    CK_OBJECT_HANDLE key = CK_INVALID_HANDLE;
    recall(NEEDLE_K_HEX, ha1.text);
    recall(NEEDLE_K_HEX, ha1.text + HEX_BYTES);
    CK_ATTRIBUTE object[] = {
        {CKA_CLASS, &class, sizeof class},   {CKA_KEY_TYPE, &type, sizeof type},
        {CKA_TOKEN, &no, sizeof no},         {CKA_PRIVATE, &yes, sizeof yes},
        {CKA_EXTRACTABLE, &yes, sizeof yes}, {CKA_VALUE, ha1.text, strlen(ha1.text)}};
    assert_int_equal(MODULE_CALL(softhsm.module, C_CreateObject, softhsm.token->session, object,
                                 sizeof object / sizeof object[0], &key),
                     CKR_OK);
    assert_int_equal(transport_wrap(softhsm.token, out, key, blob, &source->wrapped.length, &way),
                     HSM_OK);
    token_discard(softhsm.token, key);
    source->wrapped.bytes = blob;
    assert_int_equal(kcv_take_ha1(&ha1, &any, &source->kcv), HSM_OK);
}

static void a_wrapped_digest_secret_is_never_in_memory(void **state)
{
    (void)state;
    const struct transport out = find("out");
    const struct transport in = find("in");
    uint8_t blob[TRANSPORT_WRAPPED_BYTES_MAX];
    struct digest_loading loading = {.impi = "carol"};
    struct digest_credential credential = {0};
    wrap_digits(&out, &loading.sources[DIGEST_SHA_256], blob);
    loading.sources[DIGEST_SHA_256].wrapped.transport = &in;
    assert_int_equal(count_in_memory(), 0);
    is_watching = true;
    searches = 0;
    assert_int_equal(enrol_digests(softhsm.token, &loading, &credential), HSM_OK);
    is_watching = false;
    assert_true(searches > 4);
    assert_int_equal(count_in_memory(), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(finds_a_key_that_is_there),
        cmocka_unit_test(leaves_no_key_in_memory),
        cmocka_unit_test(watching_sees_a_clear_key),
        cmocka_unit_test(a_wrapped_key_is_never_in_memory),
        cmocka_unit_test(a_wrapped_digest_secret_is_never_in_memory),
        cmocka_unit_test(a_key_made_inside_leaves_nothing_in_memory),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
