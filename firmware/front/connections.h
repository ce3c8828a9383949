/* All connections: counted, and found by handle. */
#ifndef NISIM_FRONT_CONNECTIONS_H
#define NISIM_FRONT_CONNECTIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "attributes.h"

struct connection;
struct connections;

/* Names a connection for ever: once it is gone, it names nothing. */
struct connection_handle {
    uint32_t index;
    uint64_t serial;
};

MUST_CHECK struct connections *connections_new(uint32_t most);

/* Frees the set; there must be no connection in it. */
void connections_free(struct connections **connections);

uint32_t connections_count(const struct connections *connections);
bool connections_full(const struct connections *connections);

/* The set must not be full. */
struct connection_handle connections_add(struct connections *connections,
                                         struct connection *connection);
void connections_remove(struct connections *connections, struct connection_handle handle);

/* NULL when it is gone. */
struct connection *connections_find(const struct connections *connections,
                                    struct connection_handle handle);

/*
 * Calls `act` for each connection, each time beginning with another one, so that where room is
 * scarce all come first in turn. It may remove the one it is given.
 */
void connections_each(struct connections *connections, void (*act)(struct connection *connection));

#endif
