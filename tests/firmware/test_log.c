#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "log.h"

#define SAID_BYTES_MAX 65536

static int former_stderr;
static char said[SAID_BYTES_MAX];

static int catch_stderr(void **state)
{
    (void)state;
    int file = memfd_create("log", MFD_CLOEXEC);
    former_stderr = dup(STDERR_FILENO);
    int rc = file < 0 || former_stderr < 0 || dup2(file, STDERR_FILENO) < 0;
    close(file);
    return rc;
}

static int release_stderr(void **state)
{
    (void)state;
    int rc = dup2(former_stderr, STDERR_FILENO) < 0;
    close(former_stderr);
    return rc;
}

/* What was logged since the last call. */
static const char *take_said(void)
{
    ssize_t got = pread(STDERR_FILENO, said, sizeof said - 1, 0);
    said[got < 0 ? 0 : got] = '\0';
    if (ftruncate(STDERR_FILENO, 0) != 0 || lseek(STDERR_FILENO, 0, SEEK_SET) != 0)
        return NULL;
    return said;
}

static size_t count_lines(const char *text)
{
    size_t lines = 0;
    for (; *text != '\0'; text++)
        lines += *text == '\n';
    return lines;
}

static void test_a_line(void **state)
{
    (void)state;
    struct tm utc;
    log_start("keeper-1", LOG_LEVEL_INFO);
    log_line(LOG_LEVEL_INFO, "keeper-ready", "generation=%d", 7);
    const char *line = take_said();
    const char *rest = strptime(line, "%Y-%m-%dT%H:%M:%S", &utc);
    assert_non_null(rest);
    assert_string_equal(rest + 5, " info keeper-1 keeper-ready generation=7\n");
    assert_int_equal(rest[0], '.');
    assert_int_equal(rest[4], 'Z');
    log_line(LOG_LEVEL_ERROR, "token-lost", NULL);
    assert_non_null(strstr(take_said(), " error keeper-1 token-lost\n"));
}

static void test_level(void **state)
{
    (void)state;
    log_start("front", LOG_LEVEL_WARNING);
    log_line(LOG_LEVEL_DEBUG, "a", NULL);
    log_line(LOG_LEVEL_INFO, "b", NULL);
    assert_string_equal(take_said(), "");
    log_line(LOG_LEVEL_WARNING, "c", NULL);
    log_line(LOG_LEVEL_ERROR, "d", NULL);
    assert_int_equal(count_lines(take_said()), 2);
}

static void test_level_names(void **state)
{
    (void)state;
    enum log_level level = LOG_LEVEL_ERROR;
    assert_true(log_level_from_name("debug", &level));
    assert_int_equal(level, LOG_LEVEL_DEBUG);
    assert_true(log_level_from_name("warning", &level));
    assert_int_equal(level, LOG_LEVEL_WARNING);
    assert_false(log_level_from_name("Warning", &level));
    assert_false(log_level_from_name("", &level));
    assert_int_equal(level, LOG_LEVEL_WARNING);
}

static void test_value_cannot_make_a_line(void **state)
{
    (void)state;
    log_start("front", LOG_LEVEL_INFO);
    log_line(LOG_LEVEL_INFO, "peer", "name=\"%s\"", "a\n2026-01-01 error front forged\r\x1b[2J");
    const char *line = take_said();
    assert_int_equal(count_lines(line), 1);
    assert_non_null(strstr(line, "name=\"a?2026-01-01 error front forged??[2J\"\n"));
}

static void test_long_line_is_cut(void **state)
{
    (void)state;
    char value[8192];
    memset(value, 'x', sizeof value - 1);
    value[sizeof value - 1] = '\0';
    log_start("front", LOG_LEVEL_INFO);
    log_line(LOG_LEVEL_INFO, "long", "value=%s", value);
    const char *line = take_said();
    assert_in_range(strlen(line), 1024, 2048);
    assert_int_equal(count_lines(line), 1);
    assert_int_equal(line[strlen(line) - 1], '\n');
}

/* The first instants of a second, so that the lines below fall into one. */
static void wait_for_second(void)
{
    struct timespec now;
    do {
        clock_gettime(CLOCK_MONOTONIC, &now);
    } while (now.tv_nsec > 200000000);
}

static void test_strangers_are_limited(void **state)
{
    (void)state;
    log_start("front", LOG_LEVEL_INFO);
    log_line(LOG_LEVEL_INFO, "begin", NULL);
    wait_for_second();
    (void)take_said();
    for (int i = 0; i < 3 * LOG_STRANGER_LINES; i++)
        log_stranger(LOG_LEVEL_INFO, "refused", "n=%d", i);
    assert_int_equal(count_lines(take_said()), LOG_STRANGER_LINES);
    log_line(LOG_LEVEL_INFO, "own", NULL);
    assert_int_equal(count_lines(take_said()), 1);
    sleep(1);
    log_line(LOG_LEVEL_INFO, "own", NULL);
    const char *lines = take_said();
    char expected[64];
    snprintf(expected, sizeof expected, " warning front lines-left-out count=%d\n",
             2 * LOG_STRANGER_LINES);
    assert_non_null(strstr(lines, expected));
    assert_int_equal(count_lines(lines), 2);
    log_stranger(LOG_LEVEL_INFO, "refused", NULL);
    assert_int_equal(count_lines(take_said()), 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_a_line, catch_stderr, release_stderr),
        cmocka_unit_test_setup_teardown(test_level, catch_stderr, release_stderr),
        cmocka_unit_test(test_level_names),
        cmocka_unit_test_setup_teardown(test_value_cannot_make_a_line, catch_stderr,
                                        release_stderr),
        cmocka_unit_test_setup_teardown(test_long_line_is_cut, catch_stderr, release_stderr),
        cmocka_unit_test_setup_teardown(test_strangers_are_limited, catch_stderr, release_stderr),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
