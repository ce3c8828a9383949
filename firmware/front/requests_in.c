#include <string.h>

#include "clock.h"
#include "connection_state.h"
#include "dispatch.h"
#include "request.h"

#define READS_PER_TURN 16 /* of one connection before other events have their turn */

static void refuse(struct connection *connection, const struct frame_header *header,
                   struct fault fault)
{
    uint8_t bytes[FRAME_HEADER_BYTES + 8];
    struct wire_writer writer = wire_writer_of(bytes, sizeof bytes);
    if (!frame_write_failure(&writer, header->type, header->request_id, fault))
        return;
    struct frame_header answer = frame_header_read(bytes);
    counters_note_answer(&connection->front->counters, ANSWERED_BY_FRONT, answer.type,
                         answer.status);
    connection_put(connection, &answer, bytes + FRAME_HEADER_BYTES);
}

/* After these the next frame's begin can't be known. */
static bool is_fatal(enum status status)
{
    return status == STATUS_UNSUPPORTED_VERSION || status == STATUS_FRAME_TOO_LARGE ||
           status == STATUS_MALFORMED;
}

/* False while no channel has room; after limits.request_timeout of that the request is BUSY. */
static bool hand_over(struct connection *connection, const struct frame_header *header,
                      const uint8_t *body, const struct subscriber_name *subscriber,
                      enum status *out_refusal)
{
    struct front *front = connection->front;
    uint64_t now_us = clock_us();
    uint64_t now = now_us / 1000;
    struct asker asker = {
        .connection = connection->handle,
        .stamp = {.client = (uint16_t)(connection->client - front->config->clients),
                  .connection = (uint32_t)connection->handle.serial},
        .since_us = connection->blocked_ms == 0 ? now_us : connection->blocked_ms * 1000};
    if (dispatch_request(front->dispatch, &asker, header, body, subscriber, out_refusal)) {
        connection->blocked_ms = 0;
        return true;
    }
    if (connection->blocked_ms == 0)
        connection->blocked_ms = now;
    if (now < connection->blocked_ms + (uint64_t)front->config->request_timeout * 1000)
        return false;
    connection->blocked_ms = 0;
    *out_refusal = STATUS_BUSY;
    return true;
}

/* False when the request has to wait. */
static bool take_request(struct connection *connection, const struct frame_header *header,
                         enum status status, const uint8_t *body)
{
    struct subscriber_name subscriber = {0};
    struct fault fault = {status, 0};
    if (fault.status == STATUS_OK)
        fault = request_check(header->type, body, header->body_bytes, &subscriber);
    if (fault.status == STATUS_OK &&
        !hand_over(connection, header, body, &subscriber, &fault.status))
        return false;
    connection->active_ms = clock_ms();
    if (fault.status == STATUS_OK && header->type == MESSAGE_CARD_RESET)
        connection->uses_card = true;
    if (fault.status == STATUS_OK)
        connection->in_hand++;
    else
        refuse(connection, header, fault);
    return true;
}

/* Takes one frame out of the reader; false when it is incomplete or has to wait. */
static bool take_frame(struct connection *connection, struct wire_reader *reader)
{
    struct wire_reader ahead = *reader;
    const uint8_t *bytes = wire_read_bytes(&ahead, FRAME_HEADER_BYTES);
    if (bytes == NULL)
        return false;
    struct frame_header header = frame_header_read(bytes);
    enum status status = frame_check_request(&header);
    if (is_fatal(status)) {
        refuse(connection, &header, (struct fault){status, 0});
        connection_leave(connection, CONNECTION_CLOSING, status_name((uint8_t)status));
        *reader = wire_reader_of(NULL, 0);
        return false;
    }
    const uint8_t *body = wire_read_bytes(&ahead, header.body_bytes);
    if (body == NULL || !take_request(connection, &header, status, body))
        return false;
    *reader = ahead;
    return true;
}

static void take_frames(struct connection *connection)
{
    struct wire_reader reader = wire_reader_of(connection->input, connection->input_bytes);
    size_t before = reader.left;
    while (connection_has_room(connection) && take_frame(connection, &reader))
        continue;
    if (reader.left > 0 && reader.left < before)
        memmove(connection->input, reader.at, reader.left);
    if (reader.left < before || connection->paused)
        connection->frame_ms = clock_ms();
    /* A command APDU may hold a PIN. */
    secret_wipe(connection->input + reader.left, before - reader.left);
    connection->input_bytes = reader.left;
}

/* False when there is nothing more to read for now. */
static bool read_more(struct connection *connection)
{
    char reason[TLS_REASON_BYTES] = "";
    size_t got = 0;
    switch (tls_read(connection->ssl, connection->input + connection->input_bytes,
                     sizeof connection->input - connection->input_bytes, &got, reason)) {
    case TLS_DONE:
        if (connection->input_bytes == 0)
            connection->frame_ms = clock_ms();
        connection->input_bytes += got;
        return true;
    case TLS_WANT_READ:
        connection->wants_read = true;
        return false;
    case TLS_WANT_WRITE:
        connection->wants_write = true;
        return false;
    case TLS_CLOSED:
        connection_leave(connection, CONNECTION_CLOSING, "closed by client");
        return false;
    case TLS_FAILED:
        connection_leave(connection, CONNECTION_LINGER, reason);
        return false;
    case TLS_BROKEN:
        connection_leave(connection, CONNECTION_GONE, reason);
        return false;
    }
    return false;
}

void connection_read_requests(struct connection *connection)
{
    for (int i = 0; i < READS_PER_TURN; i++) {
        take_frames(connection);
        connection->paused = false;
        if (connection->state != CONNECTION_OPEN)
            return;
        if (!connection_has_room(connection) || connection->blocked_ms != 0)
            break;
        if (!read_more(connection))
            return;
    }
    connection->paused = true;
}
