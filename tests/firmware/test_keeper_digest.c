/* DIGEST and HA1 through keeper_execute and batch_run: the finished answer, and nothing else. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>
#include <openssl/evp.h>

#include "digest.h"
#include "digest_message.h"
#include "keeper_bench.h"

static struct digest_request request;

/* The challenge of set SET, as a 401 brings it, for Alice. */
static void prepare(void)
{
    uint8_t octets[32];
    memcpy(octets, bench.vectors[SET].rand, 16);
    memcpy(octets + 16, bench.vectors[SET].autn, 16);
    request = (struct digest_request){
        .challenge = {.subscriber = {.by = FIELD_USER_ID, .text = "1001"},
                      .algorithm = ALGORITHM_AKAV1_MD5,
                      .realm = "ims.example.com",
                      .username = ALICE},
        .method = "REGISTER",
        .uri = "sip:ims.example.com",
        .protection = PROTECTION_AUTH,
        .nc = "00000001",
        .cnonce = "0a4f113b",
    };
    EVP_EncodeBlock((unsigned char *)request.challenge.nonce, octets, sizeof octets);
}

static enum status ask(uint16_t stamp, uint8_t type)
{
    static uint8_t body[FRAME_BODY_BYTES_MAX];
    struct wire_writer writer = wire_writer_of(body, sizeof body);
    if (type == MESSAGE_DIGEST)
        digest_request_write(&writer, &request);
    else
        ha1_request_write(&writer, &request.challenge);
    assert_false(writer.failed);
    batch_clear(bench.batch);
    bench_put(type, stamp, 77, body, writer.used);
    bench_run();
    return bench_status(0);
}

static const uint8_t *reply_body(void)
{
    return bench.batch->replies[0].packet + CHANNEL_STAMP_BYTES + FRAME_HEADER_BYTES;
}

static uint16_t field_at_fault(void)
{
    return failure_read(reply_body(), bench_header(0).body_bytes);
}

static struct digest_answer answer_of(enum status status)
{
    struct digest_answer answer = {0};
    struct fault fault =
        digest_answer_read(status, reply_body(), bench_header(0).body_bytes, &answer);
    assert_int_equal(fault.status, STATUS_OK);
    return answer;
}

/* The response as a phone computes it, with this password. */
static void expect_response(const char *response, enum digest_hash hash,
                            const struct secret_password *password)
{
    const struct digest_terms terms = {.hash = hash,
                                       .qop = DIGEST_QOP_AUTH,
                                       .nonce = request.challenge.nonce,
                                       .nc = request.nc,
                                       .cnonce = request.cnonce,
                                       .method = request.method,
                                       .uri = request.uri};
    struct secret_ha1 ha1 = {{0}};
    char expected[DIGEST_TEXT_BYTES] = "";
    assert_int_equal(digest_ha1(hash, ALICE, "ims.example.com", password, &ha1), HSM_OK);
    assert_int_equal(digest_response(&terms, &ha1, expected), HSM_OK);
    assert_string_equal(response, expected);
}

static void expect_nothing_of_the_card(void)
{
    const struct vector *vector = &bench.vectors[SET];
    assert_false(bench_holds(0, vector->res, sizeof vector->res));
    assert_false(bench_holds(0, vector->ck, sizeof vector->ck));
    assert_false(bench_holds(0, vector->ik, sizeof vector->ik));
}

static void refuses_names_that_are_not_alices(void **state)
{
    (void)state;
    prepare();
    snprintf(request.challenge.username, sizeof request.challenge.username, "%s", OTHER);
    assert_int_equal(ask(0, MESSAGE_DIGEST), STATUS_WRONG_USERNAME);
    assert_int_equal(field_at_fault(), FIELD_USERNAME);
    prepare();
    snprintf(request.challenge.realm, sizeof request.challenge.realm, "evil.example.com");
    assert_int_equal(ask(0, MESSAGE_DIGEST), STATUS_WRONG_REALM);
    assert_int_equal(ask(0, MESSAGE_HA1), STATUS_WRONG_REALM);
    assert_int_equal(field_at_fault(), FIELD_REALM);
}

static void refuses_a_nonce_without_a_challenge(void **state)
{
    (void)state;
    prepare();
    snprintf(request.challenge.nonce, sizeof request.challenge.nonce, "c2hvcnQ=");
    assert_int_equal(ask(0, MESSAGE_DIGEST), STATUS_BAD_LENGTH);
    assert_int_equal(field_at_fault(), FIELD_NONCE);
    snprintf(request.challenge.nonce, sizeof request.challenge.nonce, "no base64 at all!");
    assert_int_equal(ask(0, MESSAGE_HA1), STATUS_BAD_VALUE);
    assert_int_equal(field_at_fault(), FIELD_NONCE);
}

static void refuses_who_may_not(void **state)
{
    (void)state;
    prepare();
    assert_int_equal(ask(1, MESSAGE_DIGEST), STATUS_FORM_NOT_ALLOWED);
    assert_int_equal(ask(1, MESSAGE_HA1), STATUS_FORM_NOT_ALLOWED);
    assert_int_equal(ask(CHANNEL_STAMP_FRONT, MESSAGE_DIGEST), STATUS_INTERNAL);
}

/* TS 24.229 5.1.1.5.3: neither auts nor a response. */
static void says_nothing_to_a_wrong_mac(void **state)
{
    (void)state;
    prepare();
    request.challenge.nonce[40] ^= 1; /* inside AUTN's MAC */
    assert_int_equal(ask(0, MESSAGE_DIGEST), STATUS_MAC_FAILURE);
    assert_int_equal(bench_header(0).body_bytes, 0);
}

static void answers_a_replay_with_auts_and_an_empty_password(void **state)
{
    (void)state;
    const struct secret_password none = {0};
    prepare();
    assert_int_equal(ask(0, MESSAGE_DIGEST), STATUS_OK);
    assert_int_equal(ask(0, MESSAGE_DIGEST), STATUS_SYNC_FAILURE);
    struct digest_answer answer = answer_of(STATUS_SYNC_FAILURE);
    assert_memory_equal(answer.auts, bench.vectors[SET].auts, sizeof answer.auts);
    expect_response(answer.response, DIGEST_MD5, &none);
    expect_nothing_of_the_card();
    assert_int_equal(ask(0, MESSAGE_HA1), STATUS_SYNC_FAILURE);
    assert_true(bench_holds(0, bench.vectors[SET].auts, sizeof answer.auts));
}

static void says_nothing_that_is_not_durable(void **state)
{
    (void)state;
    prepare();
    assert_int_equal(store_begin(bench.other_node), STORE_OK);
    assert_int_equal(ask(0, MESSAGE_DIGEST), STATUS_UNAVAILABLE);
    assert_int_equal(bench_header(0).body_bytes, 0);
    store_rollback(bench.other_node);
}

static void finishes_akav1(void **state)
{
    (void)state;
    struct secret_password password = {.length = 8};
    memcpy(password.bytes, bench.vectors[SET].res, 8);
    prepare();
    request.want_rspauth = true;
    assert_int_equal(ask(0, MESSAGE_DIGEST), STATUS_OK);
    struct digest_answer answer = answer_of(STATUS_OK);
    expect_response(answer.response, DIGEST_MD5, &password);
    assert_int_equal(strlen(answer.rspauth), 32);
    expect_nothing_of_the_card();
}

static void finishes_akav2(void **state)
{
    (void)state;
    const struct vector *vector = &bench.vectors[SET];
    struct secret_password password = {0};
    struct secret64 res;
    struct secret128 ik;
    struct secret128 ck;
    memcpy(res.bytes, vector->res, sizeof res);
    memcpy(ik.bytes, vector->ik, sizeof ik);
    memcpy(ck.bytes, vector->ck, sizeof ck);
    prepare();
    request.challenge.algorithm = ALGORITHM_AKAV2_SHA_256;
    assert_int_equal(ask(0, MESSAGE_DIGEST), STATUS_OK);
    assert_int_equal(digest_akav2_password(DIGEST_SHA_256, &res, &ik, &ck, &password), HSM_OK);
    struct digest_answer answer = answer_of(STATUS_OK);
    expect_response(answer.response, DIGEST_SHA_256, &password);
    assert_string_equal(answer.rspauth, "");
    expect_nothing_of_the_card();
}

static void gives_ha1(void **state)
{
    (void)state;
    struct ha1_answer answer = {0};
    struct secret_ha1 expected = {{0}};
    struct secret_password password = {.length = 8};
    memcpy(password.bytes, bench.vectors[SET].res, 8);
    prepare();
    assert_int_equal(ask(0, MESSAGE_HA1), STATUS_OK);
    struct fault fault =
        ha1_answer_read(STATUS_OK, reply_body(), bench_header(0).body_bytes, &answer);
    assert_int_equal(fault.status, STATUS_OK);
    assert_int_equal(digest_ha1(DIGEST_MD5, ALICE, "ims.example.com", &password, &expected),
                     HSM_OK);
    assert_string_equal(answer.hash, expected.text);
    expect_nothing_of_the_card();
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, bench_begin, bench_end)
    const struct CMUnitTest tests[] = {
        TEST(refuses_names_that_are_not_alices),
        TEST(refuses_a_nonce_without_a_challenge),
        TEST(refuses_who_may_not),
        TEST(says_nothing_to_a_wrong_mac),
        TEST(answers_a_replay_with_auts_and_an_empty_password),
        TEST(says_nothing_that_is_not_durable),
        TEST(finishes_akav1),
        TEST(finishes_akav2),
        TEST(gives_ha1),
    };
    return cmocka_run_group_tests(tests, bench_open, bench_close);
}
