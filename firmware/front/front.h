/* What the parts of the front share. Made, filled and freed by main.c. */
#ifndef NISIM_FRONT_FRONT_H
#define NISIM_FRONT_FRONT_H

#include <event2/event.h>
#include <stdbool.h>
#include <time.h>

#include "config.h"
#include "counters.h"

struct front {
    const struct config *config;
    struct event_base *base;
    struct tls *tls;
    struct dispatch *dispatch;
    struct connections *connections;
    struct listener *listener;
    struct scrapers *scrapers; /* NULL: `metrics` is not set */
    struct counters counters;
    uint32_t generation; /* how often nisimd has started the front */
    time_t started;
    bool draining; /* new requests are answered SHUTTING_DOWN, and who has none in hand is closed */
};

#endif
