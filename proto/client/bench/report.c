#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>

#include "load.h"

static const struct {
    const char *name;
    double share;
} quantiles[] = {{"p50", 0.5}, {"p90", 0.9}, {"p99", 0.99}, {"p99.9", 0.999}, {"max", 1.0}};
#define QUANTILES (sizeof quantiles / sizeof quantiles[0])

static double ms_at(const struct histogram *histogram, double share)
{
    return (double)histogram_quantile(histogram, share) / 1e6;
}

static double rate_of(const struct load_result *result, uint64_t count)
{
    return result->seconds > 0 ? (double)count / result->seconds : 0;
}

static json_t *outcomes(const struct load_result *result)
{
    json_t *object = json_object();
    for (unsigned i = 0; i < 256; i++) {
        if (result->by_outcome[i] > 0)
            (void)json_object_set_new(object, status_name((uint8_t)i),
                                      json_integer((json_int_t)result->by_outcome[i]));
    }
    return object;
}

static json_t *latencies(const struct histogram *histogram)
{
    json_t *object = json_object();
    for (size_t i = 0; i < QUANTILES; i++)
        (void)json_object_set_new(object, quantiles[i].name,
                                  json_real(ms_at(histogram, quantiles[i].share)));
    return object;
}

static bool report_json(const struct load_plan *plan, const struct load_result *result)
{
    json_t *root = json_pack(
        "{s:i,s:i,s:i,s:f,s:f,s:I,s:I,s:I,s:I,s:I,s:o,s:o,s:o}", "connections",
        (int)plan->connections, "in_flight", (int)plan->in_flight, "asked_rate", (int)plan->rate,
        "seconds", result->seconds, "rate", rate_of(result, result->latency.count), "answered",
        (json_int_t)result->latency.count, "all_answers", (json_int_t)result->all_answers,
        "resynchronised", (json_int_t)result->resynchronised, "unexpected",
        (json_int_t)result->unexpected, "not_sent", (json_int_t)result->not_sent, "outcomes",
        outcomes(result), "latency_ms", latencies(&result->latency), "refusal_ms",
        latencies(&result->refusal));
    bool printed = root != NULL && json_dumpf(root, stdout, JSON_REAL_PRECISION(6)) == 0 &&
                   fputc('\n', stdout) != EOF && fflush(stdout) == 0;
    json_decref(root);
    return printed;
}

static void print_latency(const char *what, const struct histogram *histogram)
{
    printf("%-12s", what);
    for (size_t i = 0; i < QUANTILES; i++)
        printf("  %s %.2f", quantiles[i].name, ms_at(histogram, quantiles[i].share));
    printf("  ms\n");
}

static bool report_text(const struct load_plan *plan, const struct load_result *result)
{
    printf("%-12s%u x %u in flight, ", "load", plan->connections, plan->in_flight);
    if (plan->rate > 0)
        printf("open loop, %u/s\n", plan->rate);
    else
        printf("closed loop\n");
    printf("%-12s%.0f/s, %llu answers in %.2f s\n", "rate", rate_of(result, result->latency.count),
           (unsigned long long)result->latency.count, result->seconds);
    print_latency("latency", &result->latency);
    if (result->refusal.count > 0)
        print_latency("refusals", &result->refusal);
    for (unsigned i = 0; i < 256; i++) {
        if (result->by_outcome[i] > 0)
            printf("%-12s%llu  %s\n", "status", (unsigned long long)result->by_outcome[i],
                   status_name((uint8_t)i));
    }
    if (result->resynchronised > 0)
        printf("%-12s%llu fresh challenges met SYNC_FAILURE\n", "resync",
               (unsigned long long)result->resynchronised);
    if (result->not_sent > 0)
        printf("%-12s%llu were due and found no slot free\n", "not sent",
               (unsigned long long)result->not_sent);
    if (result->unexpected > 0)
        printf("%-12s%llu answers that such a challenge must not have\n", "UNEXPECTED",
               (unsigned long long)result->unexpected);
    return fflush(stdout) == 0;
}

bool load_report(const struct load_plan *plan, const struct load_result *result)
{
    return plan->json ? report_json(plan, result) : report_text(plan, result);
}
