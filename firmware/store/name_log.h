/*
 * The names a file has brought so far, and the line of each: a database of its own that is gone
 * with its handle. It keeps no more than a few megabytes in memory, the rest in a file that has no
 * name.
 */
#ifndef NISIM_STORE_NAME_LOG_H
#define NISIM_STORE_NAME_LOG_H

#include <stddef.h>

#include "store.h"

struct name_log;

/* STORE_FAILED: memory, or where temporary files go (SQLITE_TMPDIR, TMPDIR). */
MUST_CHECK enum store_result name_log_new(struct name_log **out_log);
void name_log_free(struct name_log **log);

/* The first line stays: a name that is there already is no error. */
MUST_CHECK enum store_result name_log_add(struct name_log *log, const char *name, size_t line);

/* No line has brought it, unless another than this one has. */
MUST_CHECK enum store_result name_log_forget(struct name_log *log, const char *name, size_t line);

/* STORE_NOT_FOUND when no line has brought it. */
MUST_CHECK enum store_result name_log_find(struct name_log *log, const char *name,
                                           size_t *out_line);

#endif
