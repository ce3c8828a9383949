#include "requests.h"

#include <assert.h>
#include <stdlib.h>

#define SEQUENCE_MASK UINT32_C(0x00ffffff)
#define GENERATION_SHIFT 24
#define FREE 0

TAILQ_HEAD(request_list, request);

struct requests {
    uint32_t most;
    uint32_t count;
    uint32_t prefix; /* of every id */
    uint32_t sequence;
    uint32_t places; /* a power of two, above `most` */
    struct request_list in_order;
    struct request *table; /* an id's place is its sequence number modulo `places` */
};

static struct request *place_of(struct requests *requests, uint32_t id)
{
    return &requests->table[id & (requests->places - 1)];
}

struct requests *requests_new(uint32_t most, uint32_t generation)
{
    struct requests *requests = calloc(1, sizeof *requests);
    if (requests == NULL)
        return NULL;
    requests->places = 1;
    while (requests->places <= most) /* one stays free: a marker needs an id too */
        requests->places *= 2;
    requests->table = calloc(requests->places, sizeof *requests->table);
    if (requests->table == NULL) {
        free(requests);
        return NULL;
    }
    requests->most = most;
    requests->prefix = generation << GENERATION_SHIFT;
    TAILQ_INIT(&requests->in_order);
    return requests;
}

void requests_free(struct requests **requests)
{
    if (*requests == NULL)
        return;
    free((*requests)->table);
    free(*requests);
    *requests = NULL;
}

bool requests_full(const struct requests *requests)
{
    return requests->count >= requests->most;
}

uint32_t requests_count(const struct requests *requests)
{
    return requests->count;
}

uint32_t requests_next_id(struct requests *requests)
{
    do {
        requests->sequence = (requests->sequence + 1) & SEQUENCE_MASK;
    } while (requests->sequence == 0 || place_of(requests, requests->sequence)->id != FREE);
    return requests->prefix | requests->sequence;
}

void requests_add(struct requests *requests, const struct request *request)
{
    struct request *place = place_of(requests, request->id);
    assert(!requests_full(requests) && place->id == FREE);
    *place = *request;
    TAILQ_INSERT_TAIL(&requests->in_order, place, in_order);
    requests->count++;
}

struct request *requests_find(struct requests *requests, uint32_t id, uint16_t keeper)
{
    struct request *place = place_of(requests, id);
    return id != FREE && place->id == id && place->keeper == keeper ? place : NULL;
}

void requests_remove(struct requests *requests, struct request *request)
{
    TAILQ_REMOVE(&requests->in_order, request, in_order);
    request->id = FREE;
    requests->count--;
}

struct request *requests_oldest(const struct requests *requests)
{
    return TAILQ_FIRST(&requests->in_order);
}

struct request *requests_after(const struct request *request)
{
    return TAILQ_NEXT(request, in_order);
}
