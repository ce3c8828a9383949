#include "exposition.h"

#include <inttypes.h>
#include <stdarg.h>

#include "attributes.h"

#define US_PER_SECOND 1000000

struct exposition exposition_of(struct evbuffer *to)
{
    return (struct exposition){.to = to};
}

static void put(struct exposition *exposition, const char *format, ...) PRINTF_LIKE(2, 3);
static void put(struct exposition *exposition, const char *format, ...)
{
    va_list values;
    va_start(values, format);
    if (!exposition->failed && evbuffer_add_vprintf(exposition->to, format, values) < 0)
        exposition->failed = true;
    va_end(values);
}

void exposition_family(struct exposition *exposition, const char *name, const char *kind,
                       const char *help)
{
    exposition->name = name;
    put(exposition, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, kind);
}

void exposition_sample(struct exposition *exposition, const char *labels, uint64_t value)
{
    const char *open = labels[0] != '\0' ? "{" : "";
    const char *close = labels[0] != '\0' ? "}" : "";
    put(exposition, "%s%s%s%s %" PRIu64 "\n", exposition->name, open, labels, close, value);
}

void exposition_durations(struct exposition *exposition, const char *labels,
                          const struct durations *durations)
{
    uint64_t below = 0;
    for (size_t i = 0; i < DURATION_BUCKETS; i++) {
        below += durations->buckets[i];
        put(exposition, "%s_bucket{%s,le=\"%g\"} %" PRIu64 "\n", exposition->name, labels,
            (double)counters_bounds_us[i] / US_PER_SECOND, below);
    }
    put(exposition, "%s_bucket{%s,le=\"+Inf\"} %" PRIu64 "\n", exposition->name, labels,
        durations->count);
    put(exposition, "%s_sum{%s} %" PRIu64 ".%06u\n", exposition->name, labels,
        durations->sum_us / US_PER_SECOND, (unsigned)(durations->sum_us % US_PER_SECOND));
    put(exposition, "%s_count{%s} %" PRIu64 "\n", exposition->name, labels, durations->count);
}
