#include "fields.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#define IDENTITY_REQUEST MESSAGE_IDENTITY, BODY_REQUEST

static struct fault read_text(uint8_t type, enum body_kind kind, const char *body, size_t bytes)
{
    struct fields fields;
    return fields_read(type, kind, (const uint8_t *)body, bytes, &fields);
}

/* Body as a literal; its NUL does not count. */
#define READ(type, kind, body) read_text((type), (kind), (body), sizeof(body) - 1)

static void assert_fault(struct fault fault, enum status status, unsigned at_field)
{
    assert_string_equal(status_name((uint8_t)fault.status), status_name((uint8_t)status));
    assert_int_equal(fault.at_field, at_field);
}

static void a_body_cut_anywhere_is_refused(void **state)
{
    (void)state;
    static const char body[] = "\x00\x01\x00\x05"
                               "alice";
    for (size_t bytes = 1; bytes < sizeof body - 1; bytes++)
        assert_fault(read_text(IDENTITY_REQUEST, body, bytes), STATUS_MALFORMED, 0);
    assert_fault(read_text(IDENTITY_REQUEST, body, sizeof body - 1), STATUS_OK, 0);
    assert_fault(read_text(IDENTITY_REQUEST, body, sizeof body), STATUS_MALFORMED, 0);
}

static void an_unknown_critical_field_is_refused(void **state)
{
    (void)state;
    struct fault fault = READ(MESSAGE_IDENTITY, BODY_REQUEST,
                              "\x00\x01\x00\x01"
                              "a"
                              "\x01\x23\x00\x01z");
    assert_fault(fault, STATUS_UNKNOWN_FIELD, 0x0123);
}

static void a_field_of_another_message_is_unknown(void **state)
{
    (void)state;
    struct fault fault = READ(MESSAGE_IDENTITY, BODY_REQUEST, "\x00\x12\x00\x01\x01");
    assert_fault(fault, STATUS_UNKNOWN_FIELD, FIELD_FORM);
    fault = READ(MESSAGE_PING, BODY_REQUEST, "\x00\x01\x00\x01z");
    assert_fault(fault, STATUS_UNKNOWN_FIELD, FIELD_USER_ID);
    fault = READ(MESSAGE_IDENTITY, BODY_ANSWER_SYNC_FAILURE, "\x00\x23\x00\x01z");
    assert_fault(fault, STATUS_UNKNOWN_FIELD, FIELD_AUTS);
}

static void an_unknown_optional_field_is_skipped(void **state)
{
    (void)state;
    struct fields fields;
    static const char body[] = "\x81\x23\x00\x00"
                               "\x00\x01\x00\x01"
                               "a"
                               "\xff\xff\x00\x02\xc3\x28"
                               "\xff\xff\x00\x00";
    struct fault fault =
        fields_read(IDENTITY_REQUEST, (const uint8_t *)body, sizeof body - 1, &fields);
    assert_fault(fault, STATUS_OK, 0);
    assert_int_equal(fields.count, 1);
    assert_int_equal(fields.list[0].tag, FIELD_USER_ID);
}

/* In a message that has no such field even a known optional one is skipped. */
static void an_optional_field_of_another_message_is_skipped(void **state)
{
    (void)state;
    assert_fault(READ(MESSAGE_PING, BODY_REQUEST, "\x80\x34\x00\x01\x07"), STATUS_OK, 0);
}

static void an_optional_field_that_is_cut_is_refused(void **state)
{
    (void)state;
    assert_fault(READ(MESSAGE_PING, BODY_REQUEST, "\x80\x99\x00\x02\x07"), STATUS_MALFORMED, 0);
    assert_fault(READ(MESSAGE_PING, BODY_REQUEST, "\x80\x99\xff\xff\x07"), STATUS_MALFORMED, 0);
}

static void a_repeated_field_is_refused(void **state)
{
    (void)state;
    struct fault fault = READ(MESSAGE_IDENTITY, BODY_REQUEST,
                              "\x00\x01\x00\x01"
                              "a"
                              "\x00\x01\x00\x01"
                              "b");
    assert_fault(fault, STATUS_REPEATED_FIELD, FIELD_USER_ID);
}

/* USER_ID has 1 to 128 bytes. */
static void lengths_are_bounded_on_both_sides(void **state)
{
    (void)state;
    uint8_t buffer[300];
    char name[USER_ID_BYTES_MAX + 2];
    for (size_t length = 0; length <= USER_ID_BYTES_MAX + 1; length++) {
        struct wire_writer writer = wire_writer_of(buffer, sizeof buffer);
        struct fields fields;
        memset(name, 'n', sizeof name);
        fields_write(&writer, FIELD_USER_ID, name, length);
        struct fault fault = fields_read(IDENTITY_REQUEST, buffer, writer.used, &fields);
        bool fits = length >= 1 && length <= USER_ID_BYTES_MAX;
        assert_fault(fault, fits ? STATUS_OK : STATUS_BAD_LENGTH, fits ? 0 : FIELD_USER_ID);
    }
}

static void a_number_has_exactly_its_bytes(void **state)
{
    (void)state;
    static const char *const bodies[] = {"\x80\x36\x00\x01\x11", "\x80\x36\x00\x03\x00\x00\x11"};
    for (size_t i = 0; i < 2; i++) {
        struct fault fault = read_text(0, BODY_ANSWER_FAILURE, bodies[i], 5 + 2 * i);
        assert_fault(fault, STATUS_BAD_LENGTH, FIELD_AT_FIELD);
    }
    assert_fault(READ(0, BODY_ANSWER_FAILURE, "\x80\x36\x00\x02\x00\x11"), STATUS_OK, 0);
}

static void text_that_is_not_clean_is_refused(void **state)
{
    (void)state;
    static const char *const bodies[] = {"\x00\x01\x00\x03"
                                         "a\xc3(",
                                         "\x00\x01\x00\x03"
                                         "a\nb",
                                         "\x00\x01\x00\x03"
                                         "ab\x00",
                                         "\x00\x01\x00\x03"
                                         "\xc2\x85x"};
    for (size_t i = 0; i < sizeof bodies / sizeof bodies[0]; i++)
        assert_fault(read_text(IDENTITY_REQUEST, bodies[i], 7), STATUS_BAD_VALUE, FIELD_USER_ID);
}

static void a_missing_field_is_named(void **state)
{
    (void)state;
    struct fault fault = READ(MESSAGE_AUTHENTICATE, BODY_REQUEST, "\x00\x01\x00\x01z");
    assert_fault(fault, STATUS_MISSING_FIELD, FIELD_RAND);
    fault = READ(MESSAGE_HELLO, BODY_ANSWER_OK, "");
    assert_fault(fault, STATUS_MISSING_FIELD, FIELD_MAX_BODY);
}

/* As many as a list may have, and one more. */
static void lists_are_bounded(void **state)
{
    (void)state;
    uint8_t buffer[512];
    struct fields fields;
    struct wire_writer writer = wire_writer_of(buffer, sizeof buffer);
    fields_write_text(&writer, FIELD_IMPI, "a@b");
    fields_write_text(&writer, FIELD_DOMAIN, "b");
    fields_write_number(&writer, FIELD_SERVICE_TABLE, 1, 1);
    for (size_t i = 0; i < IMPUS_MAX; i++) {
        char impu[] = {'s', 'i', 'p', ':', (char)('0' + i), 0};
        fields_write_text(&writer, FIELD_IMPU, impu);
    }
    struct fault fault =
        fields_read(MESSAGE_IDENTITY, BODY_ANSWER_OK, buffer, writer.used, &fields);
    assert_fault(fault, STATUS_OK, 0);
    assert_memory_equal(fields_find(&fields, FIELD_IMPU, 7)->bytes, "sip:7", 5);
    assert_null(fields_find(&fields, FIELD_IMPU, 8));
    fields_write_text(&writer, FIELD_IMPU, "sip:8");
    fault = fields_read(MESSAGE_IDENTITY, BODY_ANSWER_OK, buffer, writer.used, &fields);
    assert_fault(fault, STATUS_REPEATED_FIELD, FIELD_IMPU);
}

static void a_failure_holds_at_field_or_nothing(void **state)
{
    (void)state;
    assert_fault(READ(MESSAGE_AUTHENTICATE, BODY_ANSWER_FAILURE, ""), STATUS_OK, 0);
    struct fault fault = READ(MESSAGE_AUTHENTICATE, BODY_ANSWER_FAILURE, "\x00\x20\x00\x01z");
    assert_fault(fault, STATUS_UNKNOWN_FIELD, FIELD_RES);
}

static void finds_in_the_order_of_the_body(void **state)
{
    (void)state;
    static const uint8_t body[] = "\x80\x36\x00\x02\x12\x34";
    struct fields fields;
    struct fault fault = fields_read(0, BODY_ANSWER_FAILURE, body, sizeof body - 1, &fields);
    assert_fault(fault, STATUS_OK, 0);
    assert_int_equal(field_number(fields_find(&fields, FIELD_AT_FIELD, 0)), 0x1234);
    assert_null(fields_find(&fields, FIELD_AT_FIELD, 1));
    assert_null(fields_find(&fields, FIELD_RAND, 0));
}

static void writes_tag_length_value(void **state)
{
    (void)state;
    static const uint8_t expected[] = "\x00\x31\x00\x02\x12\x34"
                                      "\x00\x04\x00\x03"
                                      "a.b"
                                      "\x80\x34\x00\x04\x01\x02\x03\x04";
    uint8_t buffer[64] = {0};
    struct wire_writer writer = wire_writer_of(buffer, sizeof buffer);
    fields_write_number(&writer, FIELD_MAX_IN_FLIGHT, 0x1234, 2);
    fields_write_text(&writer, FIELD_DOMAIN, "a.b");
    fields_write_number(&writer, FIELD_IDLE_TIMEOUT, 0x01020304, 4);
    assert_int_equal(writer.used, sizeof expected - 1);
    assert_memory_equal(buffer, expected, sizeof expected - 1);
}

static void copies_text_with_its_end(void **state)
{
    (void)state;
    const struct field field = {FIELD_DOMAIN, 3, (const uint8_t *)"a.bcd"};
    char text[4] = "xxx";
    field_copy_text(&field, text, sizeof text);
    assert_string_equal(text, "a.b");
}

static void knows_the_names_of_the_table(void **state)
{
    (void)state;
    assert_string_equal(message_name(0x04), "AUTHENTICATE");
    assert_null(message_name(0x00));
    assert_string_equal(message_name(0x05), "DIGEST");
    assert_string_equal(message_name(0x06), "HA1");
    assert_string_equal(message_name(0x07), "READ_FILE");
    assert_null(message_name(0xff));
    assert_string_equal(field_name(0x8036), "AT_FIELD");
    assert_null(field_name(0x0036));
    assert_int_equal(body_kind_of_answer(STATUS_MAC_FAILURE), BODY_ANSWER_FAILURE);
    assert_int_equal(body_kind_of_answer(0xff), BODY_ANSWER_FAILURE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_body_cut_anywhere_is_refused),
        cmocka_unit_test(an_unknown_critical_field_is_refused),
        cmocka_unit_test(a_field_of_another_message_is_unknown),
        cmocka_unit_test(an_unknown_optional_field_is_skipped),
        cmocka_unit_test(an_optional_field_of_another_message_is_skipped),
        cmocka_unit_test(an_optional_field_that_is_cut_is_refused),
        cmocka_unit_test(a_repeated_field_is_refused),
        cmocka_unit_test(lengths_are_bounded_on_both_sides),
        cmocka_unit_test(a_number_has_exactly_its_bytes),
        cmocka_unit_test(text_that_is_not_clean_is_refused),
        cmocka_unit_test(a_missing_field_is_named),
        cmocka_unit_test(lists_are_bounded),
        cmocka_unit_test(a_failure_holds_at_field_or_nothing),
        cmocka_unit_test(finds_in_the_order_of_the_body),
        cmocka_unit_test(writes_tag_length_value),
        cmocka_unit_test(copies_text_with_its_end),
        cmocka_unit_test(knows_the_names_of_the_table),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
