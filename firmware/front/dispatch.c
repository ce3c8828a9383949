#include "dispatch.h"

#include <event2/event_struct.h>
#include <stdlib.h>
#include <string.h>

#include "clock.h"
#include "connection.h"
#include "log.h"
#include "name_hash.h"
#include "requests.h"

#define OFFS_MAX 1024
#define PACKETS_PER_TURN 64 /* of one channel before other events have their turn */

struct keeper {
    struct dispatch *dispatch;
    struct link link;
    uint64_t full_ms; /* since when its channel took nothing; 0: it took the last packet */
    size_t off_count; /* CARD_OFFs that found the channel full: they go before anything else */
    uint32_t offs[OFFS_MAX];
    struct event readable;
    struct event writable;
};

struct dispatch {
    struct front *front;
    struct requests *requests;
    struct event timer; /* for the oldest request */
    uint16_t next_ping; /* the keeper to try first */
    uint16_t keeper_count;
    struct keeper *keepers;
    uint8_t packet[CHANNEL_PACKET_BYTES_MAX]; /* wiped after each use */
};

static uint64_t timeout_ms(const struct dispatch *dispatch)
{
    return (uint64_t)dispatch->front->config->request_timeout * 1000;
}

/* Tells who asked, if it is still there, and forgets the request. */
static void finish(struct dispatch *dispatch, struct request *request, enum answerer by,
                   struct frame_header header, const uint8_t *body)
{
    struct counters *counters = &dispatch->front->counters;
    struct connection *connection =
        connections_find(dispatch->front->connections, request->connection);
    header.request_id = request->client_id;
    header.type = request->type;
    counters_note_answer(counters, by, header.type, header.status);
    counters_note_duration(counters, header.type, clock_us() - request->since_us);
    requests_remove(dispatch->requests, request);
    if (connection != NULL)
        connection_answer(connection, &header, body);
}

static void give_up(struct dispatch *dispatch, struct request *request)
{
    struct frame_header header = {
        .version = FRAME_VERSION, .flags = FRAME_FLAG_ANSWER, .status = STATUS_UNAVAILABLE};
    finish(dispatch, request, ANSWERED_BY_FRONT, header, NULL);
}

void dispatch_give_up(struct dispatch *dispatch)
{
    struct request *oldest = NULL;
    while ((oldest = requests_oldest(dispatch->requests)) != NULL)
        give_up(dispatch, oldest);
}

static void arm_timer(struct dispatch *dispatch)
{
    const struct request *oldest = requests_oldest(dispatch->requests);
    if (oldest == NULL || evtimer_pending(&dispatch->timer, NULL))
        return;
    uint64_t due = oldest->asked_ms + timeout_ms(dispatch);
    uint64_t now = clock_ms();
    struct timeval wait = clock_timeval(due > now ? due - now : 0);
    evtimer_add(&dispatch->timer, &wait);
}

static void on_timer(evutil_socket_t descriptor, short what, void *user)
{
    struct dispatch *dispatch = user;
    struct request *oldest = NULL;
    uint64_t now = clock_ms();
    (void)descriptor;
    (void)what;
    while ((oldest = requests_oldest(dispatch->requests)) != NULL &&
           now >= oldest->asked_ms + timeout_ms(dispatch)) {
        log_stranger(LOG_LEVEL_WARNING, "request-timeout", "keeper=%u type=%s", oldest->keeper,
                     message_name(oldest->type));
        give_up(dispatch, oldest);
    }
    arm_timer(dispatch);
}

static void resume_connections(struct dispatch *dispatch)
{
    connections_each(dispatch->front->connections, connection_resume);
}

static void mark(struct keeper *keeper)
{
    link_mark(&keeper->link, requests_next_id(keeper->dispatch->requests));
    if (keeper->link.marker_owed)
        event_add(&keeper->writable, NULL);
}

/* What was asked before the marker and is not answered died with the keeper's former life. */
static void marker_answered(struct keeper *keeper)
{
    struct dispatch *dispatch = keeper->dispatch;
    unsigned lost = 0;
    if (!keeper->link.ready)
        return;
    struct request *request = requests_oldest(dispatch->requests);
    while (request != NULL) {
        struct request *after = requests_after(request);
        if (request->keeper == keeper->link.keeper &&
            request->number < keeper->link.marker_number) {
            give_up(dispatch, request);
            lost++;
        }
        request = after;
    }
    log_line(LOG_LEVEL_INFO, "keeper-usable", "keeper=%u lost=%u", keeper->link.keeper, lost);
}

static void take_answer(struct keeper *keeper, const struct link_packet *packet)
{
    struct requests *requests = keeper->dispatch->requests;
    struct request *request =
        keeper->link.trusted
            ? requests_find(requests, packet->header.request_id, keeper->link.keeper)
            : NULL;
    if (request == NULL)
        return; /* to a front before us, or too late */
    if (packet->header.type == request->type) {
        finish(keeper->dispatch, request, ANSWERED_BY_KEEPER, packet->header, packet->body);
        return;
    }
    log_line(LOG_LEVEL_ERROR, "keeper-confused", "keeper=%u asked=%u answered=%u",
             keeper->link.keeper, request->type, packet->header.type);
    give_up(keeper->dispatch, request);
}

static void take_packet(struct keeper *keeper, const struct link_packet *packet)
{
    if (packet->header.type == MESSAGE_HELLO) {
        keeper->link.ready = false;
        log_line(LOG_LEVEL_INFO, "keeper-ready", "keeper=%u generation=%u", keeper->link.keeper,
                 packet->header.request_id);
        mark(keeper);
    } else if (link_marker_answered(&keeper->link, packet)) {
        marker_answered(keeper);
    } else {
        take_answer(keeper, packet);
    }
}

static void on_readable(evutil_socket_t descriptor, short what, void *user)
{
    struct keeper *keeper = user;
    struct dispatch *dispatch = keeper->dispatch;
    struct link_packet packet = {0};
    enum link_result result = LINK_DONE;
    (void)descriptor;
    (void)what;
    for (int i = 0; i < PACKETS_PER_TURN && result != LINK_LATER && !keeper->link.closed; i++) {
        result = link_receive(&keeper->link, dispatch->packet, &packet);
        if (result == LINK_DONE)
            take_packet(keeper, &packet);
        if (result == LINK_INVALID)
            log_line(LOG_LEVEL_ERROR, "keeper-invalid", "keeper=%u", keeper->link.keeper);
    }
    secret_wipe(dispatch->packet, sizeof dispatch->packet);
    if (keeper->link.closed) {
        event_del(&keeper->readable);
        log_line(LOG_LEVEL_ERROR, "keeper-channel-closed", "keeper=%u", keeper->link.keeper);
    }
}

static enum link_result send_off(struct keeper *keeper, uint32_t connection)
{
    const struct channel_stamp stamp = {.client = CHANNEL_STAMP_FRONT, .connection = connection};
    struct frame_header header = {.version = FRAME_VERSION,
                                  .type = MESSAGE_CARD_OFF,
                                  .request_id = requests_next_id(keeper->dispatch->requests)};
    return link_send(&keeper->link, stamp, &header, NULL);
}

/* False while some are still owed. */
static bool send_offs(struct keeper *keeper)
{
    size_t sent = 0;
    while (sent < keeper->off_count && send_off(keeper, keeper->offs[sent]) != LINK_LATER)
        sent++;
    keeper->off_count -= sent;
    if (sent > 0)
        memmove(keeper->offs, keeper->offs + sent, keeper->off_count * sizeof keeper->offs[0]);
    return keeper->off_count == 0;
}

/* The card in use on this connection, or all cards (0), are done with. */
static void switch_off(struct keeper *keeper, uint32_t connection)
{
    if (keeper->off_count == OFFS_MAX) {
        /* It rests in the keeper until its place is needed. */
        log_line(LOG_LEVEL_WARNING, "card-off-lost", "keeper=%u", keeper->link.keeper);
        return;
    }
    keeper->offs[keeper->off_count++] = connection;
    if (!send_offs(keeper))
        event_add(&keeper->writable, NULL);
}

void dispatch_card_off(struct dispatch *dispatch, uint32_t connection)
{
    for (uint16_t i = 0; i < dispatch->keeper_count; i++)
        switch_off(&dispatch->keepers[i], connection);
}

static void on_writable(evutil_socket_t descriptor, short what, void *user)
{
    struct keeper *keeper = user;
    (void)descriptor;
    (void)what;
    if (!send_offs(keeper))
        event_add(&keeper->writable, NULL);
    if (keeper->link.marker_owed)
        mark(keeper);
    resume_connections(keeper->dispatch);
}

void dispatch_keeper_died(struct dispatch *dispatch, uint16_t index)
{
    if (index >= dispatch->keeper_count)
        return;
    struct keeper *keeper = &dispatch->keepers[index];
    keeper->link.ready = false;
    log_line(LOG_LEVEL_WARNING, "keeper-died", "keeper=%u", index);
    mark(keeper); /* should its next life be READY already, this finds it */
    resume_connections(dispatch);
}

/* PING asks whether the appliance can serve: only a keeper that is ready may be asked. */
static struct keeper *choose_ready(struct dispatch *dispatch)
{
    for (uint16_t i = 0; i < dispatch->keeper_count; i++) {
        struct keeper *keeper = &dispatch->keepers[dispatch->next_ping];
        dispatch->next_ping = (uint16_t)((dispatch->next_ping + 1) % dispatch->keeper_count);
        if (keeper->link.ready)
            return keeper;
    }
    return NULL;
}

static struct keeper *choose(struct dispatch *dispatch, const struct subscriber_name *subscriber)
{
    if (subscriber->text[0] == '\0')
        return choose_ready(dispatch);
    return &dispatch->keepers[name_hash(subscriber) % dispatch->keeper_count];
}

static enum link_result forward(struct keeper *keeper, const struct asker *asker,
                                const struct frame_header *header, const uint8_t *body)
{
    struct request request = {.id = requests_next_id(keeper->dispatch->requests),
                              .client_id = header->request_id,
                              .type = header->type,
                              .keeper = keeper->link.keeper,
                              .number = keeper->link.sent,
                              .asked_ms = clock_ms(),
                              .since_us = asker->since_us,
                              .connection = asker->connection};
    struct frame_header forwarded = *header;
    forwarded.request_id = request.id;
    if (!send_offs(keeper))
        return LINK_LATER;
    enum link_result result = link_send(&keeper->link, asker->stamp, &forwarded, body);
    if (result == LINK_DONE) {
        keeper->full_ms = 0;
        requests_add(keeper->dispatch->requests, &request);
        arm_timer(keeper->dispatch);
    }
    return result;
}

/* A channel is full: a keeper that works will make room soon, and then the request can go. */
static bool is_worth_waiting(struct keeper *keeper)
{
    uint64_t now = clock_ms();
    if (keeper->full_ms == 0)
        keeper->full_ms = now;
    return keeper->link.ready && now < keeper->full_ms + timeout_ms(keeper->dispatch);
}

/* Others wait for room in this channel already: who comes now waits behind them. */
static bool has_queue(struct keeper *keeper)
{
    return event_pending(&keeper->writable, EV_WRITE, NULL) != 0 && is_worth_waiting(keeper);
}

/* A connection uses one card at a time: the one before may be with another keeper. */
static void leave_other_keepers(struct keeper *keeper, uint32_t connection)
{
    struct dispatch *dispatch = keeper->dispatch;
    for (uint16_t i = 0; i < dispatch->keeper_count; i++) {
        if (&dispatch->keepers[i] != keeper)
            switch_off(&dispatch->keepers[i], connection);
    }
}

bool dispatch_request(struct dispatch *dispatch, const struct asker *asker,
                      const struct frame_header *header, const uint8_t *body,
                      const struct subscriber_name *subscriber, enum status *out_refusal)
{
    enum status refusal = STATUS_OK;
    struct keeper *keeper = choose(dispatch, subscriber);
    if (dispatch->front->draining) {
        refusal = STATUS_SHUTTING_DOWN;
    } else if (keeper == NULL) {
        refusal = STATUS_UNAVAILABLE;
    } else if (requests_full(dispatch->requests)) {
        refusal = STATUS_BUSY;
    } else if (has_queue(keeper)) {
        return false;
    } else if (forward(keeper, asker, header, body) != LINK_DONE) {
        if (is_worth_waiting(keeper)) {
            event_add(&keeper->writable, NULL);
            return false;
        }
        refusal = keeper->link.ready ? STATUS_BUSY : STATUS_UNAVAILABLE;
    }
    if (refusal == STATUS_OK && header->type == MESSAGE_CARD_RESET)
        leave_other_keepers(keeper, asker->stamp.connection);
    *out_refusal = refusal;
    return true;
}

static void open_keeper(struct dispatch *dispatch, uint16_t index)
{
    struct keeper *keeper = &dispatch->keepers[index];
    int descriptor = FRONT_FD_CHANNELS + index;
    keeper->dispatch = dispatch;
    link_open(&keeper->link, descriptor, index);
    event_assign(&keeper->readable, dispatch->front->base, descriptor, EV_READ | EV_PERSIST,
                 on_readable, keeper);
    event_assign(&keeper->writable, dispatch->front->base, descriptor, EV_WRITE, on_writable,
                 keeper);
    event_add(&keeper->readable, NULL);
    switch_off(keeper, 0);
    mark(keeper);
}

struct dispatch *dispatch_new(struct front *front, uint32_t generation, uint16_t keepers)
{
    struct dispatch *dispatch = calloc(1, sizeof *dispatch);
    if (dispatch == NULL)
        return NULL;
    dispatch->requests = requests_new(front->config->requests_max, generation);
    dispatch->keepers = calloc(keepers, sizeof *dispatch->keepers);
    if (dispatch->requests == NULL || dispatch->keepers == NULL) {
        requests_free(&dispatch->requests);
        free(dispatch->keepers);
        free(dispatch);
        return NULL;
    }
    dispatch->front = front;
    evtimer_assign(&dispatch->timer, front->base, on_timer, dispatch);
    for (uint16_t i = 0; i < keepers; i++) {
        dispatch->keeper_count++;
        open_keeper(dispatch, i);
    }
    return dispatch;
}

uint32_t dispatch_in_hand(const struct dispatch *dispatch)
{
    return requests_count(dispatch->requests);
}

const struct link *dispatch_link(const struct dispatch *dispatch, uint16_t index)
{
    return index < dispatch->keeper_count ? &dispatch->keepers[index].link : NULL;
}

void dispatch_free(struct dispatch **dispatch)
{
    if (*dispatch == NULL)
        return;
    for (uint16_t i = 0; i < (*dispatch)->keeper_count; i++) {
        event_del(&(*dispatch)->keepers[i].readable);
        event_del(&(*dispatch)->keepers[i].writable);
    }
    evtimer_del(&(*dispatch)->timer);
    requests_free(&(*dispatch)->requests);
    free((*dispatch)->keepers);
    free(*dispatch);
    *dispatch = NULL;
}
