/*
 * What nisimd holds while its children come and go: the configuration's bytes, the listener, the
 * lock, the channels between front and keepers, and the list of children. Nothing here reads a
 * channel.
 */
#ifndef NISIM_NISIMD_APPLIANCE_H
#define NISIM_NISIMD_APPLIANCE_H

#include "address.h"
#include "channel.h"
#include "child.h"
#include "config.h"
#include "programs.h"

#define KEEPERS_MAX 64 /* the `most` of keepers in options.def */

struct appliance {
    const struct config *config;
    const char *config_path;
    enum exit_code exit; /* why it could not be opened */
    struct programs programs;
    int config_bytes; /* the file as it was read, which no one can change */
    int listener;     /* -1 once the appliance drains, as is the next */
    int metrics;      /* -1 too where it is not set */
    int lock;
    int control; /* to the front that lives, else -1 */
    char listening[ADDRESS_TEXT_BYTES];
    size_t keeper_count;
    int keeper_ends[KEEPERS_MAX]; /* of the channels */
    int front_ends[KEEPERS_MAX];
    struct child keepers[KEEPERS_MAX];
    struct child front;
};

/*
 * Finds, locks, binds and connects what the children need; starts none. False: the log says why,
 * and appliance->exit how nisimd is to end. Signals must be blocked. appliance_close in every case.
 */
MUST_CHECK bool appliance_open(struct appliance *appliance, const struct config *config,
                               const char *config_path, int config_bytes);
void appliance_close(struct appliance *appliance);

/* False with errno: the child could not be started. */
MUST_CHECK bool appliance_start_keeper(struct appliance *appliance, size_t index, int64_t now_ms);
MUST_CHECK bool appliance_start_front(struct appliance *appliance, int64_t now_ms);

/* Keeper `index` died. */
void appliance_tell_front(const struct appliance *appliance, size_t index);

/* The front is gone. */
void appliance_forget_front(struct appliance *appliance);

/* No new connections: once the front has closed its own, the port is free. */
void appliance_stop_listening(struct appliance *appliance);

#endif
