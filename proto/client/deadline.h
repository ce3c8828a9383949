/* Until when a call may take. */
#ifndef NISIM_PROTO_CLIENT_DEADLINE_H
#define NISIM_PROTO_CLIENT_DEADLINE_H

#include <poll.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "attributes.h"

struct deadline {
    int64_t at_ms; /* of CLOCK_MONOTONIC */
};

struct deadline deadline_in(unsigned ms);

/* The end of an equal share of what is left, for the first of `parts` tries. */
struct deadline deadline_share(const struct deadline *deadline, size_t parts);

MUST_CHECK bool deadline_passed(const struct deadline *deadline);

/* 1: `events` is there; 0: too late; -1: errno. */
MUST_CHECK int deadline_wait(const struct deadline *deadline, int descriptor, short events);

#endif
