#include "connection.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "access.h"
#include "clock.h"
#include "connection_state.h"
#include "dispatch.h"
#include "hex.h"
#include "listener.h"
#include "log.h"

#define WRITE_BYTES_MOST 16384 /* one TLS record */
#define DISCARDS_PER_TURN 16

static void run(struct connection *connection);

void connection_leave(struct connection *connection, enum connection_state next, const char *reason)
{
    const struct client *client = connection->client;
    if (!connection->left && client != NULL)
        log_stranger(LOG_LEVEL_INFO, "connection-closed", "client=%s address=%s reason=\"%s\"",
                     client->name, connection->address, reason);
    if (!connection->left && client == NULL) {
        connection->front->counters.refused[connection->refusal]++;
        log_stranger(LOG_LEVEL_WARNING, "connection-refused", "address=%s reason=\"%s\"",
                     connection->address, reason);
    }
    connection->left = true;
    connection->state = next;
    connection->state_ms = clock_ms();
    connection->blocked_ms = 0;
    if (next == CONNECTION_LINGER && shutdown(connection->descriptor, SHUT_WR) != 0)
        connection->state = CONNECTION_GONE;
}

void connection_put(struct connection *connection, const struct frame_header *header,
                    const uint8_t *body)
{
    if (connection->output.frames == 0)
        connection->answer_ms = clock_ms();
    if (!output_add(&connection->output, header, body))
        connection->no_memory = true;
}

bool connection_has_room(const struct connection *connection)
{
    return connection->state == CONNECTION_OPEN && connection->in_hand + connection->output.frames <
                                                       connection->front->config->in_flight_max;
}

void connection_answer(struct connection *connection, const struct frame_header *header,
                       const uint8_t *body)
{
    connection->in_hand--;
    connection->active_ms = clock_ms();
    if (connection->state != CONNECTION_OPEN && connection->state != CONNECTION_CLOSING)
        return;
    connection_put(connection, header, body);
    event_active(&connection->writable, EV_WRITE, 0); /* once for all answers of this turn */
}

void connection_resume(struct connection *connection)
{
    if (connection->blocked_ms != 0)
        event_active(&connection->readable, EV_READ, 0);
}

void connection_drain(struct connection *connection)
{
    event_active(&connection->readable, EV_READ, 0);
}

void connection_drop(struct connection *connection)
{
    struct front *front = connection->front;
    event_del(&connection->readable);
    event_del(&connection->writable);
    event_del(&connection->timer);
    if (connection->uses_card && front->dispatch != NULL)
        dispatch_card_off(front->dispatch, (uint32_t)connection->handle.serial);
    SSL_free(connection->ssl);
    close(connection->descriptor);
    output_free(&connection->output);
    connections_remove(front->connections, connection->handle);
    free(connection);
    if (!front->draining)
        listener_resume(front->listener);
    else if (connections_count(front->connections) == 0)
        event_base_loopexit(front->base, NULL);
}

static void greet(struct connection *connection)
{
    const struct config *config = connection->front->config;
    const struct client *client = connection->client;
    struct hello hello = {.max_body = FRAME_BODY_BYTES_MAX,
                          .max_in_flight = (uint16_t)config->in_flight_max,
                          .forms = client->forms,
                          .idle_timeout = config->idle_timeout,
                          .software = "nisim " NISIM_VERSION};
    uint8_t bytes[FRAME_HEADER_BYTES + NAME_BYTES_MAX + 128];
    struct wire_writer writer = wire_writer_of(bytes, sizeof bytes);
    struct frame_header header = {.type = MESSAGE_HELLO, .flags = FRAME_FLAG_ANSWER};
    snprintf(hello.client_name, sizeof hello.client_name, "%s", client->name);
    frame_begin(&writer);
    hello_write(&writer, &hello);
    if (!frame_end(&writer, header)) {
        connection_leave(connection, CONNECTION_CLOSING, "HELLO too long");
        return;
    }
    header = frame_header_read(bytes);
    connection_put(connection, &header, bytes + FRAME_HEADER_BYTES);
    connection->state = CONNECTION_OPEN;
    connection->active_ms = clock_ms();
    log_stranger(LOG_LEVEL_INFO, "connection-opened", "client=%s address=%s", client->name,
                 connection->address);
}

/* The operator may want to list it: the log says what to write into the configuration. */
static void turn_away(struct connection *connection, X509 *certificate)
{
    uint8_t digest[EVP_MAX_MD_SIZE] = {0};
    unsigned length = 0;
    char hex[HEX_TEXT_BYTES(EVP_MAX_MD_SIZE)] = "";
    char reason[sizeof hex + 64];
    struct frame_header header = {.version = FRAME_VERSION,
                                  .type = MESSAGE_HELLO,
                                  .flags = FRAME_FLAG_ANSWER,
                                  .status = STATUS_CLIENT_NOT_LISTED};
    if (X509_digest(certificate, EVP_sha256(), digest, &length) == 1)
        hex_encode(digest, length, hex);
    snprintf(reason, sizeof reason, "certificate not listed, sha256:%s", hex);
    connection_put(connection, &header, NULL);
    connection->refusal = REFUSAL_UNLISTED;
    connection_leave(connection, CONNECTION_CLOSING, reason);
}

static void recognise(struct connection *connection)
{
    X509 *certificate = SSL_get1_peer_certificate(connection->ssl);
    if (certificate == NULL) {
        connection_leave(connection, CONNECTION_GONE, "no certificate");
        return;
    }
    connection->client = access_find(connection->front->config, certificate);
    if (connection->client != NULL)
        greet(connection);
    else
        turn_away(connection, certificate);
    X509_free(certificate);
}

/* As what a connection counts whose handshake came to this. */
static enum refusal refusal_of(const struct connection *connection, enum tls_result result)
{
    if (result == TLS_BROKEN || result == TLS_CLOSED)
        return REFUSAL_LOST;
    return SSL_get_verify_result(connection->ssl) == X509_V_OK ? REFUSAL_HANDSHAKE
                                                               : REFUSAL_CERTIFICATE;
}

/* What a TLS call came to, where it was not done. */
static void not_done(struct connection *connection, enum tls_result result, const char *reason)
{
    connection->wants_read = connection->wants_read || result == TLS_WANT_READ;
    connection->wants_write = connection->wants_write || result == TLS_WANT_WRITE;
    if (result == TLS_FAILED)
        connection_leave(connection, CONNECTION_LINGER, reason);
    if (result == TLS_BROKEN || result == TLS_CLOSED)
        connection_leave(connection, CONNECTION_GONE, reason);
}

static void shake_hands(struct connection *connection)
{
    char reason[TLS_REASON_BYTES] = "closed in the handshake";
    enum tls_result result = tls_handshake(connection->front->tls, connection->ssl, reason);
    connection->refusal = refusal_of(connection, result);
    if (result == TLS_DONE)
        recognise(connection);
    else
        not_done(connection, result, reason);
}

static void write_answers(struct connection *connection)
{
    char reason[TLS_REASON_BYTES] = "closed by client";
    const uint8_t *bytes = NULL;
    size_t length = 0;
    enum tls_result result = TLS_DONE;
    while (result == TLS_DONE && (bytes = output_next(&connection->output, &length)) != NULL) {
        size_t sent = 0;
        if (length > WRITE_BYTES_MOST)
            length = WRITE_BYTES_MOST;
        result = tls_write(connection->ssl, bytes, length, &sent, reason);
        if (result == TLS_DONE && output_sent(&connection->output, sent) > 0) {
            connection->answer_ms = clock_ms();
            connection->active_ms = connection->answer_ms;
        }
    }
    if (result != TLS_DONE)
        not_done(connection, result, reason);
}

static void say_goodbye(struct connection *connection)
{
    enum tls_result result = tls_close(connection->ssl);
    if (result == TLS_DONE)
        connection_leave(connection, CONNECTION_LINGER, "");
    else
        not_done(connection, result, "");
}

/* Unread bytes at close() would reset the connection and take our last answer with them. */
static void discard(struct connection *connection)
{
    uint8_t waste[2048];
    ssize_t got = 1;
    for (int i = 0; i < DISCARDS_PER_TURN && got > 0; i++)
        got = read(connection->descriptor, waste, sizeof waste);
    if (got == 0 || (got < 0 && errno != EAGAIN && errno != EINTR))
        connection->state = CONNECTION_GONE;
    connection->wants_read = true;
}

static bool is_done(const struct connection *connection)
{
    return connection->in_hand == 0 && connection->output.frames == 0;
}

static void close_if_done(struct connection *connection)
{
    if (connection->front->draining && connection->state == CONNECTION_OPEN &&
        is_done(connection) && !connection->paused)
        connection_leave(connection, CONNECTION_CLOSING, "shutting down");
    if (connection->front->draining && connection->state == CONNECTION_HANDSHAKE) {
        connection->refusal = REFUSAL_STOPPING;
        connection_leave(connection, CONNECTION_GONE, "shutting down");
    }
    if (connection->state == CONNECTION_CLOSING && is_done(connection))
        connection->state = CONNECTION_GOODBYE;
}

static void on_readable_or_writable(evutil_socket_t descriptor, short what, void *user)
{
    (void)descriptor;
    (void)what;
    run(user);
}

static void expire(struct connection *connection, enum deadline deadline)
{
    switch (deadline) {
    case DEADLINE_NONE:
    case DEADLINE_BLOCKED:
        return;
    case DEADLINE_HANDSHAKE:
        connection->refusal = REFUSAL_TIMEOUT;
        connection_leave(connection, CONNECTION_GONE, "handshake timeout");
        return;
    case DEADLINE_ANSWER:
        connection_leave(connection, CONNECTION_GONE, "answer not taken");
        return;
    case DEADLINE_FRAME:
        connection_leave(connection, CONNECTION_CLOSING, "frame timeout");
        return;
    case DEADLINE_IDLE:
        connection_leave(connection, CONNECTION_CLOSING, "idle timeout");
        return;
    case DEADLINE_CLOSE:
        connection_leave(connection, CONNECTION_GONE, "");
        return;
    }
}

static void on_timer(evutil_socket_t descriptor, short what, void *user)
{
    struct connection *connection = user;
    uint64_t due = 0;
    enum deadline deadline = connection_deadline(connection, &due);
    (void)descriptor;
    (void)what;
    if (deadline != DEADLINE_NONE && clock_ms() >= due)
        expire(connection, deadline);
    run(connection);
}

static bool arm(struct event *event, bool wanted)
{
    return (wanted ? event_add(event, NULL) : event_del(event)) == 0;
}

static bool arm_timer(struct connection *connection)
{
    uint64_t due = 0;
    uint64_t now = clock_ms();
    if (connection_deadline(connection, &due) == DEADLINE_NONE)
        return event_del(&connection->timer) == 0;
    struct timeval wait = clock_timeval(due > now ? due - now : 0);
    return event_add(&connection->timer, &wait) == 0;
}

/* Waits for what it needs next; goes on soon when it paused and may read again. */
static void settle(struct connection *connection)
{
    if (!arm(&connection->readable, connection->wants_read) ||
        !arm(&connection->writable, connection->wants_write) || !arm_timer(connection)) {
        connection_leave(connection, CONNECTION_GONE, "no event");
        connection_drop(connection);
        return;
    }
    /* After arming: that would take it back. */
    if (connection->paused && connection_has_room(connection) && connection->blocked_ms == 0)
        event_active(&connection->readable, EV_READ, 0);
}

static void run(struct connection *connection)
{
    connection->wants_read = false;
    connection->wants_write = false;
    if (connection->state == CONNECTION_HANDSHAKE)
        shake_hands(connection);
    if (connection->state == CONNECTION_OPEN)
        connection_read_requests(connection);
    if (connection->state == CONNECTION_OPEN || connection->state == CONNECTION_CLOSING)
        write_answers(connection);
    if (connection->no_memory)
        connection_leave(connection, CONNECTION_GONE, "no memory");
    close_if_done(connection);
    if (connection->state == CONNECTION_GOODBYE)
        say_goodbye(connection);
    if (connection->state == CONNECTION_LINGER)
        discard(connection);
    if (connection->state == CONNECTION_GONE)
        connection_drop(connection);
    else
        settle(connection);
}

void connection_open(struct front *front, int descriptor, const struct address *address)
{
    int yes = 1;
    struct connection *connection = calloc(1, sizeof *connection);
    SSL *ssl = tls_accept_new(front->tls, descriptor);
    front->counters.accepted++;
    if (connection == NULL || ssl == NULL) {
        front->counters.refused[REFUSAL_MEMORY]++;
        log_stranger(LOG_LEVEL_ERROR, "connection-refused", "reason=\"no memory\"");
        SSL_free(ssl);
        free(connection);
        close(descriptor);
        return;
    }
    (void)setsockopt(descriptor, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
    connection->front = front;
    connection->descriptor = descriptor;
    connection->ssl = ssl;
    connection->state_ms = clock_ms();
    address_format(address, connection->address);
    connection->handle = connections_add(front->connections, connection);
    event_assign(&connection->readable, front->base, descriptor, EV_READ | EV_PERSIST,
                 on_readable_or_writable, connection);
    event_assign(&connection->writable, front->base, descriptor, EV_WRITE | EV_PERSIST,
                 on_readable_or_writable, connection);
    evtimer_assign(&connection->timer, front->base, on_timer, connection);
    connection->wants_read = true;
    settle(connection);
}
