#include "turn.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define AGAIN_MS 50 /* the first signal may come just before the waiting begins */

static void do_nothing(int number)
{
    (void)number;
}

static int open_file(const char *path)
{
    char *beside = NULL;
    if (asprintf(&beside, "%s-turn", path) < 0)
        return -1;
    int descriptor = open(beside, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    int saved = errno;
    free(beside);
    errno = saved;
    return descriptor;
}

bool turn_open(struct turn *turn, const char *path)
{
    const struct sigaction ignore = {.sa_handler = do_nothing}; /* without SA_RESTART */
    struct sigevent event = {.sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGRTMAX};
    turn->descriptor = open_file(path);
    if (turn->descriptor < 0)
        return false;
    if (sigaction(SIGRTMAX, &ignore, NULL) != 0 ||
        timer_create(CLOCK_MONOTONIC, &event, &turn->timer) != 0) {
        close(turn->descriptor);
        return false;
    }
    turn->open = true;
    return true;
}

void turn_close(struct turn *turn)
{
    if (!turn->open)
        return;
    timer_delete(turn->timer);
    close(turn->descriptor);
    turn->open = false;
}

static struct timespec span(unsigned ms)
{
    return (struct timespec){.tv_sec = ms / 1000, .tv_nsec = (long)(ms % 1000) * 1000000};
}

/* 0: no more signals. */
static void arm(struct turn *turn, unsigned ms)
{
    struct itimerspec when = {.it_value = span(ms), .it_interval = span(ms == 0 ? 0 : AGAIN_MS)};
    (void)timer_settime(turn->timer, 0, &when, NULL);
}

bool turn_take(struct turn *turn, unsigned wait_ms)
{
    struct flock whole = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
    if (fcntl(turn->descriptor, F_OFD_SETLK, &whole) == 0)
        return true;
    arm(turn, wait_ms);
    bool taken = fcntl(turn->descriptor, F_OFD_SETLKW, &whole) == 0;
    arm(turn, 0);
    return taken;
}

void turn_give(struct turn *turn)
{
    struct flock whole = {.l_type = F_UNLCK, .l_whence = SEEK_SET};
    (void)fcntl(turn->descriptor, F_OFD_SETLK, &whole);
}
