/*
 * Where `metrics` is served: HTTP by libevent's evhttp, GET /metrics and nothing else. Who asks is
 * not known, so nobody gets more than SCRAPERS_LIFE_MS, one request and one answer; when all
 * SCRAPERS_MAX places are taken, those who have them are cut after SCRAPERS_GRACE_MS, and until
 * then no other is accepted.
 */
#ifndef NISIM_FRONT_SCRAPERS_H
#define NISIM_FRONT_SCRAPERS_H

#include "front.h"

#define SCRAPERS_MAX 32
#define SCRAPERS_LIFE_MS 5000
#define SCRAPERS_GRACE_MS 100
#define SCRAPERS_HEADER_BYTES_MAX 4096

struct scrapers;

/* Takes the listening socket over. NULL when memory runs out. */
MUST_CHECK struct scrapers *scrapers_new(struct front *front, int descriptor);

/* Closes the socket, and every connection at once. */
void scrapers_free(struct scrapers **scrapers);

#endif
