/* The page that Prometheus reads: what metrics.def lists, as it is at this moment. */
#ifndef NISIM_FRONT_PAGE_H
#define NISIM_FRONT_PAGE_H

#include <event2/buffer.h>

#include "front.h"

/* False when memory runs out; `out` then holds a part of it. */
MUST_CHECK bool page_write(const struct front *front, struct evbuffer *out);

#endif
