/* The answers to DIGEST and HA1, as a client reads them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "digest_message.h"

static const struct digest_answer answered = {.response = "00112233445566778899aabbccddeeff",
                                              .rspauth = "ffeeddccbbaa99887766554433221100",
                                              .auts = {0x41, 0x42, [13] = 0x4e}};

static const struct ha1_answer hashed = {.hash = "102132435465768798a9bacbdcedfe0f",
                                         .auts = {0x51, 0x52, [13] = 0x5e}};

static uint8_t buffer[256];

static void assert_fault(struct fault fault, enum status status, unsigned at_field)
{
    assert_string_equal(status_name((uint8_t)fault.status), status_name((uint8_t)status));
    assert_int_equal(fault.at_field, at_field);
}

static void a_client_takes_only_hex_for_a_hash(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        enum status status;
    } hashes[] = {
        {"0011223344556677\"889aabbccddeeff", STATUS_BAD_VALUE},
        {"g0112233445566778899aabbccddeeff", STATUS_BAD_VALUE},
        {"00112233445566778899aabbccddeef", STATUS_BAD_LENGTH},
        {"00112233445566778899aabbccddeeff0", STATUS_BAD_LENGTH},
        {"00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff0", STATUS_BAD_LENGTH},
    };
    for (size_t i = 0; i < sizeof hashes / sizeof hashes[0]; i++) {
        struct digest_answer answer;
        struct ha1_answer ha1;
        struct wire_writer writer = wire_writer_of(buffer, sizeof buffer);
        fields_write_text(&writer, FIELD_RESPONSE, hashes[i].text);
        assert_fault(digest_answer_read(STATUS_OK, buffer, writer.used, &answer), hashes[i].status,
                     FIELD_RESPONSE);
        writer = wire_writer_of(buffer, sizeof buffer);
        fields_write_text(&writer, FIELD_RESPONSE, answered.response);
        fields_write_text(&writer, FIELD_RSPAUTH, hashes[i].text);
        assert_fault(digest_answer_read(STATUS_OK, buffer, writer.used, &answer), hashes[i].status,
                     FIELD_RSPAUTH);
        writer = wire_writer_of(buffer, sizeof buffer);
        fields_write_text(&writer, FIELD_HA1_HASH, hashes[i].text);
        assert_fault(ha1_answer_read(STATUS_OK, buffer, writer.used, &ha1), hashes[i].status,
                     FIELD_HA1_HASH);
    }
}

/* An answer of one kind in the body of the other, and each cut short. */
static void answers_are_not_mistaken_for_each_other(void **state)
{
    (void)state;
    struct digest_answer answer;
    struct wire_writer writer = wire_writer_of(buffer, sizeof buffer);
    digest_answer_write(&writer, STATUS_OK, &answered);
    assert_fault(digest_answer_read(STATUS_SYNC_FAILURE, buffer, writer.used, &answer),
                 STATUS_UNKNOWN_FIELD, FIELD_RSPAUTH);
    writer = wire_writer_of(buffer, sizeof buffer);
    digest_answer_write(&writer, STATUS_SYNC_FAILURE, &answered);
    assert_fault(digest_answer_read(STATUS_OK, buffer, writer.used, &answer), STATUS_UNKNOWN_FIELD,
                 FIELD_AUTS);
    for (size_t bytes = 0; bytes < writer.used; bytes++)
        assert_true(digest_answer_read(STATUS_SYNC_FAILURE, buffer, bytes, &answer).status !=
                    STATUS_OK);
}

static void ha1_answers_are_not_mistaken_for_each_other(void **state)
{
    (void)state;
    static const enum status statuses[] = {STATUS_OK, STATUS_SYNC_FAILURE};
    for (size_t i = 0; i < 2; i++) {
        struct ha1_answer answer;
        struct wire_writer writer = wire_writer_of(buffer, sizeof buffer);
        ha1_answer_write(&writer, statuses[i], &hashed);
        assert_fault(ha1_answer_read(statuses[1 - i], buffer, writer.used, &answer),
                     STATUS_UNKNOWN_FIELD, i == 0 ? FIELD_HA1_HASH : FIELD_AUTS);
        for (size_t bytes = 0; bytes < writer.used; bytes++)
            assert_true(ha1_answer_read(statuses[i], buffer, bytes, &answer).status != STATUS_OK);
    }
}

/* What the status does not name is empty, whatever was in the memory before. */
static void an_answer_fills_what_its_status_names(void **state)
{
    (void)state;
    struct digest_answer answer;
    struct digest_answer expected = answered;
    struct wire_writer writer = wire_writer_of(buffer, sizeof buffer);
    digest_answer_write(&writer, STATUS_OK, &answered);
    memset(&answer, 0x6b, sizeof answer);
    memset(expected.auts, 0, sizeof expected.auts);
    assert_fault(digest_answer_read(STATUS_OK, buffer, writer.used, &answer), STATUS_OK, 0);
    assert_memory_equal(&answer, &expected, sizeof answer);

    expected = answered;
    memset(expected.rspauth, 0, sizeof expected.rspauth);
    writer = wire_writer_of(buffer, sizeof buffer);
    digest_answer_write(&writer, STATUS_SYNC_FAILURE, &answered);
    assert_fault(digest_answer_read(STATUS_SYNC_FAILURE, buffer, writer.used, &answer), STATUS_OK,
                 0);
    assert_memory_equal(&answer, &expected, sizeof answer);
}

static void an_ha1_answer_fills_what_its_status_names(void **state)
{
    (void)state;
    struct ha1_answer answer;
    struct wire_writer writer = wire_writer_of(buffer, sizeof buffer);
    ha1_answer_write(&writer, STATUS_OK, &hashed);
    memset(&answer, 0x6b, sizeof answer);
    assert_fault(ha1_answer_read(STATUS_OK, buffer, writer.used, &answer), STATUS_OK, 0);
    assert_string_equal(answer.hash, hashed.hash);
    assert_int_equal(answer.auts[0], 0);
    writer = wire_writer_of(buffer, sizeof buffer);
    ha1_answer_write(&writer, STATUS_SYNC_FAILURE, &hashed);
    assert_fault(ha1_answer_read(STATUS_SYNC_FAILURE, buffer, writer.used, &answer), STATUS_OK, 0);
    assert_string_equal(answer.hash, "");
    assert_memory_equal(answer.auts, hashed.auts, sizeof answer.auts);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_client_takes_only_hex_for_a_hash),
        cmocka_unit_test(answers_are_not_mistaken_for_each_other),
        cmocka_unit_test(ha1_answers_are_not_mistaken_for_each_other),
        cmocka_unit_test(an_answer_fills_what_its_status_names),
        cmocka_unit_test(an_ha1_answer_fills_what_its_status_names),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
