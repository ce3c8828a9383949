/* Starts a program with the descriptors it was promised (channel.h), and with no others. */
#ifndef NISIM_NISIMD_SPAWN_H
#define NISIM_NISIMD_SPAWN_H

#include <stddef.h>
#include <sys/types.h>

#include "attributes.h"

#define SPAWN_FIRST_FD 3
#define SPAWN_FDS_MAX 72

/* list[i] becomes descriptor SPAWN_FIRST_FD + i of the child. */
struct spawn_descriptors {
    size_t count;
    int list[SPAWN_FDS_MAX];
};

/*
 * The child's pid, or -1 with errno. A program that can't be executed shows as a child that ends
 * with EXIT_PROGRAM. The caller's own descriptors must be close-on-exec.
 */
MUST_CHECK pid_t spawn(char *const argv[], const struct spawn_descriptors *descriptors);

#endif
