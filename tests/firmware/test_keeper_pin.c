/* VERIFY through batch_run: what is said of a PIN is on the disk, whoever asks at once. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "card_message.h"
#include "keeper_bench.h"

static const struct subscriber_name alice = {FIELD_IMPI, ALICE};

static void put_reset(void)
{
    uint8_t body[300];
    struct wire_writer writer = wire_writer_of(body, sizeof body);
    card_request_write(&writer, &alice);
    bench_put(MESSAGE_CARD_RESET, 0, 1, body, writer.used);
}

static void put_apdu(const void *command, size_t bytes)
{
    uint8_t body[700];
    struct apdu_request request = {.subscriber = alice, .command_bytes = bytes};
    struct wire_writer writer = wire_writer_of(body, sizeof body);
    memcpy(request.command, command, bytes);
    apdu_request_write(&writer, &request);
    bench_put(MESSAGE_APDU, 0, 2, body, writer.used);
}

static void put_verify(const char *digits)
{
    uint8_t command[13] = {0x00, 0x20, 0x00, 0x01, 8};
    memset(command + 5, 0xff, 8);
    memcpy(command + 5, digits, strlen(digits));
    put_apdu(command, sizeof command);
}

static void put_query(void)
{
    put_apdu("\x00\x20\x00\x01", 4);
}

static uint16_t sw_of(size_t at)
{
    struct apdu_response response;
    const uint8_t *body =
        bench.batch->replies[at].packet + CHANNEL_STAMP_BYTES + FRAME_HEADER_BYTES;
    assert_int_equal(bench_status(at), STATUS_OK);
    assert_int_equal(apdu_response_read(body, bench_header(at).body_bytes, &response).status,
                     STATUS_OK);
    return (uint16_t)(response.response[response.bytes - 2] << 8 |
                      response.response[response.bytes - 1]);
}

static struct pin_state stored(void)
{
    static struct subscription subscription;
    struct pin_state state;
    assert_int_equal(store_find(bench.other_node, &alice, &subscription), STORE_OK);
    assert_true(subscription.pin.is_set);
    assert_int_equal(store_pin_read(bench.other_node, subscription.row, &state), STORE_OK);
    return state;
}

/* Alice is added anew, with a PIN. */
static int begin(void **state)
{
    static struct subscription subscription;
    struct secret64 pin;
    card_sessions_forget(bench.keeper.cards, 0);
    if (bench_begin(state) != 0 || !pin_encode("1234", 4, &pin))
        return -1;
    assert_int_equal(store_find(bench.keeper.store, &alice, &subscription), STORE_OK);
    assert_int_equal(store_remove(bench.keeper.store, subscription.row), STORE_OK);
    assert_int_equal(pin_credential_make(bench.softhsm.token, &pin, &subscription.pin), HSM_OK);
    assert_int_equal(subscription_seal(bench.softhsm.token, &subscription), HSM_OK);
    assert_int_equal(store_add(bench.keeper.store, &subscription), STORE_OK);
    put_reset();
    bench_run();
    batch_clear(bench.batch);
    return 0;
}

static void encodes_digits_only(void **state)
{
    struct secret64 pin;
    (void)state;
    assert_false(pin_encode("123", 3, &pin));
    assert_false(pin_encode("123456789", 9, &pin));
    assert_false(pin_encode("12 4", 4, &pin));
    assert_false(pin_encode("123\xff", 4, &pin));
    assert_true(pin_encode("12345678", 8, &pin));
    assert_memory_equal(pin.bytes, "12345678", 8);
    assert_true(pin_encode("0000", 4, &pin));
    assert_memory_equal(pin.bytes, "0000\xff\xff\xff\xff", 8);
}

static void the_record_does_not_hold_the_pin(void **state)
{
    static struct subscription subscription;
    (void)state;
    assert_int_equal(store_find(bench.other_node, &alice, &subscription), STORE_OK);
    assert_null(memmem(subscription.record, subscription.record_bytes, "1234", 4));
}

static void a_try_is_durable_when_it_is_answered(void **state)
{
    (void)state;
    put_verify("4321");
    put_query();
    bench_run();
    assert_int_equal(sw_of(0), 0x63c2);
    assert_int_equal(sw_of(1), 0x63c2);
    assert_true(bench.batch->replies[0].needs_commit);
    assert_true(bench.batch->replies[1].needs_commit);
    assert_int_equal(stored().tries, 2);
}

static void a_batch_gives_three_tries(void **state)
{
    (void)state;
    for (int i = 0; i < 3; i++)
        put_verify("4321");
    put_verify("1234");
    put_verify("4321");
    put_query();
    bench_run();
    assert_int_equal(sw_of(0), 0x63c2);
    assert_int_equal(sw_of(1), 0x63c1);
    assert_int_equal(sw_of(2), 0x63c0);
    assert_int_equal(sw_of(3), 0x6983);
    assert_int_equal(sw_of(4), 0x6983);
    assert_int_equal(sw_of(5), 0x63c0);
    assert_int_equal(stored().tries, 0);
}

static void a_right_pin_gives_them_back(void **state)
{
    (void)state;
    put_verify("4321");
    put_verify("4321");
    put_verify("1234");
    bench_run();
    assert_int_equal(sw_of(2), 0x9000);
    assert_int_equal(stored().tries, 3);
}

/* A full disk gives no tries without end: right and wrong look the same. */
static void nothing_is_told_without_the_commit(void **state)
{
    (void)state;
    static const char *const pins[] = {"1234", "4321"};
    for (size_t i = 0; i < 2; i++) {
        batch_clear(bench.batch);
        assert_int_equal(store_begin(bench.other_node), STORE_OK);
        put_verify(pins[i]);
        bench_run();
        store_rollback(bench.other_node);
        assert_int_equal(bench_status(0), STATUS_UNAVAILABLE);
    }
    batch_clear(bench.batch);
    put_apdu("\x00\xa4\x04\x0c\x07\xa0\x00\x00\x00\x87\x10\x04", 12);
    put_apdu("\x00\xb0\x82\x00\x00", 5);
    bench_run();
    assert_int_equal(sw_of(0), 0x9000);
    assert_int_equal(sw_of(1), 0x6982); /* the right one did not count either */
    assert_int_equal(stored().tries, 3);
}

/* As another appliance would: between this batch's reading and its commit. */
static CK_RV meddle(CK_SESSION_HANDLE session, CK_BYTE_PTR data, CK_ULONG bytes, CK_BYTE_PTR mac,
                    CK_ULONG_PTR mac_bytes)
{
    static bool is_meddling;
    if (bytes == 28 && !is_meddling) {
        struct pin_state state = stored();
        is_meddling = true;
        state.tries = 1;
        if (store_begin(bench.other_node) == STORE_OK &&
            (store_pin_swap(bench.other_node, &state) != STORE_OK ||
             store_commit(bench.other_node) != STORE_OK))
            store_rollback(bench.other_node);
    }
    return bench.real_list.C_Sign(session, data, bytes, mac, mac_bytes);
}

static void another_node_counts_too(void **state)
{
    (void)state;
    bench.softhsm.module->list->C_Sign = meddle;
    put_verify("4321");
    put_verify("4321");
    put_verify("1234");
    bench_run();
    assert_int_equal(sw_of(0), 0x63c0);
    assert_int_equal(sw_of(1), 0x6983);
    assert_int_equal(sw_of(2), 0x6983);
    assert_int_equal(stored().tries, 0);
}

static void an_officer_unblocks_it(void **state)
{
    (void)state;
    for (int i = 0; i < 3; i++)
        put_verify("4321");
    bench_run();
    assert_int_equal(sw_of(2), 0x63c0);
    assert_int_equal(store_pin_unblock(bench.other_node, stored().row), STORE_OK);
    assert_int_equal(store_pin_unblock(bench.other_node, 4711), STORE_NOT_FOUND);
    batch_clear(bench.batch);
    put_verify("1234");
    bench_run();
    assert_int_equal(sw_of(0), 0x9000);
}

static void a_counter_that_is_gone_or_odd_is_no_counter(void **state)
{
    (void)state;
    struct pin_state state_of_it = stored();
    state_of_it.tries = 200;
    assert_int_equal(store_begin(bench.other_node), STORE_OK);
    assert_int_equal(store_pin_swap(bench.other_node, &state_of_it), STORE_OK);
    assert_int_equal(store_pin_swap(bench.other_node, &state_of_it), STORE_CONFLICT);
    assert_int_equal(store_commit(bench.other_node), STORE_OK);
    put_verify("1234");
    put_query();
    bench_run();
    assert_int_equal(bench_status(0), STATUS_KEY_UNUSABLE);
    assert_int_equal(bench_status(1), STATUS_KEY_UNUSABLE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(encodes_digits_only),
        cmocka_unit_test_setup_teardown(the_record_does_not_hold_the_pin, begin, bench_end),
        cmocka_unit_test_setup_teardown(a_try_is_durable_when_it_is_answered, begin, bench_end),
        cmocka_unit_test_setup_teardown(a_batch_gives_three_tries, begin, bench_end),
        cmocka_unit_test_setup_teardown(a_right_pin_gives_them_back, begin, bench_end),
        cmocka_unit_test_setup_teardown(nothing_is_told_without_the_commit, begin, bench_end),
        cmocka_unit_test_setup_teardown(another_node_counts_too, begin, bench_end),
        cmocka_unit_test_setup_teardown(an_officer_unblocks_it, begin, bench_end),
        cmocka_unit_test_setup_teardown(a_counter_that_is_gone_or_odd_is_no_counter, begin,
                                        bench_end),
    };
    return cmocka_run_group_tests_name("keeper_pin", tests, bench_open, bench_close);
}
