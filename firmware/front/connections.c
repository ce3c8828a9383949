#include "connections.h"

#include <assert.h>
#include <stdlib.h>

struct place {
    struct connection *connection; /* NULL: free */
    uint64_t serial;
    uint32_t next_free;
};

struct connections {
    uint32_t most;
    uint32_t count;
    uint32_t first_free; /* `most` when there is none */
    uint64_t serial;
    uint32_t turn; /* where connections_each begins */
    struct place *places;
};

struct connections *connections_new(uint32_t most)
{
    struct connections *connections = calloc(1, sizeof *connections);
    if (connections == NULL)
        return NULL;
    connections->places = calloc(most, sizeof *connections->places);
    if (connections->places == NULL) {
        free(connections);
        return NULL;
    }
    connections->most = most;
    for (uint32_t i = 0; i < most; i++)
        connections->places[i].next_free = i + 1;
    return connections;
}

void connections_free(struct connections **connections)
{
    if (*connections == NULL)
        return;
    assert((*connections)->count == 0);
    free((*connections)->places);
    free(*connections);
    *connections = NULL;
}

uint32_t connections_count(const struct connections *connections)
{
    return connections->count;
}

bool connections_full(const struct connections *connections)
{
    return connections->count == connections->most;
}

struct connection_handle connections_add(struct connections *connections,
                                         struct connection *connection)
{
    assert(!connections_full(connections));
    struct connection_handle handle = {.index = connections->first_free,
                                       .serial = ++connections->serial};
    struct place *place = &connections->places[handle.index];
    connections->first_free = place->next_free;
    place->connection = connection;
    place->serial = handle.serial;
    connections->count++;
    return handle;
}

struct connection *connections_find(const struct connections *connections,
                                    struct connection_handle handle)
{
    const struct place *place = &connections->places[handle.index];
    return place->serial == handle.serial ? place->connection : NULL;
}

void connections_remove(struct connections *connections, struct connection_handle handle)
{
    struct place *place = &connections->places[handle.index];
    assert(place->connection != NULL && place->serial == handle.serial);
    place->connection = NULL;
    place->next_free = connections->first_free;
    connections->first_free = handle.index;
    connections->count--;
}

void connections_each(struct connections *connections, void (*act)(struct connection *connection))
{
    bool begun = false;
    uint32_t first = connections->turn;
    for (uint32_t i = 0; i < connections->most; i++) {
        uint32_t index = (first + i) % connections->most;
        if (connections->places[index].connection == NULL)
            continue;
        if (!begun)
            connections->turn = (index + 1) % connections->most;
        begun = true;
        act(connections->places[index].connection);
    }
}
