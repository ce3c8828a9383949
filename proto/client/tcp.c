#include "tcp.h"

#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* 0 when connected, else an errno. */
static int finish(int descriptor, const struct deadline *deadline)
{
    int error = 0;
    socklen_t length = sizeof error;
    int ready = deadline_wait(deadline, descriptor, POLLOUT);
    if (ready == 0)
        return ETIMEDOUT;
    if (ready < 0 || getsockopt(descriptor, SOL_SOCKET, SO_ERROR, &error, &length) != 0)
        return errno;
    return error;
}

static int try_address(const struct addrinfo *address, const struct deadline *deadline,
                       int *out_error)
{
    int yes = 1;
    int descriptor = socket(address->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (descriptor < 0) {
        *out_error = errno;
        return -1;
    }
    int rc = connect(descriptor, address->ai_addr, address->ai_addrlen);
    int error = rc == 0 ? 0 : errno;
    if (error == EINPROGRESS || error == EINTR)
        error = finish(descriptor, deadline);
    if (error != 0) {
        close(descriptor);
        *out_error = error;
        return -1;
    }
    (void)setsockopt(descriptor, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
    return descriptor;
}

static const char *advice(int error)
{
    switch (error) {
    case ECONNREFUSED:
        return "; does an appliance listen there?";
    case ETIMEDOUT:
        return "; does a firewall stand in between?";
    default:
        return "";
    }
}

/* An address that swallows packets leaves time for those after it. */
static int try_all(const struct addrinfo *addresses, const struct deadline *deadline,
                   int *out_error)
{
    size_t left = 0;
    int descriptor = -1;
    for (const struct addrinfo *at = addresses; at != NULL; at = at->ai_next)
        left++;
    for (const struct addrinfo *at = addresses; at != NULL && descriptor < 0; at = at->ai_next) {
        struct deadline share = deadline_share(deadline, left--);
        descriptor = try_address(at, &share, out_error);
    }
    return descriptor;
}

int tcp_connect(const char *host, const char *port, const struct deadline *deadline, char *out_why,
                size_t room)
{
    const struct addrinfo hints = {.ai_socktype = SOCK_STREAM};
    struct addrinfo *addresses = NULL;
    int error = EADDRNOTAVAIL;
    int rc = getaddrinfo(host, port, &hints, &addresses);
    if (rc != 0) {
        snprintf(out_why, room, "%s", gai_strerror(rc));
        return -1;
    }
    int descriptor = try_all(addresses, deadline, &error);
    freeaddrinfo(addresses);
    if (descriptor < 0)
        snprintf(out_why, room, "TCP: %s%s", strerrordesc_np(error), advice(error));
    return descriptor;
}
