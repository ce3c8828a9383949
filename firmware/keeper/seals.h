/*
 * Records whose seal this process has found right, byte for byte. Computing it
 * again for what has not changed would be two token calls of each request; an edited record is
 * not one of these.
 */
#ifndef NISIM_KEEPER_SEALS_H
#define NISIM_KEEPER_SEALS_H

#include "subscription.h"

#define SEALS_KEPT 4096 /* a power of two; another row may push one out, which costs its check */

struct seals {
    struct seal_kept *kept[SEALS_KEPT];
};

/* True when exactly this record with this seal was kept. */
MUST_CHECK bool seals_know(const struct seals *seals, const struct subscription *subscription);

/* The caller has checked the seal. Short memory only means that it will be checked again. */
void seals_keep(struct seals *seals, const struct subscription *subscription);

void seals_free(struct seals *seals);

#endif
