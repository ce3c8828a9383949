/*
 * What a process gives up once it has opened what it needs (DESIGN 2.4, 4): no core file, no
 * tracing, no new privileges, and a seccomp filter.
 */
#ifndef NISIM_SHARED_CONFINE_H
#define NISIM_SHARED_CONFINE_H

#include <stdbool.h>

#include "attributes.h"

/*
 * No core file, not traceable by its own user, no new privileges; SIGPIPE and SIGXFSZ ignored.
 * First of all.
 */
MUST_CHECK bool confine_memory(void);

/*
 * The process ends (SIGTERM) when nisimd does. False when nisimd is gone already. Before the READY
 * byte is written: its pipe tells.
 */
MUST_CHECK bool confine_lifetime(void);

/* Becomes `user` when started by root and user is not NULL. */
MUST_CHECK bool confine_user(const char *user);

/*
 * The front: an allow-list. No file, no new program, no other process can be reached. `module`:
 * the TLS key is in a token, whose PKCS#11 module may open files and reach its HSM.
 */
MUST_CHECK bool confine_front(bool module);

/* A keeper: no network unless `network`, no new program, no new process, no tracing. */
MUST_CHECK bool confine_keeper(bool network);

#endif
