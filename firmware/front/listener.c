#include "listener.h"

#include <errno.h>
#include <event2/event_struct.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "clock.h"
#include "connection.h"
#include "connections.h"
#include "log.h"

#define ACCEPTS_PER_TURN 32
#define PAUSE_LEAST_MS 50
#define PAUSE_MOST_MS 5000

struct listener {
    struct front *front;
    int descriptor;
    bool stopped;
    uint32_t pause_ms; /* how long to wait after the next failure */
    struct event readable;
    struct event timer; /* pending: a pause */
};

/* Nothing to accept, or what came is gone already: no reason to pause. */
static bool is_harmless(int error)
{
    switch (error) {
    case EMFILE:
    case ENFILE:
    case ENOBUFS:
    case ENOMEM:
        return false;
    default:
        return true;
    }
}

static void pause_accepting(struct listener *listener, int error)
{
    struct timeval wait = clock_timeval(listener->pause_ms);
    event_del(&listener->readable);
    evtimer_add(&listener->timer, &wait);
    listener->front->counters.pauses_without_means++;
    log_stranger(LOG_LEVEL_WARNING, "accept-paused", "ms=%u reason=\"%s\"", listener->pause_ms,
                 strerror(error));
    listener->pause_ms *= 2;
    if (listener->pause_ms > PAUSE_MOST_MS)
        listener->pause_ms = PAUSE_MOST_MS;
}

/* False when there is no more to accept for now. */
static bool accept_one(struct listener *listener)
{
    struct address address = {.length = sizeof address.storage};
    int descriptor = accept4(listener->descriptor, (struct sockaddr *)&address.storage,
                             &address.length, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (descriptor >= 0) {
        listener->pause_ms = PAUSE_LEAST_MS;
        connection_open(listener->front, descriptor, &address);
        return true;
    }
    int error = errno;
    if (!is_harmless(error))
        pause_accepting(listener, error);
    return error == ECONNABORTED || error == EINTR;
}

static void on_readable(evutil_socket_t descriptor, short what, void *user)
{
    struct listener *listener = user;
    (void)descriptor;
    (void)what;
    for (int i = 0; i < ACCEPTS_PER_TURN; i++) {
        if (connections_full(listener->front->connections)) {
            event_del(&listener->readable);
            listener->front->counters.pauses_at_limit++;
            log_stranger(LOG_LEVEL_WARNING, "connections-full", "limit=%u",
                         connections_count(listener->front->connections));
            return;
        }
        if (!accept_one(listener))
            return;
    }
}

static void on_timer(evutil_socket_t descriptor, short what, void *user)
{
    (void)descriptor;
    (void)what;
    listener_resume(user);
}

struct listener *listener_new(struct front *front, int descriptor)
{
    struct listener *listener = calloc(1, sizeof *listener);
    if (listener == NULL || evutil_make_socket_nonblocking(descriptor) != 0) {
        free(listener);
        return NULL;
    }
    listener->front = front;
    listener->descriptor = descriptor;
    listener->pause_ms = PAUSE_LEAST_MS;
    event_assign(&listener->readable, front->base, descriptor, EV_READ | EV_PERSIST, on_readable,
                 listener);
    evtimer_assign(&listener->timer, front->base, on_timer, listener);
    event_add(&listener->readable, NULL);
    return listener;
}

void listener_free(struct listener **listener)
{
    if (*listener == NULL)
        return;
    listener_stop(*listener);
    free(*listener);
    *listener = NULL;
}

void listener_resume(struct listener *listener)
{
    if (!listener->stopped && !evtimer_pending(&listener->timer, NULL))
        event_add(&listener->readable, NULL);
}

void listener_stop(struct listener *listener)
{
    if (listener->stopped)
        return;
    listener->stopped = true;
    event_del(&listener->readable);
    evtimer_del(&listener->timer);
    close(listener->descriptor);
}
