/*
 * The loop of nisimd: keepers one after another, then the front; what dies is started again; a
 * wrong PIN, SIGTERM or SIGINT ends everything in order.
 */
#ifndef NISIM_NISIMD_WARDEN_H
#define NISIM_NISIMD_WARDEN_H

#include "appliance.h"

/*
 * Runs until every child is gone, and returns how nisimd is to end. `signals` is a signalfd of
 * SIGCHLD, SIGTERM, SIGINT and SIGHUP, which must be blocked.
 */
MUST_CHECK enum exit_code warden_run(struct appliance *appliance, int signals);

#endif
