/* The parts of the front that need no network: output, table of requests, connections, a link. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "connections.h"
#include "link.h"
#include "output.h"
#include "requests.h"

static struct frame_header header_of(uint32_t request_id, uint32_t body_bytes)
{
    return (struct frame_header){.version = FRAME_VERSION,
                                 .type = MESSAGE_IDENTITY,
                                 .flags = FRAME_FLAG_ANSWER,
                                 .request_id = request_id,
                                 .body_bytes = body_bytes};
}

static bool is_wiped(const uint8_t *bytes, size_t length)
{
    for (size_t i = 0; i < length; i++) {
        if (bytes[i] != 0)
            return false;
    }
    return true;
}

static void test_output_wipes_what_it_sent(void **state)
{
    struct output output = {0};
    uint8_t body[100];
    size_t length = 0;
    (void)state;
    memset(body, 0xa5, sizeof body);
    struct frame_header header = header_of(1, sizeof body);
    assert_true(output_add(&output, &header, body));
    assert_true(output_add(&output, &header, body));
    assert_int_equal(output.frames, 2);
    assert_non_null(output_next(&output, &length));
    assert_int_equal(length, 2 * (FRAME_HEADER_BYTES + sizeof body));
    assert_int_equal(output_sent(&output, 5), 0);
    assert_int_equal(output_sent(&output, FRAME_HEADER_BYTES + sizeof body - 6), 0);
    assert_true(is_wiped(output.bytes, FRAME_HEADER_BYTES + sizeof body - 1));
    assert_int_equal(output_sent(&output, 2), 1);
    assert_int_equal(output.frames, 1);
    assert_int_equal(output_sent(&output, FRAME_HEADER_BYTES + sizeof body - 1), 1);
    assert_true(is_wiped(output.bytes, 2 * (FRAME_HEADER_BYTES + sizeof body)));
    assert_null(output_next(&output, &length));
    assert_int_equal(length, 0);
    output_free(&output);
}

/* Frames of many sizes come out as they went in, however they are cut. */
static void test_output_keeps_order(void **state)
{
    struct output output = {0};
    static uint8_t body[FRAME_BODY_BYTES_MAX];
    uint32_t added = 0;
    uint32_t completed = 0;
    size_t length = 0;
    (void)state;
    memset(body, 0x3c, sizeof body);
    for (size_t round = 0; round < 400; round++) {
        struct frame_header header = header_of(added, (uint32_t)(added * 37 % sizeof body));
        assert_true(output_add(&output, &header, body));
        added++;
        const uint8_t *next = output_next(&output, &length);
        if (output.head_left == 0)
            assert_int_equal(frame_header_read(next).request_id, completed);
        completed += (uint32_t)output_sent(&output, length * (round % 5) / 5);
        assert_int_equal(output.frames, added - completed);
    }
    (void)output_next(&output, &length);
    assert_int_equal(output_sent(&output, length), added - completed);
    assert_int_equal(output.frames, 0);
    assert_null(output.bytes); /* a large buffer is given back */
    output_free(&output);
}

static void test_requests_are_bounded_and_found_by_id(void **state)
{
    struct requests *requests = requests_new(3, 0x1ff);
    uint32_t ids[3] = {0};
    (void)state;
    for (size_t i = 0; i < 3; i++) {
        assert_false(requests_full(requests));
        ids[i] = requests_next_id(requests);
        assert_int_equal(ids[i] >> 24, 0xff);
        requests_add(requests, &(struct request){.id = ids[i], .keeper = 2, .client_id = 70});
    }
    assert_true(requests_full(requests));
    assert_null(requests_find(requests, ids[1], 1));
    assert_null(requests_find(requests, ids[1] ^ 0x01000000, 2));
    assert_null(requests_find(requests, ids[1] ^ 0x00000100, 2));
    assert_null(requests_find(requests, 0, 0));
    struct request *second = requests_find(requests, ids[1], 2);
    assert_non_null(second);
    assert_int_equal(second->client_id, 70);
    assert_ptr_equal(requests_after(requests_oldest(requests)), second);
    requests_remove(requests, second);
    assert_null(requests_find(requests, ids[1], 2));
    assert_false(requests_full(requests));
    requests_free(&requests);
    assert_null(requests);
}

/* One request stays while ids go once round: no other gets its place, no id comes twice early. */
static void test_request_ids_go_round_what_stays(void **state)
{
    struct requests *requests = requests_new(2, 0);
    uint32_t staying = requests_next_id(requests);
    (void)state;
    requests_add(requests, &(struct request){.id = staying});
    for (uint32_t i = 0; i < 0x01000010; i++) {
        uint32_t id = requests_next_id(requests);
        if (id == 0 || id == staying)
            fail();
    }
    assert_non_null(requests_find(requests, staying, 0));
    requests_free(&requests);
}

/* With as many requests as fit, a marker must still get an id: looking for one has to end. */
static void test_a_full_table_has_an_id_left(void **state)
{
    (void)state;
    struct requests *requests = requests_new(4, 1);
    for (size_t i = 0; i < 4; i++)
        requests_add(requests, &(struct request){.id = requests_next_id(requests)});
    assert_true(requests_full(requests));
    assert_int_not_equal(requests_next_id(requests), 0);
    requests_free(&requests);
}

static void test_a_handle_names_one_connection_for_ever(void **state)
{
    struct connections *connections = connections_new(2);
    struct connection *first = (struct connection *)&connections;
    struct connection *second = (struct connection *)state;
    (void)state;
    struct connection_handle old = connections_add(connections, first);
    assert_ptr_equal(connections_find(connections, old), first);
    connections_remove(connections, old);
    struct connection_handle new = connections_add(connections, second);
    assert_int_equal(new.index, old.index);
    assert_null(connections_find(connections, old));
    assert_ptr_equal(connections_find(connections, new), second);
    struct connection_handle other = connections_add(connections, first);
    assert_true(connections_full(connections));
    connections_remove(connections, new);
    connections_remove(connections, other);
    assert_int_equal(connections_count(connections), 0);
    connections_free(&connections);
}

static void test_link_markers(void **state)
{
    int pair[2];
    struct link link;
    const uint8_t says[] = {0, 0, 1, 2, 1};
    struct link_packet answer = {.header = {.type = MESSAGE_PING}};
    (void)state;
    assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, pair), 0);
    link_open(&link, pair[0], 0);
    link_mark(&link, 11);
    link_mark(&link, 12);
    link_mark(&link, 13);
    assert_int_equal(link.marker_number, 2);
    answer.header.request_id = 9;
    assert_false(link_marker_answered(&link, &answer));
    assert_false(link.trusted);
    answer.header.request_id = 11;
    assert_true(link_marker_answered(&link, &answer));
    assert_true(link.trusted);
    assert_false(link.ready);
    assert_int_equal(link.generation, 0);
    answer.header.request_id = 13;
    answer.header.type = MESSAGE_IDENTITY;
    answer.header.body_bytes = sizeof says;
    answer.body = says;
    assert_false(link_marker_answered(&link, &answer));
    assert_int_equal(link.generation, 0);
    answer.header.type = MESSAGE_PING;
    assert_true(link_marker_answered(&link, &answer));
    assert_true(link.ready);
    assert_int_equal(link.generation, 258);
    assert_true(link.is_laboratory);
    close(pair[0]);
    close(pair[1]);
}

/* A marker that finds the channel full is owed, and until it went nothing makes the link ready. */
static void test_link_full_and_closed(void **state)
{
    int pair[2];
    struct link link;
    static uint8_t buffer[CHANNEL_PACKET_BYTES_MAX];
    struct link_packet packet;
    struct frame_header header = header_of(5, 0);
    (void)state;
    assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, pair), 0);
    link_open(&link, pair[0], 0);
    link_mark(&link, 1);
    while (link_send(&link, (struct channel_stamp){0}, &header, NULL) == LINK_DONE)
        continue;
    link_mark(&link, 2);
    assert_true(link.marker_owed);
    struct link_packet answer = {.header = {.type = MESSAGE_PING, .request_id = 1}};
    assert_true(link_marker_answered(&link, &answer));
    assert_false(link.ready);
    assert_int_equal(link_receive(&link, buffer, &packet), LINK_LATER);
    assert_int_equal(send(pair[1], "short", 5, 0), 5);
    assert_int_equal(link_receive(&link, buffer, &packet), LINK_INVALID);
    close(pair[1]);
    assert_int_equal(link_receive(&link, buffer, &packet), LINK_CLOSED);
    assert_true(link.closed);
    assert_int_equal(link_send(&link, (struct channel_stamp){0}, &header, NULL), LINK_CLOSED);
    close(pair[0]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_output_wipes_what_it_sent),
        cmocka_unit_test(test_output_keeps_order),
        cmocka_unit_test(test_requests_are_bounded_and_found_by_id),
        cmocka_unit_test(test_request_ids_go_round_what_stays),
        cmocka_unit_test(test_a_full_table_has_an_id_left),
        cmocka_unit_test(test_a_handle_names_one_connection_for_ever),
        cmocka_unit_test(test_link_markers),
        cmocka_unit_test(test_link_full_and_closed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
