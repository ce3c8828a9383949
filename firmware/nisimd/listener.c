#include "listener.h"

#include <errno.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

/* The front of an appliance that was killed holds its port a moment longer than its keepers live.
 */
#define TRIES_MAX 30
#define PAUSE_NS 100000000L

static int bind_patiently(int descriptor, const struct address *address)
{
    const struct timespec pause = {.tv_nsec = PAUSE_NS};
    int rc = -1;
    for (int tries = 0; rc != 0 && tries < TRIES_MAX; tries++) {
        if (tries > 0)
            nanosleep(&pause, NULL);
        rc = bind(descriptor, (const struct sockaddr *)&address->storage, address->length);
        if (rc == 0)
            rc = listen(descriptor, SOMAXCONN);
        if (rc != 0 && errno != EADDRINUSE)
            return -1;
    }
    return rc;
}

int listener_open(const char *listen_at, struct address *out_address)
{
    const int on = 1;
    struct address address = {.length = 0};
    if (!address_parse(listen_at, &address)) {
        errno = EINVAL;
        return -1;
    }
    int descriptor =
        socket(address.storage.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (descriptor < 0)
        return -1;
    if (setsockopt(descriptor, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) == 0 &&
        bind_patiently(descriptor, &address) == 0 &&
        getsockname(descriptor, (struct sockaddr *)&address.storage, &address.length) == 0) {
        *out_address = address;
        return descriptor;
    }
    int saved = errno;
    close(descriptor);
    errno = saved;
    return -1;
}
