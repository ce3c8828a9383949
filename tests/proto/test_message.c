#include "request.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

static const struct authenticate_request challenge = {
    .subscriber = {.by = FIELD_USER_ID, .text = "+15550107"},
    .rand = {0x00, 0x11, 0x22, 0x33, 0x44, 0x55, 0x66, 0x77, 0x88, 0x99, 0xaa, 0xbb, 0xcc, 0xdd,
             0xee, 0xf1},
    .autn = {0xf0, 0xe1, 0xd2, 0xc3, 0xb4, 0xa5, 0x96, 0x87, 0x78, 0x69, 0x5a, 0x4b, 0x3c, 0x2d,
             0x1e, 0x0e},
    .form = FORM_CARD};

static const struct authenticate_answer answered = {.res = {{1, 2, 3, 4, 5, 6, 7, 8}},
                                                    .ck = {{0x21, 0x22, [15] = 0x2f}},
                                                    .ik = {{0x31, 0x32, [15] = 0x3f}},
                                                    .auts = {0x41, 0x42, [13] = 0x4e}};

static const struct identity alice = {
    .impi = "alice@a.example.com",
    .domain = "a.example.com",
    .impu_count = 3,
    .impus = {"sip:alice@a.example.com", "tel:+15550107", "sip:al@b"},
    .p_cscf_count = 2,
    .p_cscfs = {"p1.a.example.com", "2001:db8::1"},
    .p_cscf_kinds = {P_CSCF_KIND_FQDN, P_CSCF_KIND_IPV6},
    .webrtc_uri = "https://w.a.example.com/",
    .service_table_bytes = 2,
    .service_table = {0x01, 0x80}};

static void assert_fault(struct fault fault, enum status status, unsigned at_field)
{
    assert_string_equal(status_name((uint8_t)fault.status), status_name((uint8_t)status));
    assert_int_equal(fault.at_field, at_field);
}

static struct fault read_challenge(const struct wire_writer *writer)
{
    struct authenticate_request request;
    return authenticate_request_read(writer->start, writer->used, &request);
}

static void a_challenge_cut_anywhere_is_refused(void **state)
{
    (void)state;
    uint8_t buffer[128];
    struct wire_writer writer = wire_writer_of(buffer, sizeof buffer);
    authenticate_request_write(&writer, &challenge);
    size_t whole = writer.used;
    for (writer.used = 0; writer.used < whole; writer.used++)
        assert_true(read_challenge(&writer).status != STATUS_OK);
    assert_fault(read_challenge(&writer), STATUS_OK, 0);
    wire_write_number(&writer, 0, 1);
    assert_fault(read_challenge(&writer), STATUS_MALFORMED, 0);
}

/* The reader's output stays as it was, so that nobody works on half a challenge. */
static void a_refused_challenge_writes_nothing(void **state)
{
    (void)state;
    uint8_t buffer[128];
    struct authenticate_request request;
    struct wire_writer writer = wire_writer_of(buffer, sizeof buffer);
    authenticate_request_write(&writer, &challenge);
    memset(&request, 0x6b, sizeof request);
    struct authenticate_request before = request;
    buffer[writer.used - 1] = FORM_CARD + 1;
    assert_fault(authenticate_request_read(buffer, writer.used, &request), STATUS_BAD_VALUE,
                 FIELD_FORM);
    assert_memory_equal(&request, &before, sizeof request);
    assert_true(authenticate_request_read(buffer, writer.used - 1, &request).status != STATUS_OK);
    assert_memory_equal(&request, &before, sizeof request);
}

/* One byte less and one more than the 16 of RAND and AUTN. */
static void rand_and_autn_have_sixteen_bytes(void **state)
{
    (void)state;
    for (size_t length = 15; length <= 17; length += 2) {
        for (int bad = 0; bad < 2; bad++) {
            uint8_t buffer[128];
            uint8_t octets[17] = {0};
            struct wire_writer writer = wire_writer_of(buffer, sizeof buffer);
            fields_write_text(&writer, FIELD_IMPI, "alice@a.example.com");
            fields_write(&writer, FIELD_RAND, octets, bad == 0 ? length : 16);
            fields_write(&writer, FIELD_AUTN, octets, bad == 1 ? length : 16);
            fields_write_number(&writer, FIELD_FORM, FORM_CARD, 1);
            assert_fault(read_challenge(&writer), STATUS_BAD_LENGTH,
                         bad == 0 ? FIELD_RAND : FIELD_AUTN);
        }
    }
}

static void each_field_of_a_challenge_is_needed(void **state)
{
    (void)state;
    static const enum field_tag needed[] = {FIELD_USER_ID, FIELD_RAND, FIELD_AUTN, FIELD_FORM};
    for (size_t i = 0; i < sizeof needed / sizeof needed[0]; i++) {
        uint8_t buffer[128];
        struct wire_writer writer = wire_writer_of(buffer, sizeof buffer);
        if (i != 0)
            fields_write_text(&writer, FIELD_USER_ID, challenge.subscriber.text);
        if (i != 1)
            fields_write(&writer, FIELD_RAND, challenge.rand, RAND_BYTES);
        if (i != 2)
            fields_write(&writer, FIELD_AUTN, challenge.autn, AUTN_BYTES);
        if (i != 3)
            fields_write_number(&writer, FIELD_FORM, FORM_CARD, 1);
        assert_fault(read_challenge(&writer), STATUS_MISSING_FIELD, needed[i]);
    }
}

static void a_subscriber_is_named_once(void **state)
{
    (void)state;
    uint8_t buffer[128];
    struct subscriber_name name = {.text = "untouched"};
    struct wire_writer writer = wire_writer_of(buffer, sizeof buffer);
    assert_fault(identity_request_read(buffer, 0, &name), STATUS_MISSING_FIELD, FIELD_USER_ID);
    fields_write_text(&writer, FIELD_USER_ID, "+15550107");
    fields_write_text(&writer, FIELD_IMPI, "alice@a.example.com");
    assert_fault(identity_request_read(buffer, writer.used, &name), STATUS_REPEATED_FIELD,
                 FIELD_IMPI);
    assert_string_equal(name.text, "untouched");
}

static void request_check_names_the_subscriber(void **state)
{
    (void)state;
    uint8_t buffer[128];
    struct subscriber_name name = {.text = "stale"};
    struct wire_writer writer = wire_writer_of(buffer, sizeof buffer);
    assert_fault(request_check(MESSAGE_HELLO, buffer, 0, &name), STATUS_UNKNOWN_MESSAGE, 0);
    assert_string_equal(name.text, "");
    assert_fault(request_check(0xfe, buffer, 0, &name), STATUS_UNKNOWN_MESSAGE, 0);
    authenticate_request_write(&writer, &challenge);
    assert_fault(request_check(MESSAGE_AUTHENTICATE, buffer, writer.used, &name), STATUS_OK, 0);
    assert_string_equal(name.text, "+15550107");
    assert_int_equal(name.by, FIELD_USER_ID);
    assert_fault(request_check(MESSAGE_IDENTITY, buffer, writer.used, &name), STATUS_UNKNOWN_FIELD,
                 FIELD_RAND);
    assert_string_equal(name.text, "");
    assert_fault(request_check(MESSAGE_PING, buffer, writer.used, &name), STATUS_UNKNOWN_FIELD,
                 FIELD_USER_ID);
    assert_fault(request_check(MESSAGE_PING, buffer, 0, &name), STATUS_OK, 0);
    assert_string_equal(name.text, "");
}

static void a_challenge_is_read_as_it_was_written(void **state)
{
    (void)state;
    uint8_t buffer[128];
    struct authenticate_request request;
    struct wire_writer writer = wire_writer_of(buffer, sizeof buffer);
    authenticate_request_write(&writer, &challenge);
    assert_fault(authenticate_request_read(buffer, writer.used, &request), STATUS_OK, 0);
    assert_int_equal(request.subscriber.by, FIELD_USER_ID);
    assert_string_equal(request.subscriber.text, challenge.subscriber.text);
    assert_memory_equal(request.rand, challenge.rand, RAND_BYTES);
    assert_memory_equal(request.autn, challenge.autn, AUTN_BYTES);
    assert_int_equal(request.form, FORM_CARD);
}

/* An answer of one kind in the body of the other, and each cut short. */
static void answers_are_not_mistaken_for_each_other(void **state)
{
    (void)state;
    static const enum status statuses[] = {STATUS_OK, STATUS_SYNC_FAILURE};
    for (size_t i = 0; i < 2; i++) {
        uint8_t buffer[128];
        struct authenticate_answer answer;
        struct wire_writer writer = wire_writer_of(buffer, sizeof buffer);
        authenticate_answer_write(&writer, statuses[i], &answered);
        struct fault fault =
            authenticate_answer_read(statuses[1 - i], buffer, writer.used, &answer);
        assert_fault(fault, STATUS_UNKNOWN_FIELD, i == 0 ? FIELD_RES : FIELD_AUTS);
        for (size_t bytes = 0; bytes < writer.used; bytes++) {
            fault = authenticate_answer_read(statuses[i], buffer, bytes, &answer);
            assert_true(fault.status != STATUS_OK);
        }
    }
}

/* What the status does not name is zero, whatever was in the memory before. */
static void an_answer_fills_what_its_status_names(void **state)
{
    (void)state;
    uint8_t buffer[128];
    struct authenticate_answer answer;
    struct authenticate_answer expected = answered;
    struct wire_writer writer = wire_writer_of(buffer, sizeof buffer);
    authenticate_answer_write(&writer, STATUS_OK, &answered);
    memset(&answer, 0x6b, sizeof answer);
    memset(expected.auts, 0, sizeof expected.auts);
    assert_fault(authenticate_answer_read(STATUS_OK, buffer, writer.used, &answer), STATUS_OK, 0);
    assert_memory_equal(&answer, &expected, sizeof answer);

    expected = (struct authenticate_answer){0};
    memcpy(expected.auts, answered.auts, sizeof expected.auts);
    writer = wire_writer_of(buffer, sizeof buffer);
    authenticate_answer_write(&writer, STATUS_SYNC_FAILURE, &answered);
    memset(&answer, 0x6b, sizeof answer);
    assert_fault(authenticate_answer_read(STATUS_SYNC_FAILURE, buffer, writer.used, &answer),
                 STATUS_OK, 0);
    assert_memory_equal(&answer, &expected, sizeof answer);
    authenticate_answer_erase(&answer);
    expected = (struct authenticate_answer){0};
    assert_memory_equal(&answer, &expected, sizeof answer);
}

static void an_identity_is_read_as_it_was_written(void **state)
{
    (void)state;
    uint8_t buffer[512];
    static struct identity identity;
    struct wire_writer writer = wire_writer_of(buffer, sizeof buffer);
    identity_write(&writer, &alice);
    for (size_t bytes = 0; bytes < writer.used; bytes++)
        assert_true(identity_read(buffer, bytes, &identity).status != STATUS_OK);
    assert_fault(identity_read(buffer, writer.used, &identity), STATUS_OK, 0);
    assert_memory_equal(&identity, &alice, sizeof identity);
}

/* The largest identity there can be fits into a frame. */
static void the_largest_identity_fits(void **state)
{
    (void)state;
    static uint8_t buffer[FRAME_BYTES_MAX];
    static struct identity identity = {.impu_count = IMPUS_MAX,
                                       .p_cscf_count = P_CSCFS_MAX,
                                       .service_table_bytes = SERVICE_TABLE_BYTES_MAX};
    static struct identity read;
    memset(identity.impi, 'i', NAME_BYTES_MAX);
    memset(identity.domain, 'd', NAME_BYTES_MAX);
    memset(identity.webrtc_uri, 'w', NAME_BYTES_MAX);
    memset(identity.p_cscf_kinds, P_CSCF_KIND_FQDN, P_CSCFS_MAX);
    for (size_t i = 0; i < IMPUS_MAX; i++)
        memset(identity.impus[i], '0' + (int)i, NAME_BYTES_MAX);
    for (size_t i = 0; i < P_CSCFS_MAX; i++)
        memset(identity.p_cscfs[i], 'A' + (int)i, NAME_BYTES_MAX);
    struct wire_writer writer = wire_writer_of(buffer, sizeof buffer);
    frame_begin(&writer);
    identity_write(&writer, &identity);
    assert_true(frame_end(&writer, (struct frame_header){.type = MESSAGE_IDENTITY}));
    assert_fault(
        identity_read(buffer + FRAME_HEADER_BYTES, writer.used - FRAME_HEADER_BYTES, &read),
        STATUS_OK, 0);
    assert_memory_equal(&read, &identity, sizeof read);
}

static void hello_is_read_as_it_was_written(void **state)
{
    (void)state;
    uint8_t buffer[256];
    struct hello hello = {0};
    const struct hello told = {.max_body = 0x01020304,
                               .max_in_flight = 0x0506,
                               .forms = 0x0708090a,
                               .idle_timeout = 0x0b0c0d0e,
                               .client_name = "wwsf-1",
                               .software = "nisim 9.8.7"};
    struct wire_writer writer = wire_writer_of(buffer, sizeof buffer);
    hello_write(&writer, &told);
    assert_fault(hello_read(buffer, writer.used, &hello), STATUS_OK, 0);
    assert_int_equal(hello.max_body, told.max_body);
    assert_int_equal(hello.max_in_flight, told.max_in_flight);
    assert_int_equal(hello.forms, told.forms);
    assert_int_equal(hello.idle_timeout, told.idle_timeout);
    assert_string_equal(hello.client_name, told.client_name);
    assert_string_equal(hello.software, told.software);
}

static void hello_may_leave_out_what_is_optional(void **state)
{
    (void)state;
    uint8_t buffer[256];
    struct hello hello;
    const struct hello told = {
        .max_body = 8192, .max_in_flight = 1, .forms = 2, .client_name = "w"};
    struct wire_writer writer = wire_writer_of(buffer, sizeof buffer);
    hello_write(&writer, &told);
    memset(&hello, 0x6b, sizeof hello);
    assert_fault(hello_read(buffer, writer.used, &hello), STATUS_OK, 0);
    assert_int_equal(hello.idle_timeout, 0);
    assert_string_equal(hello.software, "");
    assert_string_equal(hello.client_name, "w");
}

static void a_frame_that_does_not_fit_is_not_ended(void **state)
{
    (void)state;
    uint8_t buffer[FRAME_HEADER_BYTES + 5];
    struct wire_writer writer = wire_writer_of(buffer, sizeof buffer);
    const struct fault fault = {STATUS_BAD_LENGTH, FIELD_AUTN};
    assert_false(frame_write_failure(&writer, MESSAGE_AUTHENTICATE, 7, fault));
    writer = wire_writer_of(buffer, FRAME_HEADER_BYTES - 1);
    frame_begin(&writer);
    assert_false(frame_end(&writer, (struct frame_header){.type = MESSAGE_PING}));
}

static void a_refusal_names_the_field(void **state)
{
    (void)state;
    static const uint8_t expected[] = {0,    0,    0,    6,    1,    4, 1, 0x16, 0xa1,
                                       0xb2, 0xc3, 0xd4, 0x80, 0x36, 0, 2, 0,    0x11};
    uint8_t buffer[32];
    struct wire_writer writer = wire_writer_of(buffer, sizeof buffer);
    const struct fault fault = {STATUS_BAD_LENGTH, FIELD_AUTN};
    assert_true(frame_write_failure(&writer, MESSAGE_AUTHENTICATE, 0xa1b2c3d4, fault));
    assert_int_equal(writer.used, sizeof expected);
    assert_memory_equal(buffer, expected, sizeof expected);
    assert_int_equal(failure_read(buffer + FRAME_HEADER_BYTES, 6), FIELD_AUTN);
}

static void a_refusal_that_is_no_good_names_no_field(void **state)
{
    (void)state;
    assert_int_equal(failure_read(NULL, 0), 0);
    assert_int_equal(failure_read((const uint8_t *)"\x80\x36\x00\x02\x00", 5), 0);
    assert_int_equal(failure_read((const uint8_t *)"\x00\x20\x00\x01z", 5), 0);
    /* An older client skips what a younger server adds. */
    assert_int_equal(failure_read((const uint8_t *)"\x80\x99\x00\x01z\x80\x36\x00\x02\x00\x12", 11),
                     FIELD_FORM);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_challenge_cut_anywhere_is_refused),
        cmocka_unit_test(a_refused_challenge_writes_nothing),
        cmocka_unit_test(rand_and_autn_have_sixteen_bytes),
        cmocka_unit_test(each_field_of_a_challenge_is_needed),
        cmocka_unit_test(a_subscriber_is_named_once),
        cmocka_unit_test(request_check_names_the_subscriber),
        cmocka_unit_test(a_challenge_is_read_as_it_was_written),
        cmocka_unit_test(answers_are_not_mistaken_for_each_other),
        cmocka_unit_test(an_answer_fills_what_its_status_names),
        cmocka_unit_test(an_identity_is_read_as_it_was_written),
        cmocka_unit_test(the_largest_identity_fits),
        cmocka_unit_test(hello_is_read_as_it_was_written),
        cmocka_unit_test(hello_may_leave_out_what_is_optional),
        cmocka_unit_test(a_frame_that_does_not_fit_is_not_ended),
        cmocka_unit_test(a_refusal_names_the_field),
        cmocka_unit_test(a_refusal_that_is_no_good_names_no_field),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
