/* The inside of a connection, for connection.c and the parts that read and time it. */
#ifndef NISIM_FRONT_CONNECTION_STATE_H
#define NISIM_FRONT_CONNECTION_STATE_H

#include <event2/event_struct.h>

#include "address.h"
#include "connections.h"
#include "front.h"
#include "output.h"
#include "tls.h"

#define CONNECTION_LINGER_MS                                             \
    2000 /* for the peer to read our last bytes before the socket closes \
          */

enum connection_state {
    CONNECTION_HANDSHAKE,
    CONNECTION_OPEN,
    CONNECTION_CLOSING, /* no more requests; answers in hand still go out */
    CONNECTION_GOODBYE, /* close_notify goes out */
    CONNECTION_LINGER,  /* our side is shut; what the peer still sends is thrown away */
    CONNECTION_GONE,
};

struct connection {
    struct front *front;
    struct connection_handle handle;
    enum connection_state state;
    int descriptor;
    SSL *ssl;
    const struct client *client; /* NULL until the certificate is known to be a client's */
    char address[ADDRESS_TEXT_BYTES];
    struct event readable;
    struct event writable;
    struct event timer;
    bool wants_read;
    bool wants_write;
    bool left;            /* why it ends is logged */
    enum refusal refusal; /* what it is counted as, should it end before it is a client's */
    bool paused;          /* stopped reading although there may be more to read */
    bool uses_card;       /* a CARD_RESET was handed over */
    bool no_memory;       /* an answer could not be kept */
    size_t in_hand;       /* requests that dispatch will answer */
    uint64_t state_ms;    /* when the state began */
    uint64_t active_ms;   /* last request or answer */
    uint64_t frame_ms;    /* first byte of the frame that is incomplete */
    uint64_t answer_ms;   /* since when the oldest answer in `output` waits to be taken */
    uint64_t blocked_ms;  /* since when the oldest request waits for a channel; 0: it does not */
    struct output output;
    size_t input_bytes;
    uint8_t input[FRAME_BYTES_MAX];
};

/* Puts an answer of the front's own, or of a keeper, on its way. */
void connection_put(struct connection *connection, const struct frame_header *header,
                    const uint8_t *body);

/* Goes to the state `next`; the first time, logs why. */
void connection_leave(struct connection *connection, enum connection_state next,
                      const char *reason);

/* May another request be taken? */
bool connection_has_room(const struct connection *connection);

/* requests_in.c: reads and takes requests until there is no more, or no room for more. */
void connection_read_requests(struct connection *connection);

/* deadline.c */
enum deadline {
    DEADLINE_NONE,
    DEADLINE_HANDSHAKE,
    DEADLINE_FRAME,
    DEADLINE_ANSWER,
    DEADLINE_BLOCKED,
    DEADLINE_IDLE,
    DEADLINE_CLOSE,
};

/* The next deadline and when it is due; *out_due_ms is not written for DEADLINE_NONE. */
enum deadline connection_deadline(const struct connection *connection, uint64_t *out_due_ms);

#endif
