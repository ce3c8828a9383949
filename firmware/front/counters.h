/*
 * What the front counts as it serves, from its start on: plain numbers, for there is one thread.
 * No count knows of a subscriber or a client.
 */
#ifndef NISIM_FRONT_COUNTERS_H
#define NISIM_FRONT_COUNTERS_H

#include <stddef.h>
#include <stdint.h>

/* Index 0 is for codes that messages.def does not list. */
enum message_index {
    MESSAGE_INDEX_UNKNOWN,
#define MESSAGE(name, code) MESSAGE_INDEX_##name,
#include "messages.def"
    MESSAGE_INDICES,
};

enum status_index {
    STATUS_INDEX_UNKNOWN,
#define STATUS(name, code, text) STATUS_INDEX_##name,
#include "messages.def"
    STATUS_INDICES,
};

/* Why a connection never became a client's. */
enum refusal {
#define REFUSAL(id, name) REFUSAL_##id,
#include "metrics.def"
    REFUSALS,
};

enum answerer {
    ANSWERED_BY_FRONT,
    ANSWERED_BY_KEEPER,
    ANSWERERS,
};

#define DURATION_BUCKETS 12 /* with a bound; what is longer is in `count` alone */

/* In microseconds: what took exactly so long is in the bucket. */
extern const uint32_t counters_bounds_us[DURATION_BUCKETS];

struct durations {
    uint64_t buckets[DURATION_BUCKETS]; /* each without those below */
    uint64_t count;
    uint64_t sum_us;
};

/* All zero is the beginning. */
struct counters {
    uint64_t accepted;
    uint64_t refused[REFUSALS];
    uint64_t pauses_at_limit;      /* of accepting: as many connections as there may be */
    uint64_t pauses_without_means; /* descriptors or memory */
    uint64_t answers[ANSWERERS][MESSAGE_INDICES][STATUS_INDICES];
    struct durations durations[MESSAGE_INDICES];
};

/* A request of this type has this answer; codes as on the wire. */
void counters_note_answer(struct counters *counters, enum answerer by, uint8_t type,
                          uint8_t status);

/* ... and took so long. */
void counters_note_duration(struct counters *counters, uint8_t type, uint64_t us);

/* "AUTHENTICATE", "OK", "handshake"; "UNKNOWN" for index 0 of the first two. */
const char *counters_message_name(enum message_index index);
const char *counters_status_name(enum status_index index);
const char *counters_refusal_name(enum refusal refusal);

#endif
