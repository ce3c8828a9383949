/*
 * One process that nisimd starts, watches and starts again. Times are milliseconds of the
 * monotonic clock; the policy is warden.c's.
 */
#ifndef NISIM_NISIMD_CHILD_H
#define NISIM_NISIMD_CHILD_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "attributes.h"
#include "spawn.h"

#define CHILD_PAUSE_MS_LEAST 1000
#define CHILD_PAUSE_MS_MOST 60000
#define CHILD_SETTLED_MS 60000 /* who lived so long starts again as if for the first time */

enum child_state {
    CHILD_WAITING,  /* to be started at `at_ms` */
    CHILD_STARTING, /* READY not said; killed at `at_ms` */
    CHILD_RUNNING,  /* READY said at `at_ms` */
    CHILD_STOPPED,  /* not to be started again */
};

struct child {
    char name[16];
    enum child_state state;
    pid_t pid;           /* 0 when there is no process */
    int ready;           /* read end of its READY pipe, -1 when there is none */
    uint32_t generation; /* how often it was started, or tried to */
    unsigned failures;   /* ends in a row, none after CHILD_SETTLED_MS of service */
    int64_t at_ms;
};

void child_init(struct child *child, const char *name);

/*
 * Spawns it. The write end of its READY pipe becomes descriptors->list[ready_at]. False with errno
 * when the system is out of something; the child is then as one that ended at once.
 */
MUST_CHECK bool child_start(struct child *child, char *const argv[],
                            struct spawn_descriptors *descriptors, size_t ready_at, int64_t now_ms,
                            int64_t patience_ms);

/* Reads the READY pipe; true when READY was said just now. */
MUST_CHECK bool child_take_ready(struct child *child, int64_t now_ms);

/* The process is gone. It waits for its next start, and how long is returned. */
int64_t child_ended(struct child *child, int64_t now_ms);

/* No next start. For a child without a process. */
void child_retire(struct child *child);

#endif
