/* The subscriptions that a list is asked for, one after the other, in the order asked for. */
#ifndef NISIM_PROVISIONING_WALK_H
#define NISIM_PROVISIONING_WALK_H

#include "office.h"

enum walk_order {
    WALK_BY_ROW, /* as they were added */
    WALK_BY_IMPI,
    WALK_BY_DOMAIN, /* then by row; needs memory for each subscription */
};

struct walk_entry {
    char *domain; /* malloc'd */
    int64_t row;
};

struct walk {
    enum walk_order order;
    const struct arguments *arguments; /* the filter */
    uint8_t origin;                    /* 0: any */
    int64_t row;                       /* the last one */
    char impi[NAME_BYTES_MAX + 1];     /* the last one */
    size_t entry_count;                /* WALK_BY_DOMAIN */
    size_t entries_used;
    struct walk_entry *entries;
};

/* The filter, order and beginning as the command line says. The caller frees, also on failure. */
MUST_CHECK enum outcome walk_begin(struct office *office, const struct arguments *arguments,
                                   struct walk *out_walk);

/*
 * The next one into office->subscription: as store_next. One that the filter leaves out is passed
 * over; one that can't be read is not.
 */
MUST_CHECK enum store_result walk_next(struct office *office, struct walk *walk);

void walk_free(struct walk *walk);

/* True when nothing is left out. */
bool walk_is_whole(const struct walk *walk);

#endif
