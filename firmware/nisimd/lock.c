#include "lock.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <time.h>
#include <unistd.h>

#include "config.h"

#define PAUSE_MS 100

/* True when one of the signals that stop us came; it is no longer pending then. */
static bool pause_or_stop(void)
{
    const struct timespec pause = {.tv_nsec = PAUSE_MS * 1000000L};
    sigset_t stops;
    sigemptyset(&stops);
    sigaddset(&stops, SIGTERM);
    sigaddset(&stops, SIGINT);
    return sigtimedwait(&stops, NULL, &pause) > 0;
}

static enum lock_result wait_for(int descriptor)
{
    for (int waited_ms = 0; flock(descriptor, LOCK_EX | LOCK_NB) != 0; waited_ms += PAUSE_MS) {
        if (errno != EWOULDBLOCK && errno != EINTR)
            return LOCK_FAILED;
        if (waited_ms >= LOCK_WAIT_SECONDS * 1000)
            return LOCK_HELD;
        if (pause_or_stop())
            return LOCK_STOPPED;
    }
    return LOCK_TAKEN;
}

static pid_t read_holder(int descriptor)
{
    char text[32] = "";
    ssize_t got = pread(descriptor, text, sizeof text - 1, 0);
    return got > 0 ? (pid_t)strtol(text, NULL, 10) : 0;
}

/* Only to tell who holds it, so a failure does not matter. */
static void write_holder(int descriptor)
{
    if (ftruncate(descriptor, 0) == 0)
        (void)dprintf(descriptor, "%ld\n", (long)getpid());
}

enum lock_result lock_take(const char *store, int *out_descriptor, pid_t *out_holder)
{
    char path[CONFIG_TEXT_BYTES_MAX + sizeof ".lock"];
    int length = snprintf(path, sizeof path, "%s.lock", store);
    if (length < 0 || (size_t)length >= sizeof path) {
        errno = ENAMETOOLONG;
        return LOCK_FAILED;
    }
    int descriptor = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (descriptor < 0)
        return LOCK_FAILED;
    enum lock_result rc = wait_for(descriptor);
    int saved = errno;
    if (rc == LOCK_TAKEN) {
        write_holder(descriptor);
        *out_descriptor = descriptor;
        return rc;
    }
    *out_holder = read_holder(descriptor);
    close(descriptor);
    errno = saved;
    return rc;
}
