/* The header, and the statuses that stand in it. */
#include "frame.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "fields.h"

static struct frame_header ping(void)
{
    return (struct frame_header){
        .version = FRAME_VERSION, .type = MESSAGE_PING, .request_id = 0xfedcba98};
}

static void another_version_comes_before_all_else(void **state)
{
    (void)state;
    struct frame_header header = {
        .version = 2, .type = 0x7f, .flags = 0xff, .body_bytes = UINT32_MAX};
    assert_int_equal(frame_check_request(&header), STATUS_UNSUPPORTED_VERSION);
    header.version = 0;
    assert_int_equal(frame_check_request(&header), STATUS_UNSUPPORTED_VERSION);
}

static void a_body_of_one_byte_too_many_is_refused(void **state)
{
    (void)state;
    struct frame_header header = ping();
    header.body_bytes = FRAME_BODY_BYTES_MAX;
    assert_int_equal(frame_check_request(&header), STATUS_OK);
    header.body_bytes = FRAME_BODY_BYTES_MAX + 1;
    assert_int_equal(frame_check_request(&header), STATUS_FRAME_TOO_LARGE);
    header.body_bytes = UINT32_MAX;
    assert_int_equal(frame_check_request(&header), STATUS_FRAME_TOO_LARGE);
}

static void each_flag_and_status_is_refused_in_a_request(void **state)
{
    (void)state;
    for (unsigned bit = 0; bit < 8; bit++) {
        struct frame_header header = ping();
        header.flags = (uint8_t)(1u << bit);
        assert_int_equal(frame_check_request(&header), STATUS_MALFORMED);
        header = ping();
        header.status = (uint8_t)(1u << bit);
        assert_int_equal(frame_check_request(&header), STATUS_MALFORMED);
    }
}

static void only_requests_of_the_table_are_known(void **state)
{
    (void)state;
    for (unsigned type = 0; type <= 0xff; type++) {
        struct frame_header header = ping();
        header.type = (uint8_t)type;
        bool known = false;
#define MESSAGE(name, code) known = known || type == (code);
#include "messages.def"
        known = known && type != MESSAGE_HELLO; /* which is no request */
        assert_int_equal(frame_check_request(&header), known ? STATUS_OK : STATUS_UNKNOWN_MESSAGE);
    }
}

static void the_header_is_laid_out_as_written(void **state)
{
    (void)state;
    static const uint8_t expected[FRAME_HEADER_BYTES] = {0x12, 0x34, 0x56, 0x78, 0x9a, 0xbc,
                                                         0xde, 0xf0, 0x0f, 0x1e, 0x2d, 0x3c};
    const struct frame_header header = {.body_bytes = 0x12345678,
                                        .version = 0x9a,
                                        .type = 0xbc,
                                        .flags = 0xde,
                                        .status = 0xf0,
                                        .request_id = 0x0f1e2d3c};
    uint8_t bytes[FRAME_HEADER_BYTES] = {0};
    frame_header_write(&header, bytes);
    assert_memory_equal(bytes, expected, sizeof bytes);
    struct frame_header read = frame_header_read(bytes);
    assert_int_equal(read.body_bytes, header.body_bytes);
    assert_int_equal(read.version, header.version);
    assert_int_equal(read.type, header.type);
    assert_int_equal(read.flags, header.flags);
    assert_int_equal(read.status, header.status);
    assert_int_equal(read.request_id, header.request_id);
}

static void an_unknown_status_has_its_class(void **state)
{
    (void)state;
    assert_int_equal(status_class(0x0f), STATUS_CLASS_ANSWERED);
    assert_int_equal(status_class(0x1f), STATUS_CLASS_FIX);
    assert_int_equal(status_class(0x2f), STATUS_CLASS_REFUSED);
    assert_int_equal(status_class(0x3f), STATUS_CLASS_RETRY);
    assert_int_equal(status_class(0x4f), STATUS_CLASS_BROKEN);
    assert_int_equal(status_class(0x50), STATUS_CLASS_BROKEN);
    assert_int_equal(status_class(0xff), STATUS_CLASS_BROKEN);
    assert_string_equal(status_name(0xff), "UNKNOWN_STATUS");
    assert_non_null(status_text(0xff));
}

static void each_status_has_a_name_and_a_text(void **state)
{
    (void)state;
#define STATUS(name, code, text)                   \
    assert_string_equal(status_name(code), #name); \
    assert_string_equal(status_text(code), text);
#include "messages.def"
}

/* By hand, for a typing error in messages.def would be in the names and in the codec alike. */
static void codes_are_what_clients_were_told(void **state)
{
    (void)state;
    assert_int_equal(STATUS_MAC_FAILURE, 0x02);
    assert_int_equal(STATUS_FRAME_TOO_LARGE, 0x18);
    assert_int_equal(STATUS_USER_DISABLED, 0x23);
    assert_int_equal(STATUS_SHUTTING_DOWN, 0x32);
    assert_int_equal(STATUS_INTERNAL, 0x41);
    assert_int_equal(FIELD_SERVICE_TABLE, 0x0006);
    assert_int_equal(FIELD_FORM, 0x0012);
    assert_int_equal(FIELD_AUTS, 0x0023);
    assert_int_equal(FIELD_FORMS, 0x0033);
    assert_int_equal(MESSAGE_AUTHENTICATE, 0x04);
    assert_int_equal(MESSAGE_DIGEST, 0x05);
    assert_int_equal(MESSAGE_HA1, 0x06);
    assert_int_equal(FIELD_ALGORITHM, 0x0013);
    assert_int_equal(FIELD_WANT_RSPAUTH, 0x001d);
    assert_int_equal(FIELD_HA1_HASH, 0x0026);
    assert_int_equal(STATUS_WRONG_REALM, 0x25);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(another_version_comes_before_all_else),
        cmocka_unit_test(a_body_of_one_byte_too_many_is_refused),
        cmocka_unit_test(each_flag_and_status_is_refused_in_a_request),
        cmocka_unit_test(only_requests_of_the_table_are_known),
        cmocka_unit_test(the_header_is_laid_out_as_written),
        cmocka_unit_test(an_unknown_status_has_its_class),
        cmocka_unit_test(each_status_has_a_name_and_a_text),
        cmocka_unit_test(codes_are_what_clients_were_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
