/*
 * The load: closed loop (every slot asks again as soon as it is answered) or open loop (requests
 * become due at a fixed rate, whether answers come or not, and latency counts from when a request
 * was due: no coordinated omission).
 */
#ifndef NISIM_PROTO_CLIENT_BENCH_LOAD_H
#define NISIM_PROTO_CLIENT_BENCH_LOAD_H

#include "histogram.h"
#include "link.h"

struct load_plan {
    struct nisim_options options;
    bool json;
    unsigned connections;
    unsigned in_flight;              /* of a connection */
    unsigned rate;                   /* requests a second, of all connections; 0: closed loop */
    unsigned warm_up;                /* seconds that are not counted */
    unsigned duration;               /* seconds that are */
    unsigned percent[REQUEST_KINDS]; /* sum: 100 */
};

/* Of requests that were due in the counted time. */
struct load_result {
    uint64_t by_outcome[256];      /* answers by status; every answer is in one of them */
    uint64_t kinds[REQUEST_KINDS]; /* requests */
    uint64_t all_answers;          /* those of the warm-up too */
    uint64_t unexpected;           /* answered, but not as such a challenge must be */
    uint64_t resynchronised;       /* fresh challenges that met SYNC_FAILURE */
    uint64_t not_sent;             /* due in an open loop when no slot was free, till the end */
    double seconds;                /* from the first due to the last answer counted */
    struct histogram latency;      /* nanoseconds; refusals are left out */
    struct histogram refusal;      /* nanoseconds; answers of the class retry */
};

/* False: said on standard error why it broke off. */
MUST_CHECK bool load_run(const struct load_plan *plan, struct home *home, struct load_result *out);

/* False when standard output takes nothing more. */
MUST_CHECK bool load_report(const struct load_plan *plan, const struct load_result *result);

#endif
