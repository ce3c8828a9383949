#include "hex.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

static void refuses_and_leaves_the_output_alone(void **state)
{
    (void)state;
    static const char *const refused[] = {"",     "0",    "012",  "01234", "012345", "01 2",
                                          "0x12", "012g", "012G", " 0123", "0123 ",  "01-3",
                                          "01:3", "012/", "012@", "012`",  "+123",   "\377123"};
    for (size_t i = 0; i < sizeof refused / sizeof refused[0]; i++) {
        uint8_t bytes[2] = {0x5a, 0xa7};
        if (hex_decode(refused[i], strlen(refused[i]), bytes, sizeof bytes))
            fail_msg("\"%s\" was taken", refused[i]);
        assert_int_equal(bytes[0], 0x5a);
        assert_int_equal(bytes[1], 0xa7);
    }
}

static void decodes_either_case(void **state)
{
    (void)state;
    const uint8_t expected[] = {0x01, 0x9a, 0xbc, 0xde, 0xf0};
    uint8_t bytes[5] = {0};
    assert_true(hex_decode("019aBCdEf0", 10, bytes, sizeof bytes));
    assert_memory_equal(bytes, expected, sizeof bytes);
    assert_true(hex_decode("", 0, bytes, 0));
}

static void stops_at_the_length_it_was_given(void **state)
{
    (void)state;
    uint8_t bytes[2] = {0, 0xa7};
    assert_true(hex_decode("1fzz", 2, bytes, 1));
    assert_int_equal(bytes[0], 0x1f);
    assert_int_equal(bytes[1], 0xa7);
}

static void encodes_in_lower_case(void **state)
{
    (void)state;
    const uint8_t bytes[] = {0x00, 0x1f, 0xa2, 0xfe};
    char text[HEX_TEXT_BYTES(sizeof bytes)] = "";
    hex_encode(bytes, sizeof bytes, text);
    assert_string_equal(text, "001fa2fe");
    hex_encode(bytes, 0, text);
    assert_string_equal(text, "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(refuses_and_leaves_the_output_alone),
        cmocka_unit_test(decodes_either_case),
        cmocka_unit_test(stops_at_the_length_it_was_given),
        cmocka_unit_test(encodes_in_lower_case),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
