/* CARD_RESET, APDU and CARD_OFF as C structs, and their bodies on the wire. */
#ifndef NISIM_PROTO_CARD_MESSAGE_H
#define NISIM_PROTO_CARD_MESSAGE_H

#include "message.h"

/* A command of a program to its card: VERIFY's holds a PIN. */
struct apdu_request {
    struct subscriber_name subscriber;
    size_t command_bytes;
    uint8_t command[COMMAND_APDU_BYTES_MAX];
};

/* Data and status word: AUTHENTICATE's holds RES, CK and IK. */
struct apdu_response {
    size_t bytes;
    uint8_t response[RESPONSE_APDU_BYTES_MAX];
};

struct atr {
    size_t bytes;
    uint8_t atr[ATR_BYTES_MAX];
};

static inline void apdu_request_erase(struct apdu_request *request)
{
    secret_wipe(request, sizeof *request);
}

static inline void apdu_response_erase(struct apdu_response *response)
{
    secret_wipe(response, sizeof *response);
}

MUST_CHECK struct fault apdu_request_read(const uint8_t *body, size_t body_bytes,
                                          struct apdu_request *out);
void apdu_request_write(struct wire_writer *writer, const struct apdu_request *request);
MUST_CHECK struct fault apdu_response_read(const uint8_t *body, size_t body_bytes,
                                           struct apdu_response *out);
void apdu_response_write(struct wire_writer *writer, const struct apdu_response *response);

/* The request of CARD_RESET and CARD_OFF: who the card is of. `type`: which of the two. */
MUST_CHECK struct fault card_request_read(enum message_type type, const uint8_t *body,
                                          size_t body_bytes, struct subscriber_name *out);
void card_request_write(struct wire_writer *writer, const struct subscriber_name *subscriber);

MUST_CHECK struct fault atr_read(const uint8_t *body, size_t body_bytes, struct atr *out);
void atr_write(struct wire_writer *writer, const uint8_t *atr, size_t bytes);

/* Of CARD_OFF: nothing. */
MUST_CHECK struct fault card_off_answer_read(const uint8_t *body, size_t body_bytes);

#endif
