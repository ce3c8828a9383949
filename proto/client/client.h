/* The inside of struct nisim, for client.c and calls.c. */
#ifndef NISIM_PROTO_CLIENT_CLIENT_H
#define NISIM_PROTO_CLIENT_CLIENT_H

#include "digest_message.h"
#include "nisim.h"
#include "transport.h"

struct nisim {
    char *server; /* as given, for messages */
    char *server_cut;
    const char *host; /* inside server_cut, as is port */
    const char *port;
    char *server_name; /* NULL: host */
    char *ca_file;
    char *certificate_file;
    char *key_file;
    unsigned timeout_ms;
    struct transport *transport; /* NULL: not connected */
    uint32_t request_id;
    struct hello hello;
    const char *status_name;
    /* Room for what is too large for the stack. */
    struct identity identity;
    struct nisim_identity found;
    struct digest_request digest;
    char why[TRANSPORT_WHY_BYTES + 256];
    uint8_t body[FRAME_BODY_BYTES_MAX]; /* of the answer in hand; wiped once it is read */
};

/* Says why and returns `result`. */
enum nisim_result client_fail(struct nisim *nisim, enum nisim_result result, const char *format,
                              ...) PRINTF_LIKE(3, 4);

/* The connection is of no more use. */
enum nisim_result client_lost(struct nisim *nisim, const char *why);

/* The next frame; its body is in nisim->body. */
MUST_CHECK enum nisim_result client_receive(struct nisim *nisim, const struct deadline *deadline,
                                            struct frame_header *out_header);

/* What the header's status means; says why when it is not OK. */
MUST_CHECK enum nisim_result client_status(struct nisim *nisim, const struct frame_header *header,
                                           const uint8_t *body);

/* Checks how a call names a subscriber; says why it refuses. */
MUST_CHECK enum nisim_result client_take_name(struct nisim *nisim, enum nisim_name by,
                                              const char *name, struct subscriber_name *out);

/* Sends the frame that is in `writer` and takes the answer to it. */
MUST_CHECK enum nisim_result client_ask(struct nisim *nisim, struct wire_writer *writer,
                                        uint8_t type, struct frame_header *out_header);

#endif
