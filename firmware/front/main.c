/* nisim-front: the process that faces the network. Started by nisimd only (channel.h). */
#include <errno.h>
#include <event2/event.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "channel.h"
#include "clock.h"
#include "config.h"
#include "confine.h"
#include "connection.h"
#include "connections.h"
#include "dispatch.h"
#include "front.h"
#include "listener.h"
#include "log.h"
#include "scrapers.h"
#include "tls.h"
#include "tls_key.h"

#define KEEPERS_MAX 64
#define OTHER_DESCRIPTORS (32 + SCRAPERS_MAX) /* beside connections and channels */
/* Parts of limits.drain_timeout, in milliseconds of each second: first for the keepers to answer,
 * then for the clients to take an answer. The rest is for the process to end in time. */
#define DRAIN_KEEPERS_MS 700
#define DRAIN_CLIENTS_MS 200

struct arguments {
    uint32_t generation;
    uint16_t keepers;
    const char *config_path;
};

static struct front front;
static struct event *stop_events[2];
static struct event *control_event;
static struct event *drain_event;
static bool abandoned; /* draining took too long: requests in hand were answered UNAVAILABLE */

static bool parse_number(const char *text, unsigned long most, unsigned long *out_number)
{
    char *end = NULL;
    errno = 0;
    unsigned long number = strtoul(text, &end, 10);
    if (errno != 0 || end == text || *end != '\0' || number > most)
        return false;
    *out_number = number;
    return true;
}

static bool parse_arguments(int argc, char **argv, struct arguments *out_arguments)
{
    unsigned long generation = 0;
    unsigned long keepers = 0;
    if (argc != 4 || !parse_number(argv[1], UINT32_MAX, &generation) || generation == 0 ||
        !parse_number(argv[2], KEEPERS_MAX, &keepers) || keepers == 0)
        return false;
    *out_arguments = (struct arguments){
        .generation = (uint32_t)generation, .keepers = (uint16_t)keepers, .config_path = argv[3]};
    return true;
}

static enum exit_code fail(enum exit_code code, const char *why)
{
    log_line(LOG_LEVEL_ERROR, "front-failed", "reason=\"%s\"", why);
    return code;
}

/* As many descriptors as the hard limit allows; a warning when that is too few. */
static void raise_descriptor_limit(const struct config *config, uint16_t keepers)
{
    struct rlimit limit = {0};
    rlim_t wanted = (rlim_t)config->connections_max + keepers + OTHER_DESCRIPTORS;
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0)
        return;
    limit.rlim_cur = limit.rlim_max;
    if (setrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_max < wanted)
        log_line(LOG_LEVEL_WARNING, "descriptors-few", "have=%llu limits.connections-needs=%llu",
                 (unsigned long long)limit.rlim_max, (unsigned long long)wanted);
}

static void wait_for_drain(uint64_t part_ms)
{
    struct timeval wait = clock_timeval(front.config->drain_timeout * part_ms);
    evtimer_add(drain_event, &wait);
}

static void drain(void)
{
    if (front.draining)
        return;
    front.draining = true;
    listener_stop(front.listener);
    scrapers_free(&front.scrapers);
    log_line(LOG_LEVEL_INFO, "draining", "connections=%u", connections_count(front.connections));
    wait_for_drain(DRAIN_KEEPERS_MS);
    connections_each(front.connections, connection_drain);
    if (connections_count(front.connections) == 0)
        event_base_loopexit(front.base, NULL);
}

static void on_stop(evutil_socket_t number, short what, void *user)
{
    (void)number;
    (void)what;
    (void)user;
    drain();
}

static void on_drain_timeout(evutil_socket_t descriptor, short what, void *user)
{
    (void)descriptor;
    (void)what;
    (void)user;
    log_line(LOG_LEVEL_WARNING, "drain-timeout", "connections=%u",
             connections_count(front.connections));
    if (abandoned) {
        event_base_loopexit(front.base, NULL);
        return;
    }
    abandoned = true;
    dispatch_give_up(front.dispatch);
    wait_for_drain(DRAIN_CLIENTS_MS);
}

/* Without nisimd there is nobody to restart a keeper, or us. */
static void on_control(evutil_socket_t descriptor, short what, void *user)
{
    uint8_t keepers[64];
    ssize_t got = read(descriptor, keepers, sizeof keepers);
    (void)what;
    (void)user;
    for (ssize_t i = 0; i < got; i++)
        dispatch_keeper_died(front.dispatch, keepers[i]);
    if (got == 0 || (got < 0 && errno != EAGAIN && errno != EINTR)) {
        event_del(control_event);
        drain();
    }
}

static bool add_event(struct event **out_event, int descriptor, short what,
                      event_callback_fn callback)
{
    *out_event = event_new(front.base, descriptor, what, callback, NULL);
    return *out_event != NULL && (what == 0 || event_add(*out_event, NULL) == 0);
}

static bool add_events(void)
{
    return evutil_make_socket_nonblocking(FRONT_FD_CONTROL) == 0 &&
           add_event(&stop_events[0], SIGTERM, EV_SIGNAL | EV_PERSIST, on_stop) &&
           add_event(&stop_events[1], SIGINT, EV_SIGNAL | EV_PERSIST, on_stop) &&
           add_event(&control_event, FRONT_FD_CONTROL, EV_READ | EV_PERSIST, on_control) &&
           add_event(&drain_event, -1, 0, on_drain_timeout);
}

/* Good too where `metrics` is not set: there are none then. */
static bool open_scrapers(const struct arguments *arguments)
{
    if (front.config->metrics != NULL)
        front.scrapers = scrapers_new(&front, FRONT_FD_CHANNELS + arguments->keepers);
    return front.config->metrics == NULL || front.scrapers != NULL;
}

static bool build(const struct arguments *arguments)
{
    front.generation = arguments->generation;
    front.started = time(NULL);
    front.base = event_base_new();
    if (front.base == NULL)
        return false;
    front.connections = connections_new(front.config->connections_max);
    front.dispatch = dispatch_new(&front, arguments->generation, arguments->keepers);
    front.listener = listener_new(&front, FRONT_FD_LISTENER);
    return front.connections != NULL && front.dispatch != NULL && front.listener != NULL &&
           open_scrapers(arguments) && add_events();
}

static void free_event(struct event **event)
{
    if (*event != NULL)
        event_free(*event);
    *event = NULL;
}

static void tear_down(struct config **config)
{
    front.draining = true;
    if (front.connections != NULL)
        connections_each(front.connections, connection_drop);
    connections_free(&front.connections);
    scrapers_free(&front.scrapers);
    listener_free(&front.listener);
    dispatch_free(&front.dispatch);
    free_event(&stop_events[0]);
    free_event(&stop_events[1]);
    free_event(&control_event);
    free_event(&drain_event);
    if (front.base != NULL)
        event_base_free(front.base);
    tls_free(&front.tls);
    config_free(config);
}

static bool say_ready(void)
{
    static const uint8_t ready = 1;
    bool said = write(FRONT_FD_READY, &ready, 1) == 1;
    close(FRONT_FD_READY);
    return said;
}

static enum exit_code serve(const struct arguments *arguments)
{
    char why[CONFIG_WHY_BYTES] = "no memory";
    enum exit_code code = tls_new(front.config, why, &front.tls);
    if (code != EXIT_DONE)
        return fail(code, why);
    raise_descriptor_limit(front.config, arguments->keepers);
    if (!build(arguments))
        return fail(EXIT_LOST, "no memory, or a descriptor is missing");
    if (!confine_front(tls_key_in_token(front.config)))
        return fail(EXIT_LOST, "the process can't be confined");
    if (!say_ready())
        return fail(EXIT_LOST, "nisimd is gone");
    log_line(LOG_LEVEL_INFO, "front-ready", "generation=%u", arguments->generation);
    if (event_base_dispatch(front.base) < 0)
        return fail(EXIT_LOST, "event loop failed");
    return EXIT_DONE;
}

static enum exit_code start(const struct arguments *arguments, struct config **out_config)
{
    char why[CONFIG_WHY_BYTES] = "";
    enum log_level level = LOG_LEVEL_INFO;
    *out_config = config_read_descriptor(FRONT_FD_CONFIG, arguments->config_path, why);
    close(FRONT_FD_CONFIG);
    if (*out_config == NULL)
        return fail(EXIT_CONFIG, why);
    front.config = *out_config;
    if (front.config->log != NULL && log_level_from_name(front.config->log, &level))
        log_start("front", level);
    if (!confine_user(front.config->user_front))
        return fail(EXIT_CONFIG, "users.front: the front can't become this user");
    /* After the user: a change of user undoes what these ask of the kernel. */
    if (!confine_memory() || !confine_lifetime())
        return fail(EXIT_LOST, "the process can't be confined, or nisimd is gone");
    return serve(arguments);
}

int main(int argc, char **argv)
{
    struct arguments arguments = {0};
    struct config *config = NULL;
    log_start("front", LOG_LEVEL_INFO);
    if (!parse_arguments(argc, argv, &arguments)) {
        fprintf(stderr, "nisim-front is started by nisimd\n");
        return EXIT_USAGE;
    }
    enum exit_code code = start(&arguments, &config);
    log_line(LOG_LEVEL_INFO, "front-ends", "exit=%d", (int)code);
    tear_down(&config);
    return (int)code;
}
