#include "child.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

void child_init(struct child *child, const char *name)
{
    *child = (struct child){.state = CHILD_WAITING, .ready = -1};
    snprintf(child->name, sizeof child->name, "%s", name);
}

static void close_ready(struct child *child)
{
    if (child->ready >= 0)
        close(child->ready);
    child->ready = -1;
}

bool child_start(struct child *child, char *const argv[], struct spawn_descriptors *descriptors,
                 size_t ready_at, int64_t now_ms, int64_t patience_ms)
{
    int ends[2] = {-1, -1};
    if (pipe2(ends, O_CLOEXEC | O_NONBLOCK) != 0)
        return false;
    descriptors->list[ready_at] = ends[1];
    pid_t pid = spawn(argv, descriptors);
    int saved = errno;
    close(ends[1]);
    if (pid < 0) {
        close(ends[0]);
        errno = saved;
        return false;
    }
    child->pid = pid;
    child->ready = ends[0];
    child->state = CHILD_STARTING;
    child->at_ms = now_ms + patience_ms;
    return true;
}

bool child_take_ready(struct child *child, int64_t now_ms)
{
    char octet = 0;
    if (child->ready < 0)
        return false;
    ssize_t got = read(child->ready, &octet, 1);
    if (got < 0)
        return false;
    close_ready(child);
    if (got == 0 || child->state != CHILD_STARTING)
        return false;
    child->state = CHILD_RUNNING;
    child->at_ms = now_ms;
    return true;
}

/* The first new start comes at once, the later ones after 1 s, 2 s, 4 s, ... */
static int64_t pause_after(unsigned failures)
{
    int64_t pause = failures == 0 ? 0 : CHILD_PAUSE_MS_LEAST;
    for (unsigned i = 1; i < failures && pause < CHILD_PAUSE_MS_MOST; i++)
        pause *= 2;
    return pause < CHILD_PAUSE_MS_MOST ? pause : CHILD_PAUSE_MS_MOST;
}

int64_t child_ended(struct child *child, int64_t now_ms)
{
    if (child->state == CHILD_RUNNING && now_ms - child->at_ms >= CHILD_SETTLED_MS)
        child->failures = 0;
    int64_t pause = pause_after(child->failures++);
    close_ready(child);
    child->pid = 0;
    child->state = CHILD_WAITING;
    child->at_ms = now_ms + pause;
    return pause;
}

void child_retire(struct child *child)
{
    assert(child->pid == 0);
    child->state = CHILD_STOPPED;
}
