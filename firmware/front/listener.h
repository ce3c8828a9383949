/* Accepts connections while there is room for them, and pauses when descriptors run out. */
#ifndef NISIM_FRONT_LISTENER_H
#define NISIM_FRONT_LISTENER_H

#include "front.h"

struct listener;

/* `descriptor` is a listening socket. NULL when memory runs out. */
MUST_CHECK struct listener *listener_new(struct front *front, int descriptor);
void listener_free(struct listener **listener);

/* There may be room again. */
void listener_resume(struct listener *listener);

/* For good. */
void listener_stop(struct listener *listener);

#endif
