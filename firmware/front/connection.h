/*
 * One client: TLS handshake, HELLO, requests in, answers out, a clean end. Everything has a
 * deadline or a bound; when a bound is reached, reading stops and nothing is dropped.
 */
#ifndef NISIM_FRONT_CONNECTION_H
#define NISIM_FRONT_CONNECTION_H

#include "address.h"
#include "frame.h"
#include "front.h"

struct connection;

/* Takes the descriptor over. There must be room in front->connections. */
void connection_open(struct front *front, int descriptor, const struct address *address);

/* The answer to a request that dispatch_request took. The body is copied. */
void connection_answer(struct connection *connection, const struct frame_header *header,
                       const uint8_t *body);

/* If it waited for room in a channel: there is some. */
void connection_resume(struct connection *connection);

/* The front is draining: answer what is in hand and close. */
void connection_drain(struct connection *connection);

/* At once, whatever it was doing. */
void connection_drop(struct connection *connection);

#endif
