/* What the front counts, and the text that it writes of it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "exposition.h"
#include "fields.h"
#include "status.h"

static void unknown_codes_have_a_place_of_their_own(void **state)
{
    static struct counters counters;
    (void)state;
    counters_note_answer(&counters, ANSWERED_BY_FRONT, 0x7f, STATUS_UNKNOWN_MESSAGE);
    counters_note_answer(&counters, ANSWERED_BY_FRONT, 0x00, 0xff);
    counters_note_answer(&counters, ANSWERED_BY_KEEPER, MESSAGE_PING, 0x5f);
    assert_int_equal(
        counters.answers[ANSWERED_BY_FRONT][MESSAGE_INDEX_UNKNOWN][STATUS_INDEX_UNKNOWN_MESSAGE],
        1);
    assert_int_equal(
        counters.answers[ANSWERED_BY_FRONT][MESSAGE_INDEX_UNKNOWN][STATUS_INDEX_UNKNOWN], 1);
    assert_int_equal(counters.answers[ANSWERED_BY_KEEPER][MESSAGE_INDEX_PING][STATUS_INDEX_UNKNOWN],
                     1);
    assert_string_equal(counters_message_name(MESSAGE_INDEX_UNKNOWN), "UNKNOWN");
    assert_string_equal(counters_status_name(STATUS_INDEX_UNKNOWN), "UNKNOWN");
}

/* Index and name of every line of the tables belong together. */
static void each_code_is_counted_under_its_name(void **state)
{
    static struct counters counters;
    (void)state;
#define MESSAGE(name, code)                                                                       \
    counters_note_answer(&counters, ANSWERED_BY_KEEPER, MESSAGE_##name, STATUS_OK);               \
    assert_int_equal(counters.answers[ANSWERED_BY_KEEPER][MESSAGE_INDEX_##name][STATUS_INDEX_OK], \
                     1);                                                                          \
    assert_string_equal(counters_message_name(MESSAGE_INDEX_##name), message_name(code));
#include "messages.def"
#define STATUS(name, code, text)                                                                   \
    counters_note_answer(&counters, ANSWERED_BY_FRONT, MESSAGE_PING, STATUS_##name);               \
    assert_int_equal(counters.answers[ANSWERED_BY_FRONT][MESSAGE_INDEX_PING][STATUS_INDEX_##name], \
                     1);                                                                           \
    assert_string_equal(counters_status_name(STATUS_INDEX_##name), status_name(code));
#include "messages.def"
    for (size_t i = 0; i < REFUSALS; i++)
        assert_non_null(counters_refusal_name((enum refusal)i));
}

static void a_duration_is_in_the_bucket_of_its_bound(void **state)
{
    static struct counters counters;
    const struct durations *pings = &counters.durations[MESSAGE_INDEX_PING];
    (void)state;
    for (size_t i = 0; i < DURATION_BUCKETS; i++) {
        counters_note_duration(&counters, MESSAGE_PING, counters_bounds_us[i]);
        assert_int_equal(pings->buckets[i], 1);
        counters_note_duration(&counters, MESSAGE_PING, counters_bounds_us[i] + 1);
        assert_int_equal(pings->buckets[i], 1);
        if (i + 1 < DURATION_BUCKETS) {
            assert_true(counters_bounds_us[i] < counters_bounds_us[i + 1]);
            assert_int_equal(counters.durations[MESSAGE_INDEX_PING].buckets[i + 1], 1);
            counters.durations[MESSAGE_INDEX_PING].buckets[i + 1] = 0;
        }
    }
    assert_int_equal(pings->count, 2 * DURATION_BUCKETS);
    assert_int_equal(counters.durations[MESSAGE_INDEX_IDENTITY].count, 0);
}

/* Everything that was written, as a text; wiped by the next call. */
static const char *text_of(struct evbuffer *buffer)
{
    static char text[4096];
    size_t length = evbuffer_get_length(buffer);
    assert_true(length < sizeof text);
    assert_int_equal(evbuffer_remove(buffer, text, length), length);
    text[length] = '\0';
    return text;
}

static void writes_families_and_samples(void **state)
{
    struct evbuffer *buffer = evbuffer_new();
    struct exposition exposition = exposition_of(buffer);
    (void)state;
    exposition_family(&exposition, "nisim_a", "gauge", "What a is.");
    exposition_sample(&exposition, "", 0);
    exposition_family(&exposition, "nisim_b_total", "counter", "What b is.");
    exposition_sample(&exposition, "reason=\"x\",by=\"y\"", UINT64_MAX);
    assert_false(exposition.failed);
    assert_string_equal(text_of(buffer), "# HELP nisim_a What a is.\n"
                                         "# TYPE nisim_a gauge\n"
                                         "nisim_a 0\n"
                                         "# HELP nisim_b_total What b is.\n"
                                         "# TYPE nisim_b_total counter\n"
                                         "nisim_b_total{reason=\"x\",by=\"y\"} "
                                         "18446744073709551615\n");
    evbuffer_free(buffer);
}

/* Buckets are cumulative, bounds and sum are seconds. */
static void writes_a_histogram(void **state)
{
    static struct counters counters;
    struct evbuffer *buffer = evbuffer_new();
    struct exposition exposition = exposition_of(buffer);
    (void)state;
    counters_note_duration(&counters, MESSAGE_PING, 400);
    counters_note_duration(&counters, MESSAGE_PING, 700);
    counters_note_duration(&counters, MESSAGE_PING, 12000000);
    exposition.name = "nisim_d";
    exposition_durations(&exposition, "m=\"PING\"", &counters.durations[MESSAGE_INDEX_PING]);
    const char *text = text_of(buffer);
    assert_non_null(strstr(text, "nisim_d_bucket{m=\"PING\",le=\"0.0005\"} 1\n"));
    assert_non_null(strstr(text, "nisim_d_bucket{m=\"PING\",le=\"0.001\"} 2\n"));
    assert_non_null(strstr(text, "nisim_d_bucket{m=\"PING\",le=\"2.5\"} 2\n"));
    assert_non_null(strstr(text, "nisim_d_bucket{m=\"PING\",le=\"+Inf\"} 3\n"));
    assert_non_null(strstr(text, "nisim_d_sum{m=\"PING\"} 12.001100\n"));
    assert_non_null(strstr(text, "nisim_d_count{m=\"PING\"} 3\n"));
    evbuffer_free(buffer);
}

static void a_failure_sticks(void **state)
{
    struct evbuffer *buffer = evbuffer_new();
    struct exposition exposition = exposition_of(buffer);
    (void)state;
    assert_int_equal(evbuffer_freeze(buffer, 0), 0);
    exposition_family(&exposition, "nisim_a", "gauge", "What a is.");
    assert_true(exposition.failed);
    assert_int_equal(evbuffer_unfreeze(buffer, 0), 0);
    exposition_sample(&exposition, "", 1);
    assert_true(exposition.failed);
    assert_int_equal(evbuffer_get_length(buffer), 0);
    evbuffer_free(buffer);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(unknown_codes_have_a_place_of_their_own),
        cmocka_unit_test(each_code_is_counted_under_its_name),
        cmocka_unit_test(a_duration_is_in_the_bucket_of_its_bound),
        cmocka_unit_test(writes_families_and_samples),
        cmocka_unit_test(writes_a_histogram),
        cmocka_unit_test(a_failure_sticks),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
