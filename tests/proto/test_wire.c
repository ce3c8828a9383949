#include "wire.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

static const uint8_t octets[] = {0x01, 0x23, 0x45, 0x67, 0x89, 0xab, 0xcd, 0xef, 0x10};

static void a_read_past_the_end_sticks(void **state)
{
    (void)state;
    struct wire_reader reader = wire_reader_of(octets, 3);
    assert_int_equal(wire_read_number(&reader, 4), 0);
    assert_int_equal(wire_read_number(&reader, 1), 0);
    assert_null(wire_read_bytes(&reader, 1));
    assert_null(wire_read_bytes(&reader, 0));
    assert_int_equal(reader.left, 3);
    assert_false(wire_reader_done(&reader));
}

static void a_length_near_the_type_s_end_is_refused(void **state)
{
    (void)state;
    struct wire_reader reader = wire_reader_of(octets, sizeof octets);
    assert_null(wire_read_bytes(&reader, SIZE_MAX));
    uint8_t buffer[4] = {0};
    struct wire_writer writer = wire_writer_of(buffer, sizeof buffer);
    wire_write_number(&writer, 0x7b, 1);
    wire_write_bytes(&writer, octets, SIZE_MAX);
    assert_true(writer.failed);
    assert_int_equal(writer.used, 1);
}

static void one_byte_left_is_not_done(void **state)
{
    (void)state;
    struct wire_reader reader = wire_reader_of(octets, sizeof octets);
    assert_non_null(wire_read_bytes(&reader, sizeof octets - 1));
    assert_false(wire_reader_done(&reader));
    assert_int_equal(wire_read_number(&reader, 1), 0x10);
    assert_true(wire_reader_done(&reader));
}

static void nothing_is_read_of_nothing(void **state)
{
    (void)state;
    struct wire_reader reader = wire_reader_of(NULL, 0);
    assert_true(wire_reader_done(&reader));
    assert_int_equal(wire_read_number(&reader, 1), 0);
    assert_false(wire_reader_done(&reader));
}

static void an_overflow_of_the_writer_sticks(void **state)
{
    (void)state;
    uint8_t buffer[6] = {0xee, 0xee, 0xee, 0xee, 0xee, 0xee};
    struct wire_writer writer = wire_writer_of(buffer, 5);
    wire_write_number(&writer, 0x01020304, 4);
    assert_false(writer.failed);
    wire_write_number(&writer, 0x0506, 2);
    assert_true(writer.failed);
    wire_write_number(&writer, 0x07, 1);
    wire_write_bytes(&writer, octets, 0);
    assert_true(writer.failed);
    assert_int_equal(writer.used, 4);
    assert_int_equal(buffer[4], 0xee);
    assert_int_equal(buffer[5], 0xee);
}

static void fills_a_buffer_to_its_last_byte(void **state)
{
    (void)state;
    uint8_t buffer[sizeof octets + 1];
    memset(buffer, 0xee, sizeof buffer);
    struct wire_writer writer = wire_writer_of(buffer, sizeof octets);
    wire_write_bytes(&writer, octets, sizeof octets);
    assert_false(writer.failed);
    assert_memory_equal(buffer, octets, sizeof octets);
    assert_int_equal(buffer[sizeof octets], 0xee);
}

static void numbers_are_big_endian(void **state)
{
    (void)state;
    static const uint64_t expected[] = {0x01,
                                        0x0123,
                                        0x012345,
                                        0x01234567,
                                        UINT64_C(0x0123456789),
                                        UINT64_C(0x0123456789ab),
                                        UINT64_C(0x0123456789abcd),
                                        UINT64_C(0x0123456789abcdef)};
    for (size_t bytes = 1; bytes <= 8; bytes++) {
        uint64_t value = expected[bytes - 1];
        struct wire_reader reader = wire_reader_of(octets, bytes);
        assert_true(wire_read_number(&reader, bytes) == value);
        assert_true(wire_reader_done(&reader));
        uint8_t buffer[8] = {0};
        struct wire_writer writer = wire_writer_of(buffer, sizeof buffer);
        wire_write_number(&writer, value, bytes);
        assert_int_equal(writer.used, bytes);
        assert_memory_equal(buffer, octets, bytes);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_read_past_the_end_sticks),
        cmocka_unit_test(a_length_near_the_type_s_end_is_refused),
        cmocka_unit_test(one_byte_left_is_not_done),
        cmocka_unit_test(nothing_is_read_of_nothing),
        cmocka_unit_test(an_overflow_of_the_writer_sticks),
        cmocka_unit_test(fills_a_buffer_to_its_last_byte),
        cmocka_unit_test(numbers_are_big_endian),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
