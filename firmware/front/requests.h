/*
 * The requests a keeper has in hand, or will find in its channel. Each has an id of our own: the
 * generation of this front (8 bits), then a sequence number (24 bits). So a late answer, or one
 * to a front before us, fits no request.
 */
#ifndef NISIM_FRONT_REQUESTS_H
#define NISIM_FRONT_REQUESTS_H

#include <sys/queue.h>

#include "attributes.h"
#include "connections.h"

struct request {
    TAILQ_ENTRY(request) in_order;
    uint32_t id;        /* 0: this place is free */
    uint32_t client_id; /* the request id its client chose */
    uint8_t type;
    uint16_t keeper;
    uint64_t number;   /* of its packet in the keeper's channel */
    uint64_t asked_ms; /* since when it is in the channel */
    uint64_t since_us; /* since when the front has it */
    struct connection_handle connection;
};

struct requests;

MUST_CHECK struct requests *requests_new(uint32_t most, uint32_t generation);
void requests_free(struct requests **requests);

bool requests_full(const struct requests *requests);
uint32_t requests_count(const struct requests *requests);

/* An id that no request here has; never 0. */
uint32_t requests_next_id(struct requests *requests);

/* `request.id` came from requests_next_id just before; the table must not be full. */
void requests_add(struct requests *requests, const struct request *request);

/* NULL when there is none with this id at this keeper. */
struct request *requests_find(struct requests *requests, uint32_t id, uint16_t keeper);
void requests_remove(struct requests *requests, struct request *request);

/* From the oldest on; NULL after the last. */
struct request *requests_oldest(const struct requests *requests);
struct request *requests_after(const struct request *request);

#endif
