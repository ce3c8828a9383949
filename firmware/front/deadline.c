#include "connection_state.h"

struct due {
    enum deadline deadline;
    uint64_t ms;
};

static void consider(struct due *due, enum deadline deadline, uint64_t since_ms, uint64_t seconds)
{
    uint64_t ms = since_ms + seconds * 1000;
    if (due->deadline == DEADLINE_NONE || ms < due->ms)
        *due = (struct due){deadline, ms};
}

/* Whoever has neither asked nor is being answered is idle, also with half a frame on its way. */
static struct due due_while_open(const struct connection *connection)
{
    const struct config *config = connection->front->config;
    struct due due = {DEADLINE_NONE, 0};
    bool reading = connection->state == CONNECTION_OPEN && !connection->paused;
    if (connection->output.frames > 0)
        consider(&due, DEADLINE_ANSWER, connection->answer_ms, config->frame_timeout);
    if (reading && connection->input_bytes > 0)
        consider(&due, DEADLINE_FRAME, connection->frame_ms, config->frame_timeout);
    if (connection->blocked_ms != 0)
        consider(&due, DEADLINE_BLOCKED, connection->blocked_ms, config->request_timeout);
    if (reading && connection->in_hand == 0 && connection->output.frames == 0)
        consider(&due, DEADLINE_IDLE, connection->active_ms, config->idle_timeout);
    return due;
}

static struct due next_due(const struct connection *connection)
{
    const struct config *config = connection->front->config;
    struct due due = {DEADLINE_NONE, 0};
    switch (connection->state) {
    case CONNECTION_HANDSHAKE:
        consider(&due, DEADLINE_HANDSHAKE, connection->state_ms, config->handshake_timeout);
        return due;
    case CONNECTION_OPEN:
    case CONNECTION_CLOSING:
        return due_while_open(connection);
    case CONNECTION_GOODBYE:
        consider(&due, DEADLINE_CLOSE, connection->state_ms, config->frame_timeout);
        return due;
    case CONNECTION_LINGER:
    case CONNECTION_GONE:
        return (struct due){DEADLINE_CLOSE, connection->state_ms + CONNECTION_LINGER_MS};
    }
    return due;
}

enum deadline connection_deadline(const struct connection *connection, uint64_t *out_due_ms)
{
    struct due due = next_due(connection);
    if (due.deadline != DEADLINE_NONE)
        *out_due_ms = due.ms;
    return due.deadline;
}
