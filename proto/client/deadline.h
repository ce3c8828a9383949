/* Until when a call may take. */
#ifndef NISIM_CLIENT_DEADLINE_H
#define NISIM_CLIENT_DEADLINE_H

#include <poll.h>
#include <stdint.h>

#include "attributes.h"

struct deadline {
    int64_t at_ms; /* of CLOCK_MONOTONIC */
};

struct deadline deadline_in(unsigned ms);

/* 1: `events` is there; 0: too late; -1: errno. */
MUST_CHECK int deadline_wait(const struct deadline *deadline, int descriptor, short events);

#endif
