#include "log.h"

#include <errno.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define LINE_BYTES_MAX 2048

static const char *const level_names[] = {
    [LOG_LEVEL_DEBUG] = "debug",
    [LOG_LEVEL_INFO] = "info",
    [LOG_LEVEL_WARNING] = "warning",
    [LOG_LEVEL_ERROR] = "error",
};
#define LEVELS (sizeof level_names / sizeof level_names[0])

static const char *process_name = "nisim";
static enum log_level least_level = LOG_LEVEL_INFO;

/* Lines about strangers in the second that began at `second`. */
static struct {
    time_t second;
    unsigned lines;
    unsigned left_out;
} strangers;

/* Text of a line that is being made; `used` stays below LINE_BYTES_MAX. */
struct line {
    size_t used;
    char text[LINE_BYTES_MAX];
};

static void append(struct line *line, const char *format, va_list values) PRINTF_LIKE(2, 0);
static void append(struct line *line, const char *format, va_list values)
{
    size_t room = sizeof line->text - line->used;
    int wanted = vsnprintf(line->text + line->used, room, format, values);
    if (wanted > 0)
        line->used += (size_t)wanted < room ? (size_t)wanted : room - 1;
}

static void append_values(struct line *line, const char *format, ...) PRINTF_LIKE(2, 3);
static void append_values(struct line *line, const char *format, ...)
{
    va_list values;
    va_start(values, format);
    append(line, format, values);
    va_end(values);
}

static void append_time(struct line *line)
{
    struct timespec now = {0};
    struct tm utc = {0};
    clock_gettime(CLOCK_REALTIME, &now);
    gmtime_r(&now.tv_sec, &utc);
    line->used += strftime(line->text, sizeof line->text, "%Y-%m-%dT%H:%M:%S", &utc);
    append_values(line, ".%03dZ", (int)(now.tv_nsec / 1000000));
}

/* A value with a line end in it must not look like a second event. */
static void replace_controls(struct line *line)
{
    for (size_t i = 0; i < line->used; i++) {
        unsigned char octet = (unsigned char)line->text[i];
        if (octet < 0x20 || octet == 0x7f)
            line->text[i] = '?';
    }
}

/* One write, so that lines of several processes do not mix. */
static void put(struct line *line)
{
    if (line->used == sizeof line->text - 1)
        line->used--;
    replace_controls(line);
    line->text[line->used] = '\n';
    size_t done = 0;
    while (done <= line->used) {
        ssize_t wrote = write(STDERR_FILENO, line->text + done, line->used + 1 - done);
        if (wrote < 0 && errno != EINTR)
            return;
        done += wrote > 0 ? (size_t)wrote : 0;
    }
}

static void write_line(enum log_level level, const char *event, const char *format, va_list values)
    PRINTF_LIKE(3, 0);
static void write_line(enum log_level level, const char *event, const char *format, va_list values)
{
    struct line line = {.used = 0};
    if (level < least_level)
        return;
    append_time(&line);
    append_values(&line, " %s %s %s", level_names[level], process_name, event);
    if (format != NULL) {
        append_values(&line, " ");
        append(&line, format, values);
    }
    put(&line);
}

static void write_values(enum log_level level, const char *event, const char *format, ...)
    PRINTF_LIKE(3, 4);
static void write_values(enum log_level level, const char *event, const char *format, ...)
{
    va_list values;
    va_start(values, format);
    write_line(level, event, format, values);
    va_end(values);
}

/* Begins a new second when the old one is over, and says what was left out in it. */
static void turn_second(void)
{
    struct timespec now = {0};
    clock_gettime(CLOCK_MONOTONIC, &now);
    if (now.tv_sec == strangers.second)
        return;
    unsigned left_out = strangers.left_out;
    strangers.second = now.tv_sec;
    strangers.lines = 0;
    strangers.left_out = 0;
    if (left_out > 0)
        write_values(LOG_LEVEL_WARNING, "lines-left-out", "count=%u", left_out);
}

void log_start(const char *process, enum log_level least)
{
    process_name = process;
    least_level = least;
}

bool log_level_from_name(const char *name, enum log_level *out_level)
{
    for (size_t i = 0; i < LEVELS; i++) {
        if (strcmp(name, level_names[i]) == 0) {
            *out_level = (enum log_level)i;
            return true;
        }
    }
    return false;
}

void log_line(enum log_level level, const char *event, const char *format, ...)
{
    int saved = errno;
    va_list values;
    turn_second();
    va_start(values, format);
    write_line(level, event, format, values);
    va_end(values);
    errno = saved;
}

void log_stranger(enum log_level level, const char *event, const char *format, ...)
{
    int saved = errno;
    va_list values;
    turn_second();
    if (level < least_level)
        return;
    if (strangers.lines == LOG_STRANGER_LINES) {
        strangers.left_out++;
        return;
    }
    strangers.lines++;
    va_start(values, format);
    write_line(level, event, format, values);
    va_end(values);
    errno = saved;
}
