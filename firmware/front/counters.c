#include "counters.h"

static const uint8_t message_indices[UINT8_MAX + 1] = {
#define MESSAGE(name, code) [code] = MESSAGE_INDEX_##name,
#include "messages.def"
};

static const uint8_t status_indices[UINT8_MAX + 1] = {
#define STATUS(name, code, text) [code] = STATUS_INDEX_##name,
#include "messages.def"
};

static const char *const message_names[MESSAGE_INDICES] = {
    [MESSAGE_INDEX_UNKNOWN] = "UNKNOWN",
#define MESSAGE(name, code) [MESSAGE_INDEX_##name] = #name,
#include "messages.def"
};

static const char *const status_names[STATUS_INDICES] = {
    [STATUS_INDEX_UNKNOWN] = "UNKNOWN",
#define STATUS(name, code, text) [STATUS_INDEX_##name] = #name,
#include "messages.def"
};

static const char *const refusal_names[REFUSALS] = {
#define REFUSAL(id, name) [REFUSAL_##id] = (name),
#include "metrics.def"
};

const uint32_t counters_bounds_us[DURATION_BUCKETS] = {
    500, 1000, 2500, 5000, 10000, 25000, 50000, 100000, 250000, 500000, 1000000, 2500000,
};

void counters_note_answer(struct counters *counters, enum answerer by, uint8_t type, uint8_t status)
{
    counters->answers[by][message_indices[type]][status_indices[status]]++;
}

void counters_note_duration(struct counters *counters, uint8_t type, uint64_t us)
{
    struct durations *durations = &counters->durations[message_indices[type]];
    size_t bucket = 0;
    while (bucket < DURATION_BUCKETS && us > counters_bounds_us[bucket])
        bucket++;
    if (bucket < DURATION_BUCKETS)
        durations->buckets[bucket]++;
    durations->count++;
    durations->sum_us += us;
}

const char *counters_message_name(enum message_index index)
{
    return message_names[index];
}

const char *counters_status_name(enum status_index index)
{
    return status_names[index];
}

const char *counters_refusal_name(enum refusal refusal)
{
    return refusal_names[refusal];
}
