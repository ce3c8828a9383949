/*
 * Every keeper compares the store with what the token remembers of it before it serves; the first
 * one then keeps the token's memory up to date (firmware/store/anchor.h).
 */
#ifndef NISIM_KEEPER_ANCHORING_H
#define NISIM_KEEPER_ANCHORING_H

#include "anchor.h"
#include "channel.h"

struct anchoring {
    struct anchor anchor;
    bool advances; /* this is the keeper whose task it is */
    bool failing;  /* said once, until it works again */
    unsigned interval_seconds;
    int64_t next_seconds; /* CLOCK_MONOTONIC: not before */
};

/* Says why when it is not EXIT_DONE. `path` of the store is for messages. */
MUST_CHECK enum exit_code anchoring_begin(struct anchoring *anchoring, const char *path);

/* Between two rounds of work: advances when that is due and the store has changed. */
void anchoring_turn(struct anchoring *anchoring);

#endif
