/* The card through keeper_execute and batch_run: whose it is, and what a lost commit undoes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "card_message.h"
#include "keeper_bench.h"

static const uint8_t select_isim[] = {0x00, 0xa4, 0x04, 0x0c, 0x07, 0xa0,
                                      0x00, 0x00, 0x00, 0x87, 0x10, 0x04};
static const uint8_t get_response[] = {0x00, 0xc0, 0x00, 0x00, 0x00};
static const uint8_t status_aid[] = {0x80, 0xf2, 0x00, 0x01, 0x00};

static void put_card(enum message_type type, const char *user, uint16_t client)
{
    uint8_t body[300];
    struct subscriber_name name = {.by = FIELD_USER_ID};
    struct wire_writer writer = wire_writer_of(body, sizeof body);
    snprintf(name.text, sizeof name.text, "%s", user);
    card_request_write(&writer, &name);
    bench_put((uint8_t)type, client, 1, body, writer.used);
}

static void put_apdu(const uint8_t *command, size_t bytes, const char *user, uint16_t client)
{
    uint8_t body[700];
    struct apdu_request request = {.subscriber = {.by = FIELD_USER_ID}, .command_bytes = bytes};
    struct wire_writer writer = wire_writer_of(body, sizeof body);
    snprintf(request.subscriber.text, sizeof request.subscriber.text, "%s", user);
    memcpy(request.command, command, bytes);
    apdu_request_write(&writer, &request);
    bench_put(MESSAGE_APDU, client, 2, body, writer.used);
}

static void put_authenticate(uint64_t seq)
{
    uint8_t command[39] = {0x00, 0x88, 0x00, 0x81, 34, 16};
    memcpy(command + 6, bench.vectors[SET].rand, 16);
    command[22] = 16;
    bench_autn(seq, 1, command + 23);
    put_apdu(command, sizeof command, "1001", 0);
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

static void begin(void)
{
    batch_clear(bench.batch);
}

static void starts_with_its_reset(void **state)
{
    (void)state;
    card_sessions_forget(bench.keeper.cards, 0);
    put_apdu(select_isim, sizeof select_isim, "1001", 0);
    put_card(MESSAGE_CARD_OFF, "1001", 0);
    put_card(MESSAGE_CARD_RESET, "2002", 0);
    put_card(MESSAGE_CARD_RESET, "1001", 1);
    put_card(MESSAGE_CARD_RESET, "1001", 0);
    put_apdu(select_isim, sizeof select_isim, "1001", 0);
    put_card(MESSAGE_CARD_OFF, "1001", 0);
    put_apdu(select_isim, sizeof select_isim, "1001", 0);
    bench_run();
    assert_int_equal(bench_status(0), STATUS_NO_CARD);
    assert_int_equal(bench_status(1), STATUS_NO_CARD);
    assert_int_equal(bench_status(2), STATUS_UNKNOWN_USER);
    assert_int_equal(bench_status(3), STATUS_FORM_NOT_ALLOWED);
    assert_int_equal(bench_status(4), STATUS_OK);
    assert_int_equal(sw_of(5), 0x9000);
    assert_int_equal(bench_status(6), STATUS_OK);
    assert_int_equal(bench_status(7), STATUS_NO_CARD);
}

/* The front says that connection 1 is gone. */
static void is_forgotten_with_its_connection(void **state)
{
    (void)state;
    put_card(MESSAGE_CARD_RESET, "1001", 0);
    bench_put(MESSAGE_CARD_OFF, CHANNEL_STAMP_FRONT, 3, NULL, 0);
    put_apdu(select_isim, sizeof select_isim, "1001", 0);
    bench_put(MESSAGE_CARD_OFF, CHANNEL_STAMP_FRONT, 3, (const uint8_t *)"junk", 4);
    bench_run();
    assert_int_equal(bench_status(0), STATUS_OK);
    assert_int_equal(bench_status(1), STATUS_OK);
    assert_int_equal(bench_status(2), STATUS_NO_CARD);
    assert_int_equal(bench_status(3), STATUS_MALFORMED);
}

static void answers_a_whole_run_in_one_batch(void **state)
{
    (void)state;
    put_card(MESSAGE_CARD_RESET, "1001", 0);
    put_authenticate(5); /* before SELECT */
    put_apdu(select_isim, sizeof select_isim, "1001", 0);
    put_authenticate(5);
    put_apdu(get_response, sizeof get_response, "1001", 0);
    put_apdu(get_response, sizeof get_response, "1001", 0);
    bench_run();
    assert_int_equal(sw_of(1), 0x6985);
    assert_int_equal(sw_of(2), 0x9000);
    assert_int_equal(sw_of(3), 0x612c);
    assert_int_equal(sw_of(4), 0x9000);
    assert_int_equal(sw_of(5), 0x6985);
    assert_true(bench_holds(4, bench.vectors[SET].res, sizeof bench.vectors[SET].res));
    assert_int_equal(bench_stored_seq(1), 5);
}

static enum status status_of_commit_lost(size_t at)
{
    enum status status = bench_status(at);
    assert_false(bench_holds(at, bench.vectors[SET].res, sizeof bench.vectors[SET].res));
    return status;
}

/* The other node holds the store: nothing commits. */
static void is_as_before_when_the_commit_fails(void **state)
{
    (void)state;
    put_card(MESSAGE_CARD_RESET, "1001", 0);
    bench_run();
    begin();
    assert_int_equal(store_begin(bench.other_node), STORE_OK);
    put_apdu(select_isim, sizeof select_isim, "1001", 0);
    put_authenticate(7);
    put_apdu(get_response, sizeof get_response, "1001", 0);
    bench_run();
    store_rollback(bench.other_node);
    for (size_t i = 0; i < 3; i++)
        assert_int_equal(status_of_commit_lost(i), STATUS_UNAVAILABLE);
    begin();
    put_apdu(get_response, sizeof get_response, "1001", 0);
    put_apdu(status_aid, sizeof status_aid, "1001", 0);
    bench_run();
    assert_int_equal(sw_of(0), 0x6985);
    assert_int_equal(sw_of(1), 0x6985); /* no application is selected */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(starts_with_its_reset, bench_begin, bench_end),
        cmocka_unit_test_setup_teardown(is_forgotten_with_its_connection, bench_begin, bench_end),
        cmocka_unit_test_setup_teardown(answers_a_whole_run_in_one_batch, bench_begin, bench_end),
        cmocka_unit_test_setup_teardown(is_as_before_when_the_commit_fails, bench_begin, bench_end),
    };
    return cmocka_run_group_tests_name("keeper_card", tests, bench_open, bench_close);
}
