#include "warden.h"

#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "log.h"
#include "notify.h"

/* What a child may take beyond limits.drain_timeout before it is killed. */
#define DRAIN_GRACE_MS 2000
#define HOW_BYTES 64

enum phase {
    PHASE_SERVE,
    PHASE_DRAIN_FRONT,   /* the front answers what is in hand */
    PHASE_DRAIN_KEEPERS, /* the front is gone */
};

struct warden {
    struct appliance *appliance;
    int signals;
    enum phase phase;
    bool all_up;
    bool was_up; /* once: from then on only a wrong PIN and an old store end the appliance */
    int64_t drain_until_ms;
    enum exit_code exit;
};

static int64_t clock_ms(void)
{
    struct timespec now = {0};
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* The keepers, then the front; NULL after it. */
static struct child *child_at(const struct warden *warden, size_t index)
{
    struct appliance *appliance = warden->appliance;
    if (index < appliance->keeper_count)
        return &appliance->keepers[index];
    return index == appliance->keeper_count ? &appliance->front : NULL;
}

static bool is_front(const struct warden *warden, const struct child *child)
{
    return child == &warden->appliance->front;
}

static bool keepers_have(const struct warden *warden, enum child_state state)
{
    for (size_t i = 0; i < warden->appliance->keeper_count; i++) {
        if (warden->appliance->keepers[i].state == state)
            return true;
    }
    return false;
}

static bool has_process(const struct warden *warden)
{
    const struct child *child = NULL;
    for (size_t i = 0; (child = child_at(warden, i)) != NULL; i++) {
        if (child->pid != 0)
            return true;
    }
    return false;
}

static void signal_child(const struct child *child, int number)
{
    /* A child that ended is a zombie until it is reaped here, so the pid is still its own. */
    if (child->pid != 0)
        kill(child->pid, number);
}

static int64_t drain_ms(const struct warden *warden)
{
    return INT64_C(1000) * warden->appliance->config->drain_timeout + DRAIN_GRACE_MS;
}

static void begin_drain(struct warden *warden, enum exit_code exit, int64_t now_ms)
{
    struct child *child = NULL;
    if (warden->phase != PHASE_SERVE)
        return;
    warden->phase = PHASE_DRAIN_FRONT;
    warden->exit = exit;
    warden->drain_until_ms = now_ms + drain_ms(warden);
    log_line(LOG_LEVEL_INFO, "appliance-stopping", "exit=%d", (int)exit);
    notify_manager("STOPPING=1");
    appliance_stop_listening(warden->appliance);
    for (size_t i = 0; (child = child_at(warden, i)) != NULL; i++) {
        if (child->pid == 0)
            child_retire(child);
    }
    signal_child(&warden->appliance->front, SIGTERM);
}

static void drain_keepers(struct warden *warden, int64_t now_ms)
{
    warden->phase = PHASE_DRAIN_KEEPERS;
    warden->drain_until_ms = now_ms + drain_ms(warden);
    for (size_t i = 0; i < warden->appliance->keeper_count; i++)
        signal_child(&warden->appliance->keepers[i], SIGTERM);
}

static void describe_end(int status, char out_how[HOW_BYTES])
{
    if (WIFSIGNALED(status))
        snprintf(out_how, HOW_BYTES, "signal %d (%s)", WTERMSIG(status),
                 strsignal(WTERMSIG(status)));
    else
        snprintf(out_how, HOW_BYTES, "exit %d", WEXITSTATUS(status));
}

/* Ends that a new start can't change while nothing has ever worked. */
static bool is_hopeless(enum exit_code exit)
{
    switch (exit) {
    case EXIT_USAGE:
    case EXIT_CONFIG:
    case EXIT_NO_TOKEN:
    case EXIT_STORE:
    case EXIT_PROGRAM:
        return true;
    default:
        return false;
    }
}

/* An end that nisimd does not answer with a new start. */
static bool is_final(const struct warden *warden, int status, enum exit_code *out_exit)
{
    if (!WIFEXITED(status))
        return false;
    *out_exit = (enum exit_code)WEXITSTATUS(status);
    return *out_exit == EXIT_WRONG_PIN || *out_exit == EXIT_OLD_STORE ||
           (!warden->was_up && is_hopeless(*out_exit));
}

static void on_end(struct warden *warden, struct child *child, int status, int64_t now_ms)
{
    char how[HOW_BYTES];
    enum exit_code exit = EXIT_LOST;
    int64_t pause_ms = child_ended(child, now_ms);
    describe_end(status, how);
    warden->all_up = false;
    if (is_front(warden, child))
        appliance_forget_front(warden->appliance);
    else
        appliance_tell_front(warden->appliance, (size_t)(child - warden->appliance->keepers));
    if (warden->phase != PHASE_SERVE) {
        log_line(LOG_LEVEL_INFO, "child-ended", "process=%s how=\"%s\"", child->name, how);
        child_retire(child);
        return;
    }
    if (!is_final(warden, status, &exit)) {
        log_line(LOG_LEVEL_WARNING, "child-ended",
                 "process=%s how=\"%s\" starts_again_in_ms=%" PRId64, child->name, how, pause_ms);
        return;
    }
    log_line(LOG_LEVEL_ERROR, exit == EXIT_WRONG_PIN ? "wrong-pin" : "start-failed",
             "process=%s how=\"%s\" reason=\"%s\"", child->name, how,
             exit == EXIT_WRONG_PIN ? "not tried again: the token might lock; correct the PIN file"
                                    : "the line before says why; not tried again");
    begin_drain(warden, exit, now_ms);
}

static void reap(struct warden *warden, int64_t now_ms)
{
    int status = 0;
    pid_t pid = 0;
    /* Others may be ours too, when we are a container's process 1. */
    while ((pid = waitpid(-1, &status, WNOHANG)) > 0) {
        struct child *child = NULL;
        for (size_t i = 0; (child = child_at(warden, i)) != NULL; i++) {
            if (child->pid == pid)
                on_end(warden, child, status, now_ms);
        }
    }
}

static void take_signals(struct warden *warden, int64_t now_ms)
{
    struct signalfd_siginfo info;
    while (read(warden->signals, &info, sizeof info) == (ssize_t)sizeof info) {
        if (info.ssi_signo == SIGTERM || info.ssi_signo == SIGINT)
            begin_drain(warden, EXIT_DONE, now_ms);
        if (info.ssi_signo == SIGHUP)
            log_line(LOG_LEVEL_INFO, "hangup-ignored",
                     "reason=\"restart nisimd to have the configuration read anew\"");
    }
}

static void note_all_up(struct warden *warden)
{
    const struct child *child = NULL;
    if (warden->all_up || warden->phase != PHASE_SERVE)
        return;
    for (size_t i = 0; (child = child_at(warden, i)) != NULL; i++) {
        if (child->state != CHILD_RUNNING)
            return;
    }
    warden->all_up = true;
    log_line(LOG_LEVEL_INFO, "appliance-ready", "listen=%s keepers=%zu",
             warden->appliance->listening, warden->appliance->keeper_count);
    if (!warden->was_up)
        notify_manager("READY=1");
    warden->was_up = true;
}

static void start(struct warden *warden, struct child *child, int64_t now_ms)
{
    struct appliance *appliance = warden->appliance;
    bool started =
        is_front(warden, child)
            ? appliance_start_front(appliance, now_ms)
            : appliance_start_keeper(appliance, (size_t)(child - appliance->keepers), now_ms);
    if (started)
        return;
    const char *reason = strerror(errno);
    int64_t pause_ms = child_ended(child, now_ms);
    log_line(LOG_LEVEL_ERROR, "child-not-started",
             "process=%s reason=\"%s\" starts_again_in_ms=%" PRId64, child->name, reason, pause_ms);
}

/*
 * Simultaneous log-ins to a token may fail, so one keeper starts at a time. The first front waits
 * for all of them; later ones for none.
 */
static bool may_start(const struct warden *warden, const struct child *child)
{
    if (warden->phase != PHASE_SERVE || child->state != CHILD_WAITING)
        return false;
    if (!is_front(warden, child))
        return !keepers_have(warden, CHILD_STARTING);
    return warden->was_up ||
           (!keepers_have(warden, CHILD_WAITING) && !keepers_have(warden, CHILD_STARTING));
}

static void start_due(struct warden *warden, int64_t now_ms)
{
    struct child *child = NULL;
    for (size_t i = 0; (child = child_at(warden, i)) != NULL; i++) {
        if (may_start(warden, child) && child->at_ms <= now_ms)
            start(warden, child, now_ms);
    }
}

static void kill_late(const struct child *child, const char *reason)
{
    log_line(LOG_LEVEL_ERROR, "child-killed", "process=%s reason=\"%s\"", child->name, reason);
    signal_child(child, SIGKILL);
}

/* Who is not ready, or not gone, in time. Each is killed once: its time is then without end. */
static void enforce_deadlines(struct warden *warden, int64_t now_ms)
{
    struct child *child = NULL;
    bool drained_out = warden->phase != PHASE_SERVE && now_ms >= warden->drain_until_ms;
    for (size_t i = 0; (child = child_at(warden, i)) != NULL; i++) {
        bool its_turn = warden->phase == PHASE_DRAIN_KEEPERS || is_front(warden, child);
        if (child->state == CHILD_STARTING && now_ms >= child->at_ms) {
            kill_late(child, "not ready in time");
            child->at_ms = INT64_MAX;
        } else if (drained_out && its_turn && child->pid != 0) {
            kill_late(child, "not drained in time");
        }
    }
    if (drained_out)
        warden->drain_until_ms = INT64_MAX;
    if (warden->phase == PHASE_DRAIN_FRONT && warden->appliance->front.pid == 0)
        drain_keepers(warden, now_ms);
}

static int64_t earliest(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

/* For poll: milliseconds until something is due, -1 when nothing is. */
static int wait_ms(const struct warden *warden, int64_t now_ms)
{
    const struct child *child = NULL;
    int64_t next = warden->phase == PHASE_SERVE ? INT64_MAX : warden->drain_until_ms;
    for (size_t i = 0; (child = child_at(warden, i)) != NULL; i++) {
        if (child->state == CHILD_STARTING || may_start(warden, child))
            next = earliest(next, child->at_ms);
    }
    if (next == INT64_MAX)
        return -1;
    /* A long wait is cut short without harm: the loop looks and waits again. */
    return next <= now_ms ? 0 : (int)earliest(next - now_ms, 1000000);
}

static void wait_for_news(struct warden *warden, int64_t now_ms)
{
    struct pollfd watched[1 + KEEPERS_MAX + 1];
    const struct child *child = NULL;
    nfds_t count = 0;
    watched[count++] = (struct pollfd){.fd = warden->signals, .events = POLLIN};
    for (size_t i = 0; (child = child_at(warden, i)) != NULL; i++) {
        if (child->ready >= 0)
            watched[count++] = (struct pollfd){.fd = child->ready, .events = POLLIN};
    }
    /* SIGCHLD is blocked and comes by the signalfd, so none is lost between reaping and here. */
    (void)poll(watched, count, wait_ms(warden, now_ms));
}

static void take_ready(struct warden *warden, int64_t now_ms)
{
    struct child *child = NULL;
    for (size_t i = 0; (child = child_at(warden, i)) != NULL; i++) {
        if (child_take_ready(child, now_ms))
            log_line(LOG_LEVEL_DEBUG, "child-ready", "process=%s pid=%ld", child->name,
                     (long)child->pid);
    }
}

enum exit_code warden_run(struct appliance *appliance, int signals)
{
    struct warden warden = {.appliance = appliance, .signals = signals, .exit = EXIT_DONE};
    while (warden.phase != PHASE_DRAIN_KEEPERS || has_process(&warden)) {
        int64_t now_ms = clock_ms();
        take_signals(&warden, now_ms);
        take_ready(&warden, now_ms);
        reap(&warden, now_ms);
        start_due(&warden, now_ms);
        note_all_up(&warden);
        enforce_deadlines(&warden, now_ms);
        if (warden.phase != PHASE_DRAIN_KEEPERS || has_process(&warden))
            wait_for_news(&warden, now_ms);
    }
    return warden.exit;
}
