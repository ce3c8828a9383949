/*
 * Latencies by how often they came: log-linear, 64 steps to a doubling, so a value is told to
 * within 1.6 %. What HdrHistogram does; Debian has no C library of it.
 */
#ifndef NISIM_PROTO_CLIENT_BENCH_HISTOGRAM_H
#define NISIM_PROTO_CLIENT_BENCH_HISTOGRAM_H

#include <stdint.h>

#define HISTOGRAM_STEP_BITS 6
#define HISTOGRAM_BUCKETS ((64 - HISTOGRAM_STEP_BITS) << HISTOGRAM_STEP_BITS)

struct histogram {
    uint64_t count;
    uint64_t most; /* the largest value, exactly */
    uint64_t buckets[HISTOGRAM_BUCKETS];
};

void histogram_add(struct histogram *histogram, uint64_t value);

/* The value that `share` (0 to 1) of all do not exceed; 0 when there is none. */
uint64_t histogram_quantile(const struct histogram *histogram, double share);

#endif
