/* SIP digest through keeper_execute and batch_run, and its part of a record. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "digest_message.h"
#include "keeper_bench.h"
#include "token_digest.h"

#define MUFASA "Mufasa"
#define REALM "http-auth@example.org"
#define SHA_256_RESPONSE "753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1"

static struct digest_request request;
static const struct key_ref ref = {{0x51, 0x9}};

static void prepare(void)
{
    request = (struct digest_request){
        .challenge = {.subscriber = {.by = FIELD_USER_ID, .text = "3003"},
                      .algorithm = ALGORITHM_SHA_256,
                      .realm = REALM,
                      .username = MUFASA,
                      .nonce = "7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v"},
        .method = "GET",
        .uri = "/dir/index.html",
        .protection = PROTECTION_AUTH,
        .nc = "00000001",
        .cnonce = "f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ"};
}

static enum status ask_with(uint16_t stamp, uint8_t type, const struct wire_writer *writer)
{
    assert_false(writer->failed);
    batch_clear(bench.batch);
    bench_put(type, stamp, 7, writer->start, writer->used);
    bench_run();
    return bench_status(0);
}

static enum status ask(uint16_t stamp)
{
    static uint8_t body[FRAME_BODY_BYTES_MAX];
    struct wire_writer writer = wire_writer_of(body, sizeof body);
    digest_request_write(&writer, &request);
    return ask_with(stamp, MESSAGE_DIGEST, &writer);
}

static const uint8_t *reply_body(void)
{
    return bench.batch->replies[0].packet + CHANNEL_STAMP_BYTES + FRAME_HEADER_BYTES;
}

static uint16_t field_at_fault(void)
{
    return failure_read(reply_body(), bench_header(0).body_bytes);
}

static struct digest_answer answer_of(void)
{
    struct digest_answer answer = {0};
    struct fault fault =
        digest_answer_read(STATUS_OK, reply_body(), bench_header(0).body_bytes, &answer);
    assert_int_equal(fault.status, STATUS_OK);
    return answer;
}

static void add_mufasa(uint8_t algorithms, bool is_alone)
{
    static struct subscription subscription;
    memset(&subscription, 0, sizeof subscription);
    snprintf(subscription.identity.impi, NAME_BYTES_MAX, MUFASA);
    snprintf(subscription.identity.domain, NAME_BYTES_MAX, "ims.example.com");
    snprintf(subscription.identity.impus[0], NAME_BYTES_MAX, "sip:mufasa@ims.example.com");
    snprintf(subscription.user_ids[0], USER_ID_BYTES_MAX, "3003");
    snprintf(subscription.digest.realm, NAME_BYTES_MAX, REALM);
    subscription.identity.impu_count = 1;
    subscription.user_id_count = 1;
    subscription.key_ref.bytes[0] = is_alone ? 0 : 1;
    subscription.digest.is_alone = is_alone;
    subscription.digest.algorithms = algorithms;
    for (size_t i = 0; i < DIGEST_HASHES; i++)
        subscription.digest.refs[i] = ref;
    subscription.profile = (struct sqn_profile){5, (UINT64_C(1) << 48) - 1, 0};
    subscription.origin = KEY_ORIGIN_CLEAR_LABORATORY;
    subscription.enabled = true;
    assert_int_equal(subscription_seal(bench.softhsm.token, &subscription), HSM_OK);
    assert_int_equal(store_add(bench.keeper.store, &subscription), STORE_OK);
}

static int begin(void **state)
{
    if (bench_begin(state) != 0)
        return -1;
    prepare();
    add_mufasa(1u << DIGEST_SHA_256 | 1u << DIGEST_MD5, true);
    return 0;
}

static void refuses_an_algorithm_without_a_secret(void **state)
{
    (void)state;
    request.challenge.algorithm = ALGORITHM_SHA_512_256;
    assert_int_equal(ask(0), STATUS_NO_SUCH_CREDENTIAL);
    assert_int_equal(bench_header(0).body_bytes, 0);
}

static void refuses_a_subscriber_without_a_secret(void **state)
{
    (void)state;
    snprintf(request.challenge.subscriber.text, NAME_BYTES_MAX, "1001");
    request.challenge.username[0] = '\0';
    assert_int_equal(ask(0), STATUS_NO_SUCH_CREDENTIAL);
}

/* Neither AUTHENTICATE nor an AKA algorithm. */
static void refuses_aka_without_keys(void **state)
{
    (void)state;
    static uint8_t body[FRAME_BODY_BYTES_MAX];
    struct authenticate_request card = {.subscriber = request.challenge.subscriber,
                                        .form = FORM_CARD};
    struct wire_writer writer = wire_writer_of(body, sizeof body);
    authenticate_request_write(&writer, &card);
    assert_int_equal(ask_with(0, MESSAGE_AUTHENTICATE, &writer), STATUS_NO_SUCH_CREDENTIAL);
    request.challenge.algorithm = ALGORITHM_AKAV1_MD5;
    snprintf(request.challenge.realm, NAME_BYTES_MAX, "ims.example.com");
    snprintf(request.challenge.nonce, NONCE_BYTES_MAX,
             "n3yNAhrM9NshPM/wx/caaq5KOptMl3JcnKvD6ZuvcoE=");
    assert_int_equal(ask(0), STATUS_NO_SUCH_CREDENTIAL);
    assert_int_equal(bench.keeper.pending_count, 0);
}

static void refuses_names_that_are_not_his(void **state)
{
    (void)state;
    snprintf(request.challenge.username, NAME_BYTES_MAX, "mufasa");
    assert_int_equal(ask(0), STATUS_WRONG_USERNAME);
    assert_int_equal(field_at_fault(), FIELD_USERNAME);
    prepare();
    snprintf(request.challenge.realm, NAME_BYTES_MAX, "HTTP-auth@example.org");
    assert_int_equal(ask(0), STATUS_WRONG_REALM);
    assert_int_equal(field_at_fault(), FIELD_REALM);
}

static void refuses_who_may_not(void **state)
{
    (void)state;
    assert_int_equal(ask(1), STATUS_FORM_NOT_ALLOWED);
    assert_int_equal(ask(CHANNEL_STAMP_FRONT), STATUS_INTERNAL);
}

/* The record names an object that holds no H(A1) of MD5. */
static void refuses_a_secret_of_the_wrong_kind(void **state)
{
    (void)state;
    request.challenge.algorithm = ALGORITHM_MD5;
    assert_int_equal(ask(0), STATUS_KEY_UNUSABLE); /* SoftHSM: CKR_KEY_INDIGESTIBLE */
    prepare();
    assert_int_equal(ask(0), STATUS_OK);
}

static CK_RV lose(CK_SESSION_HANDLE session, CK_MECHANISM *mechanism)
{
    (void)session, (void)mechanism;
    return CKR_DEVICE_REMOVED;
}

static void ends_with_a_lost_token(void **state)
{
    (void)state;
    static uint8_t body[FRAME_BODY_BYTES_MAX];
    struct wire_writer writer = wire_writer_of(body, sizeof body);
    digest_request_write(&writer, &request);
    bench.softhsm.module->list->C_DigestInit = lose; /* the bench's copy */
    batch_clear(bench.batch);
    bench_put(MESSAGE_DIGEST, 0, 7, body, writer.used);
    assert_int_equal(batch_run(&bench.keeper, bench.batch), EXIT_LOST);
}

static void answers_as_the_rfc_says(void **state)
{
    (void)state;
    request.want_rspauth = true;
    for (int again = 0; again < 2; again++) { /* no SQN is used up */
        assert_int_equal(ask(0), STATUS_OK);
        assert_false(bench.batch->replies[0].needs_commit);
        struct digest_answer answer = answer_of();
        assert_string_equal(answer.response, SHA_256_RESPONSE);
        assert_int_equal(strlen(answer.rspauth), 64);
        assert_string_not_equal(answer.rspauth, answer.response);
    }
}

/* Nothing is to be made durable, so a store that is busy does not matter. */
static void answers_while_the_store_is_busy(void **state)
{
    (void)state;
    assert_int_equal(store_begin(bench.other_node), STORE_OK);
    assert_int_equal(ask(0), STATUS_OK);
    store_rollback(bench.other_node);
}

static struct subscription sealed;

static bool decodes_with(size_t at, uint8_t value)
{
    static struct subscription changed;
    changed = sealed;
    changed.record[sealed.record_bytes - at] = value;
    return subscription_decode(&changed);
}

static void reads_its_part_of_a_record_strictly(void **state)
{
    (void)state;
    const struct subscriber_name name = {.by = FIELD_IMPI, .text = MUFASA};
    const size_t value = 1 + 1 + 2 + sizeof REALM - 1 + 2 * KEY_REF_BYTES;
    static struct subscription other;
    assert_int_equal(store_find(bench.keeper.store, &name, &sealed), STORE_OK);
    assert_true(sealed.digest.is_alone);
    assert_int_equal(sealed.digest.algorithms, 3);
    assert_string_equal(sealed.digest.realm, REALM);
    assert_memory_equal(sealed.digest.refs[DIGEST_SHA_256].bytes, ref.bytes, KEY_REF_BYTES);
    assert_true(decodes_with(value, 0));
    assert_int_equal(sealed.digest.origin, KEY_ORIGIN_CLEAR_LABORATORY);
    assert_true(decodes_with(value, 5));         /* flags: alone, came wrapped under RSA */
    assert_false(decodes_with(value, 6));        /* no origin */
    assert_false(decodes_with(value - 1, 0));    /* no algorithm */
    assert_false(decodes_with(value - 1, 7));    /* a reference too few */
    assert_false(decodes_with(value - 1, 8));    /* an algorithm that is none */
    assert_false(decodes_with(value - 3, 0xff)); /* the realm beyond the end */
    assert_false(decodes_with(value - 4, '"'));  /* the realm */
    assert_false(decodes_with(value + 3, 0x7f)); /* the tag */
    /* What one subscription has is not left for the next that is read into the same place. */
    other = sealed;
    other.digest = (struct digest_credential){0};
    assert_int_equal(subscription_seal(bench.softhsm.token, &other), HSM_OK);
    other.digest = sealed.digest;
    assert_true(subscription_decode(&other));
    assert_int_equal(other.digest.algorithms, 0);
    assert_false(other.digest.is_alone);
}

static int open_all(void **state)
{
    const struct secret_password password = {14, "Circle of Life"};
    struct secret_ha1 ha1 = {{0}};
    const struct digest_object object = {&ha1, &ref, "nisim test", true};
    CK_OBJECT_HANDLE handle = CK_INVALID_HANDLE;
    if (bench_open(state) != 0)
        return -1;
    assert_int_equal(digest_ha1(DIGEST_SHA_256, MUFASA, REALM, &password, &ha1), HSM_OK);
    assert_int_equal(token_digest_key_new(bench.softhsm.token, &object, &handle), HSM_OK);
    keyring_free(&bench.keeper.keyring);
    assert_int_equal(keyring_new(bench.softhsm.token, &bench.keeper.keyring), HSM_OK);
    return 0;
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, bench_end)
    const struct CMUnitTest tests[] = {
        TEST(refuses_an_algorithm_without_a_secret),
        TEST(refuses_a_subscriber_without_a_secret),
        TEST(refuses_aka_without_keys),
        TEST(refuses_names_that_are_not_his),
        TEST(refuses_who_may_not),
        TEST(refuses_a_secret_of_the_wrong_kind),
        TEST(ends_with_a_lost_token),
        TEST(answers_as_the_rfc_says),
        TEST(answers_while_the_store_is_busy),
        TEST(reads_its_part_of_a_record_strictly),
    };
    return cmocka_run_group_tests(tests, open_all, bench_close);
}
