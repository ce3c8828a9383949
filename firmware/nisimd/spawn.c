#include "spawn.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "channel.h"
#include "log.h"

/* First out of the way, then into place: a source may lie where another one has to go. */
static bool place_descriptors(const struct spawn_descriptors *descriptors)
{
    int moved[SPAWN_FDS_MAX];
    for (size_t i = 0; i < descriptors->count; i++) {
        moved[i] =
            fcntl(descriptors->list[i], F_DUPFD_CLOEXEC, SPAWN_FIRST_FD + (int)descriptors->count);
        if (moved[i] < 0)
            return false;
    }
    for (size_t i = 0; i < descriptors->count; i++) {
        if (dup2(moved[i], SPAWN_FIRST_FD + (int)i) < 0)
            return false;
    }
    return true;
}

/* nisimd alone answers to the terminal; a child ends by SIGTERM only, and when nisimd does. */
static bool set_signals(void)
{
    struct sigaction ignore = {.sa_handler = SIG_IGN};
    sigset_t none;
    sigemptyset(&none);
    return sigaction(SIGINT, &ignore, NULL) == 0 && sigaction(SIGHUP, &ignore, NULL) == 0 &&
           sigprocmask(SIG_SETMASK, &none, NULL) == 0;
}

static void become(char *const argv[], const struct spawn_descriptors *descriptors, pid_t parent)
{
    if (prctl(PR_SET_PDEATHSIG, SIGTERM, 0, 0, 0) != 0 || getppid() != parent)
        _exit(EXIT_LOST);
    if (place_descriptors(descriptors) && set_signals())
        execv(argv[0], argv);
    log_line(LOG_LEVEL_ERROR, "program-not-started", "file=\"%s\" reason=\"%s\"", argv[0],
             strerror(errno));
    _exit(EXIT_PROGRAM);
}

pid_t spawn(char *const argv[], const struct spawn_descriptors *descriptors)
{
    pid_t parent = getpid();
    assert(descriptors->count <= SPAWN_FDS_MAX);
    pid_t pid = fork();
    if (pid == 0)
        become(argv, descriptors, parent);
    return pid;
}
