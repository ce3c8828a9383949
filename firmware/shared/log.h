/*
 * Log lines on standard error: time, level, process, event, key=value. Never K, OPc, OP, CK, IK,
 * RES, AK, a PIN: the secret types have no way to get here. Lines about strangers are limited to
 * LOG_STRANGER_LINES a second; what was left out is counted.
 */
#ifndef NISIM_SHARED_LOG_H
#define NISIM_SHARED_LOG_H

#include <stdbool.h>

#include "attributes.h"

#define LOG_STRANGER_LINES 20

enum log_level {
    LOG_LEVEL_DEBUG,
    LOG_LEVEL_INFO,
    LOG_LEVEL_WARNING,
    LOG_LEVEL_ERROR,
};

/* `process` is shown in each line and not copied: "front", "keeper-1". */
void log_start(const char *process, enum log_level least);

/* False when `name` is no level. */
MUST_CHECK bool log_level_from_name(const char *name, enum log_level *out_level);

/* log_line(LOG_LEVEL_INFO, "keeper-ready", "generation=%u", generation); format NULL: no values */
void log_line(enum log_level level, const char *event, const char *format, ...) PRINTF_LIKE(3, 4);

/* The same for events that anybody on the network can cause. */
void log_stranger(enum log_level level, const char *event, const char *format, ...)
    PRINTF_LIKE(3, 4);

#endif
