#include "serve.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "equip.h"
#include "log.h"

#define WATCH_SECONDS 5 /* how often an idle keeper asks whether the token is still there */

static volatile sig_atomic_t stopping;

static void stop(int signal)
{
    (void)signal;
    stopping = 1;
}

/* SIGTERM is held back but for the moments of waiting, so that it never cuts a batch in two. */
static bool hold_signals(sigset_t *out_while_waiting)
{
    struct sigaction action = {.sa_handler = stop};
    sigset_t term;
    sigemptyset(&term);
    sigaddset(&term, SIGTERM);
    return sigaction(SIGTERM, &action, NULL) == 0 &&
           sigprocmask(SIG_BLOCK, &term, out_while_waiting) == 0 &&
           sigdelset(out_while_waiting, SIGTERM) == 0;
}

/* Takes what waits, without waiting. False when the channel is broken. */
static bool receive(int channel, struct batch *batch)
{
    while (batch->count < KEEPER_BATCH_MAX) {
        struct packet *packet = &batch->requests[batch->count];
        ssize_t got =
            recv(channel, packet->octets, sizeof packet->octets, MSG_DONTWAIT | MSG_TRUNC);
        if (got < 0)
            return errno == EAGAIN || errno == EINTR;
        if (got == 0)
            return false;
        /* A longer packet was cut short: its length then refutes its header. */
        packet->bytes = (size_t)got < sizeof packet->octets ? (size_t)got : sizeof packet->octets;
        batch->count++;
    }
    return true;
}

/* Waits where the front is slow or being restarted: nothing is lost that it can still take. */
static bool send_packet(int channel, const void *packet, size_t bytes, const sigset_t *waiting)
{
    while (send(channel, packet, bytes, MSG_NOSIGNAL | MSG_DONTWAIT) < 0) {
        struct pollfd writable = {.fd = channel, .events = POLLOUT};
        if (errno != EAGAIN && errno != EINTR && errno != ENOBUFS)
            return false;
        if (ppoll(&writable, 1, NULL, waiting) < 0 && stopping)
            return false;
    }
    return true;
}

static bool answer(int channel, const struct batch *batch, const sigset_t *waiting)
{
    for (size_t i = 0; i < batch->count; i++) {
        const struct reply *reply = &batch->replies[i];
        if (!send_packet(channel, reply->packet, reply->bytes, waiting))
            return false;
    }
    return true;
}

static bool announce(int channel, uint32_t generation, const sigset_t *waiting)
{
    uint8_t packet[CHANNEL_STAMP_BYTES + FRAME_HEADER_BYTES] = {0};
    struct frame_header header = {.version = FRAME_VERSION,
                                  .type = MESSAGE_HELLO,
                                  .flags = FRAME_FLAG_ANSWER,
                                  .request_id = generation};
    memset(packet, 0xff, CHANNEL_STAMP_BYTES);
    frame_header_write(&header, packet + CHANNEL_STAMP_BYTES);
    return send_packet(channel, packet, sizeof packet, waiting);
}

/* A round of work. EXIT_DONE: go on. */
static enum exit_code work(struct keeper *keeper, struct batch *batch, int channel,
                           const sigset_t *waiting)
{
    if (!receive(channel, batch))
        return EXIT_LOST;
    enum exit_code exit = batch_run(keeper, batch);
    if (exit == EXIT_DONE && !answer(channel, batch, waiting))
        exit = EXIT_LOST;
    batch_clear(batch);
    if (exit == EXIT_DONE && equip_renew_if_worn(keeper) != HSM_OK)
        exit = EXIT_LOST;
    return exit;
}

static enum exit_code watch(struct keeper *keeper)
{
    if (token_alive(keeper->token) == HSM_OK)
        return EXIT_DONE;
    log_line(LOG_LEVEL_ERROR, "token-lost", "call=\"%s\"", module_fault(keeper->token->module));
    return EXIT_LOST;
}

static enum exit_code loop(struct keeper *keeper, struct batch *batch, int channel,
                           const sigset_t *waiting)
{
    const struct timespec pause = {.tv_sec = WATCH_SECONDS};
    const struct timespec none = {0};
    enum exit_code exit = EXIT_DONE;
    while (exit == EXIT_DONE) {
        struct pollfd readable = {.fd = channel, .events = POLLIN};
        int ready = ppoll(&readable, 1, stopping ? &none : &pause, waiting);
        if (ready < 0 && errno != EINTR)
            return EXIT_LOST;
        if (ready > 0)
            exit = work(keeper, batch, channel, waiting);
        else if (stopping)
            return EXIT_DONE;
        else if (ready == 0)
            exit = watch(keeper);
        anchoring_turn(&keeper->anchoring);
    }
    return exit;
}

enum exit_code serve(struct keeper *keeper, int channel, uint32_t generation)
{
    sigset_t waiting;
    struct batch *batch = secret_pages_new(sizeof *batch);
    keeper->cards = card_sessions_new();
    if (batch == NULL || keeper->cards == NULL || !hold_signals(&waiting)) {
        log_line(LOG_LEVEL_ERROR, "no-memory", "reason=\"%s; RLIMIT_MEMLOCK of 8 MiB suffices\"",
                 strerror(errno));
        card_sessions_free(&keeper->cards);
        secret_pages_free(batch, sizeof *batch);
        return EXIT_LOST;
    }
    enum exit_code exit = EXIT_LOST;
    if (announce(channel, generation, &waiting))
        exit = loop(keeper, batch, channel, &waiting);
    card_sessions_free(&keeper->cards);
    secret_pages_free(batch, sizeof *batch);
    return exit;
}
