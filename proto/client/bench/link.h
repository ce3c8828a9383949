/* One connection of the generator: requests in flight, each in a slot that is its request id. */
#ifndef NISIM_PROTO_CLIENT_BENCH_LINK_H
#define NISIM_PROTO_CLIENT_BENCH_LINK_H

#include "client.h"
#include "home.h"

enum request_kind {
    REQUEST_FRESH,
    REQUEST_REPLAY,
    REQUEST_SPOILT,
    REQUEST_KINDS,
};

struct request {
    bool in_flight;
    enum request_kind kind;
    uint64_t due_ns; /* when it should have been sent: what latency is counted from */
    struct home_subscriber *who;
    struct challenge challenge;
};

struct link {
    struct nisim *nisim;
    size_t slots; /* what was asked for, or what the server allows if that is less */
    size_t in_flight;
    size_t next; /* where to look for a free slot first */
    struct request *requests;
    size_t out_bytes; /* written, not yet sent */
    uint8_t *out;
};

/* One answer. `request` is the link's, free again after the next call. */
struct arrival {
    struct request request;
    enum status status;
    uint8_t auts[AUTS_BYTES]; /* SYNC_FAILURE */
};

/* Says on standard error why not. Whatever it returns, the caller calls link_close. */
MUST_CHECK bool link_open(struct link *link, const struct nisim_options *options, size_t slots);
void link_close(struct link *link);

/* Takes the request into a free slot, there is one, and writes it down. */
MUST_CHECK bool link_put(struct link *link, const struct request *request);

/* Sends what was written down. */
MUST_CHECK bool link_flush(struct link *link);

/* Takes the next answer, waiting for it if need be. */
MUST_CHECK bool link_take(struct link *link, struct arrival *out);

#endif
