#include "appliance.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "listener.h"
#include "lock.h"
#include "log.h"

#define NUMBER_BYTES 16
/* A start takes many PKCS#11 calls, each of which may take token.call_timeout. */
#define PATIENCE_CALLS 10

_Static_assert(FRONT_FD_CHANNELS + KEEPERS_MAX + 1 - SPAWN_FIRST_FD <= SPAWN_FDS_MAX,
               "a front's descriptors can all be placed");

static bool refuse(struct appliance *appliance, enum exit_code exit)
{
    appliance->exit = exit;
    return false;
}

static bool find_programs(struct appliance *appliance)
{
    const char *missing = NULL;
    if (programs_find(&appliance->programs, &missing))
        return true;
    log_line(LOG_LEVEL_ERROR, "program-missing",
             "name=%s reason=\"neither beside nisimd nor in %s\"", missing, NISIM_LIBEXECDIR);
    return refuse(appliance, EXIT_PROGRAM);
}

static bool take_lock(struct appliance *appliance)
{
    pid_t holder = 0;
    const char *store = appliance->config->store;
    switch (lock_take(store, &appliance->lock, &holder)) {
    case LOCK_TAKEN:
        return true;
    case LOCK_HELD:
        log_line(LOG_LEVEL_ERROR, "store-in-use",
                 "file=\"%s\" holder=%ld reason=\"the nisimd with this pid, or a keeper it left "
                 "behind, uses the store\"",
                 store, (long)holder);
        return refuse(appliance, EXIT_LOCKED);
    case LOCK_FAILED:
        log_line(LOG_LEVEL_ERROR, "store-unusable",
                 "file=\"%s.lock\" reason=\"%s; the store's folder must exist and be writable\"",
                 store, strerror(errno));
        return refuse(appliance, EXIT_STORE);
    case LOCK_STOPPED:
        break;
    }
    return refuse(appliance, EXIT_DONE);
}

/* -1 after logging why not. out_bound is the address with the port that it has. */
static int listen_at(const char *option, const char *text, char out_bound[ADDRESS_TEXT_BYTES])
{
    struct address address;
    int listener = listener_open(text, &address);
    if (listener >= 0)
        address_format(&address, out_bound);
    else
        log_line(LOG_LEVEL_ERROR, "listen-failed", "option=%s address=%s reason=\"%s\"", option,
                 text, strerror(errno));
    return listener;
}

static bool start_listening(struct appliance *appliance)
{
    const struct config *config = appliance->config;
    char bound[ADDRESS_TEXT_BYTES];
    appliance->listener = listen_at("listen", config->listen, appliance->listening);
    if (appliance->listener < 0)
        return refuse(appliance, EXIT_LISTEN);
    if (config->metrics == NULL)
        return true;
    appliance->metrics = listen_at("metrics", config->metrics, bound);
    if (appliance->metrics < 0)
        return refuse(appliance, EXIT_LISTEN);
    log_line(LOG_LEVEL_INFO, "metrics-listening", "listen=%s", bound);
    return true;
}

static bool open_channels(struct appliance *appliance)
{
    for (size_t i = 0; i < appliance->keeper_count; i++) {
        int ends[2];
        if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, ends) != 0) {
            log_line(LOG_LEVEL_ERROR, "no-channel", "reason=\"%s\"", strerror(errno));
            return refuse(appliance, EXIT_LOST);
        }
        appliance->keeper_ends[i] = ends[0];
        appliance->front_ends[i] = ends[1];
    }
    return true;
}

static void init(struct appliance *appliance)
{
    char name[sizeof "keeper-" + NUMBER_BYTES];
    assert(appliance->config->keepers <= KEEPERS_MAX);
    appliance->listener = -1;
    appliance->metrics = -1;
    appliance->lock = -1;
    appliance->control = -1;
    appliance->keeper_count = appliance->config->keepers;
    child_init(&appliance->front, "front");
    for (size_t i = 0; i < appliance->keeper_count; i++) {
        snprintf(name, sizeof name, "keeper-%u", (unsigned)i);
        child_init(&appliance->keepers[i], name);
        appliance->keeper_ends[i] = -1;
        appliance->front_ends[i] = -1;
    }
}

bool appliance_open(struct appliance *appliance, const struct config *config,
                    const char *config_path, int config_bytes)
{
    appliance->config = config;
    appliance->config_path = config_path;
    appliance->config_bytes = config_bytes;
    init(appliance);
    /* The lock first: while it is held by a former appliance, its port is too. */
    return find_programs(appliance) && take_lock(appliance) && start_listening(appliance) &&
           open_channels(appliance);
}

static void close_descriptor(int *descriptor)
{
    if (*descriptor >= 0)
        close(*descriptor);
    *descriptor = -1;
}

void appliance_close(struct appliance *appliance)
{
    for (size_t i = 0; i < appliance->keeper_count; i++) {
        close_descriptor(&appliance->keeper_ends[i]);
        close_descriptor(&appliance->front_ends[i]);
    }
    close_descriptor(&appliance->control);
    appliance_stop_listening(appliance);
    close_descriptor(&appliance->lock);
}

static char *number_text(uint32_t number, char out_text[NUMBER_BYTES])
{
    snprintf(out_text, NUMBER_BYTES, "%u", number);
    return out_text;
}

static int64_t patience_ms(const struct appliance *appliance)
{
    return INT64_C(1000) * PATIENCE_CALLS * appliance->config->token_call_timeout;
}

bool appliance_start_keeper(struct appliance *appliance, size_t index, int64_t now_ms)
{
    struct child *child = &appliance->keepers[index];
    char index_text[NUMBER_BYTES];
    char generation[NUMBER_BYTES];
    char path[CONFIG_TEXT_BYTES_MAX + 1];
    struct spawn_descriptors descriptors = {.count = KEEPER_FD_LOCK - SPAWN_FIRST_FD + 1};
    child->generation++;
    snprintf(path, sizeof path, "%s", appliance->config_path);
    char *const argv[] = {appliance->programs.keeper, number_text((uint32_t)index, index_text),
                          number_text(child->generation, generation), path, NULL};
    descriptors.list[KEEPER_FD_CONFIG - SPAWN_FIRST_FD] = appliance->config_bytes;
    descriptors.list[KEEPER_FD_CHANNEL - SPAWN_FIRST_FD] = appliance->keeper_ends[index];
    descriptors.list[KEEPER_FD_LOCK - SPAWN_FIRST_FD] = appliance->lock;
    return child_start(child, argv, &descriptors, KEEPER_FD_READY - SPAWN_FIRST_FD, now_ms,
                       patience_ms(appliance));
}

static bool start_front(struct appliance *appliance, int control, int64_t now_ms)
{
    struct child *child = &appliance->front;
    char generation[NUMBER_BYTES];
    char keepers[NUMBER_BYTES];
    char path[CONFIG_TEXT_BYTES_MAX + 1];
    struct spawn_descriptors descriptors = {.count = FRONT_FD_CHANNELS - SPAWN_FIRST_FD};
    child->generation++;
    snprintf(path, sizeof path, "%s", appliance->config_path);
    char *const argv[] = {appliance->programs.front, number_text(child->generation, generation),
                          number_text((uint32_t)appliance->keeper_count, keepers), path, NULL};
    descriptors.list[FRONT_FD_CONFIG - SPAWN_FIRST_FD] = appliance->config_bytes;
    descriptors.list[FRONT_FD_LISTENER - SPAWN_FIRST_FD] = appliance->listener;
    descriptors.list[FRONT_FD_CONTROL - SPAWN_FIRST_FD] = control;
    for (size_t i = 0; i < appliance->keeper_count; i++)
        descriptors.list[descriptors.count++] = appliance->front_ends[i];
    if (appliance->metrics >= 0)
        descriptors.list[descriptors.count++] = appliance->metrics;
    return child_start(child, argv, &descriptors, FRONT_FD_READY - SPAWN_FIRST_FD, now_ms,
                       patience_ms(appliance));
}

bool appliance_start_front(struct appliance *appliance, int64_t now_ms)
{
    int ends[2];
    if (pipe2(ends, O_CLOEXEC | O_NONBLOCK) != 0)
        return false;
    bool started = start_front(appliance, ends[0], now_ms);
    int saved = errno;
    close(ends[0]);
    if (started)
        appliance->control = ends[1];
    else
        close(ends[1]);
    errno = saved;
    return started;
}

void appliance_tell_front(const struct appliance *appliance, size_t index)
{
    const uint8_t octet = (uint8_t)index;
    /* EPIPE: the front died too, and a new one asks the keepers itself. */
    if (appliance->control >= 0 && write(appliance->control, &octet, 1) != 1 && errno != EPIPE)
        log_line(LOG_LEVEL_WARNING, "front-not-told", "keeper=%zu reason=\"%s\"", index,
                 strerror(errno));
}

void appliance_forget_front(struct appliance *appliance)
{
    close_descriptor(&appliance->control);
}

void appliance_stop_listening(struct appliance *appliance)
{
    close_descriptor(&appliance->listener);
    close_descriptor(&appliance->metrics);
}
