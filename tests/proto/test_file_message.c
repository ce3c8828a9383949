/* READ_FILE's bodies: what is written is read back, and what does not fit together is refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "file_message.h"

static const struct file_answer impus = {.structure = FILE_LINEAR_FIXED,
                                         .record_count = 2,
                                         .data_count = 2,
                                         .data_bytes = 3,
                                         .data = {0x80, 0x01, 'a', 0x80, 0x01, 'b'}};

static void assert_fault(struct fault fault, enum status status, unsigned at_field)
{
    assert_string_equal(status_name((uint8_t)fault.status), status_name((uint8_t)status));
    assert_int_equal(fault.at_field, at_field);
}

static void a_request_is_read_as_it_was_written(void **state)
{
    (void)state;
    for (uint8_t record = 0; record < 2; record++) {
        uint8_t buffer[64];
        struct file_request read = {0};
        struct file_request request = {
            .subscriber = {FIELD_USER_ID, "a"}, .file = 0x6f04, .record = record};
        struct wire_writer writer = wire_writer_of(buffer, sizeof buffer);
        file_request_write(&writer, &request);
        assert_fault(file_request_read(buffer, writer.used, &read), STATUS_OK, 0);
        assert_int_equal(read.subscriber.by, FIELD_USER_ID);
        assert_string_equal(read.subscriber.text, "a");
        assert_int_equal(read.file, 0x6f04);
        assert_int_equal(read.record, record);
    }
}

static void record_zero_is_refused(void **state)
{
    (void)state;
    uint8_t buffer[64];
    struct file_request read;
    struct wire_writer writer = wire_writer_of(buffer, sizeof buffer);
    fields_write_text(&writer, FIELD_IMPI, "a@b");
    fields_write_number(&writer, FIELD_FILE, 0x6f04, 2);
    fields_write_number(&writer, FIELD_RECORD, 0, 1);
    assert_fault(file_request_read(buffer, writer.used, &read), STATUS_BAD_VALUE, FIELD_RECORD);
}

static void an_answer_is_read_as_it_was_written(void **state)
{
    (void)state;
    uint8_t buffer[64];
    static struct file_answer read;
    struct wire_writer writer = wire_writer_of(buffer, sizeof buffer);
    file_answer_write(&writer, &impus);
    assert_fault(file_answer_read(buffer, writer.used, &read), STATUS_OK, 0);
    assert_memory_equal(&read, &impus, sizeof read);
}

/* structure, record_count and FILE_DATA of `lengths`, up to a 0. */
static struct fault answer_of(unsigned structure, unsigned record_count, const size_t *lengths)
{
    static uint8_t buffer[4096];
    static const uint8_t data[FILE_DATA_BYTES_MAX];
    static struct file_answer read;
    struct wire_writer writer = wire_writer_of(buffer, sizeof buffer);
    fields_write_number(&writer, FIELD_STRUCTURE, structure, 1);
    fields_write_number(&writer, FIELD_RECORD_COUNT, record_count, 1);
    for (size_t i = 0; lengths[i] != 0; i++)
        fields_write(&writer, FIELD_FILE_DATA, data, lengths[i]);
    assert_false(writer.failed);
    return file_answer_read(buffer, writer.used, &read);
}

static void answers_that_do_not_fit_together_are_refused(void **state)
{
    (void)state;
    const size_t one[] = {2, 0};
    const size_t two[] = {2, 2, 0};
    const size_t unlike[] = {2, 3, 0};
    const size_t most[] = {FILE_DATA_BYTES_MAX, 0};
    const size_t large[] = {1025, 1025, 0};
    assert_fault(answer_of(1, 0, most), STATUS_OK, 0);
    assert_fault(answer_of(2, 2, one), STATUS_OK, 0);
    assert_fault(answer_of(0, 0, one), STATUS_BAD_VALUE, FIELD_STRUCTURE);
    assert_fault(answer_of(3, 1, one), STATUS_BAD_VALUE, FIELD_STRUCTURE);
    assert_fault(answer_of(1, 1, one), STATUS_BAD_VALUE, FIELD_RECORD_COUNT);
    assert_fault(answer_of(2, 0, one), STATUS_BAD_VALUE, FIELD_RECORD_COUNT);
    assert_fault(answer_of(1, 0, two), STATUS_REPEATED_FIELD, FIELD_FILE_DATA);
    assert_fault(answer_of(2, 1, two), STATUS_REPEATED_FIELD, FIELD_FILE_DATA);
    assert_fault(answer_of(2, 2, unlike), STATUS_BAD_LENGTH, FIELD_FILE_DATA);
    assert_fault(answer_of(2, 2, large), STATUS_BAD_LENGTH, FIELD_FILE_DATA);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_request_is_read_as_it_was_written),
        cmocka_unit_test(record_zero_is_refused),
        cmocka_unit_test(an_answer_is_read_as_it_was_written),
        cmocka_unit_test(answers_that_do_not_fit_together_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
