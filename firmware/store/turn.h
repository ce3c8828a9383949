/*
 * Whose turn it is to write, among processes: a lock on the file PATH-turn beside the store.
 * SQLite's own waiting is to sleep and look again, so that who writes all the time is always there
 * first; here the kernel wakes the one that waits. A process that dies gives its turn up. Without
 * this lock nothing breaks: SQLite's own is what keeps writers apart.
 */
#ifndef NISIM_STORE_TURN_H
#define NISIM_STORE_TURN_H

#include <stdbool.h>
#include <time.h>

#include "attributes.h"

struct turn {
    bool open;
    int descriptor;
    timer_t timer; /* ends the waiting, by a signal that does nothing else (SIGRTMAX) */
};

/* False: errno. */
MUST_CHECK bool turn_open(struct turn *turn, const char *path);
void turn_close(struct turn *turn);

/* False after wait_ms without it. */
MUST_CHECK bool turn_take(struct turn *turn, unsigned wait_ms);
void turn_give(struct turn *turn);

#endif
