#include "histogram.h"

#include <stddef.h>

#define STEPS (UINT64_C(1) << HISTOGRAM_STEP_BITS)

static size_t bucket_of(uint64_t value)
{
    unsigned shift = 0;
    while (value >> shift >= 2 * STEPS)
        shift++;
    return (size_t)((shift << HISTOGRAM_STEP_BITS) + (value >> shift));
}

/* The largest value of a bucket. */
static uint64_t top_of(size_t bucket)
{
    if (bucket < 2 * STEPS)
        return bucket;
    uint64_t shift = (bucket >> HISTOGRAM_STEP_BITS) - 1;
    uint64_t first = STEPS + (bucket & (STEPS - 1));
    return ((first + 1) << shift) - 1;
}

void histogram_add(struct histogram *histogram, uint64_t value)
{
    const uint64_t limit = UINT64_MAX >> 2;
    histogram->count++;
    histogram->buckets[bucket_of(value < limit ? value : limit)]++;
    if (value > histogram->most)
        histogram->most = value;
}

uint64_t histogram_quantile(const struct histogram *histogram, double share)
{
    uint64_t below = 0;
    double wanted = share * (double)histogram->count;
    for (size_t i = 0; i < HISTOGRAM_BUCKETS; i++) {
        below += histogram->buckets[i];
        if (below > 0 && (double)below >= wanted)
            return top_of(i) < histogram->most ? top_of(i) : histogram->most;
    }
    return histogram->most;
}
