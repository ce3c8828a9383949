/* Accepts connections while there is room for them, and pauses when descriptors run out. */
#ifndef NISIM_FRONT_LISTENER_H
#define NISIM_FRONT_LISTENER_H

#include "front.h"

struct listener;

/* Takes the listening socket over. NULL when memory runs out. */
MUST_CHECK struct listener *listener_new(struct front *front, int descriptor);
void listener_free(struct listener **listener);

/* There may be room again. */
void listener_resume(struct listener *listener);

/*
 * For good: closes the socket, so that an appliance that follows can have the port while this front
 * still answers what it has in hand.
 */
void listener_stop(struct listener *listener);

#endif
