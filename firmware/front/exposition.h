/*
 * The text format of Prometheus (version 0.0.4), written into an evbuffer. A write that fails for
 * want of memory sticks, so a caller looks once, at the end.
 */
#ifndef NISIM_FRONT_EXPOSITION_H
#define NISIM_FRONT_EXPOSITION_H

#include <event2/buffer.h>
#include <stdbool.h>

#include "counters.h"

#define EXPOSITION_TYPE "text/plain; version=0.0.4; charset=utf-8"

/* Does not own the buffer. */
struct exposition {
    struct evbuffer *to;
    const char *name; /* of the family in hand; borrowed */
    bool failed;
};

struct exposition exposition_of(struct evbuffer *to);

/* The HELP and TYPE lines of a family; its samples follow. `name` must outlive them. */
void exposition_family(struct exposition *exposition, const char *name, const char *kind,
                       const char *help);

/*
 * A sample of the family in hand. `labels` is as it stands between the braces,
 * "message=\"PING\",status=\"OK\"", and "" where there are none: names and values are our own, and
 * need no escape.
 */
void exposition_sample(struct exposition *exposition, const char *labels, uint64_t value);

/* All samples of a histogram in seconds; `labels` must not be "". */
void exposition_durations(struct exposition *exposition, const char *labels,
                          const struct durations *durations);

#endif
