#include "outcome.h"

#include <stdarg.h>
#include <stdio.h>

static void say(const char *format, va_list values) PRINTF_LIKE(1, 0);

static void say(const char *format, va_list values)
{
    fputs("nisim-token: ", stderr);
    vfprintf(stderr, format, values);
    fputc('\n', stderr);
}

enum outcome outcome_fail(enum outcome outcome, const char *format, ...)
{
    va_list values;
    va_start(values, format);
    say(format, values);
    va_end(values);
    return outcome;
}

void outcome_warn(const char *format, ...)
{
    va_list values;
    va_start(values, format);
    say(format, values);
    va_end(values);
}
