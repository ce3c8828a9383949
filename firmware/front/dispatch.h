/*
 * Requests to the keepers and their answers back: which keeper, which request an answer belongs
 * to, what becomes of a request whose keeper dies or is silent.
 */
#ifndef NISIM_FRONT_DISPATCH_H
#define NISIM_FRONT_DISPATCH_H

#include "channel.h"
#include "connections.h"
#include "front.h"
#include "link.h"

struct dispatch;

/* Keeper i's channel is at FRONT_FD_CHANNELS + i. NULL when memory runs out. */
MUST_CHECK struct dispatch *dispatch_new(struct front *front, uint32_t generation,
                                         uint16_t keepers);
void dispatch_free(struct dispatch **dispatch);

/* Who asks: the answer goes to this connection, and to the client's own request id. */
struct asker {
    struct connection_handle connection;
    struct channel_stamp stamp;
    uint64_t since_us; /* since when the front has the request */
};

/*
 * Takes a request that request_check accepted. False when it has to wait for room in a channel:
 * connection_resume is called when there is some. Otherwise *out_refusal is STATUS_OK, and
 * connection_answer is called once, later; or a status to refuse it with.
 */
MUST_CHECK bool dispatch_request(struct dispatch *dispatch, const struct asker *asker,
                                 const struct frame_header *header, const uint8_t *body,
                                 const struct subscriber_name *subscriber,
                                 enum status *out_refusal);

/* The connection with this number is gone: no keeper keeps the card that it used. */
void dispatch_card_off(struct dispatch *dispatch, uint32_t connection);

/* No keeper is waited for any longer: every request in hand is answered UNAVAILABLE. */
void dispatch_give_up(struct dispatch *dispatch);

/* nisimd says that this keeper died. */
void dispatch_keeper_died(struct dispatch *dispatch, uint16_t keeper);

/* Requests that connection_answer will be called for. */
uint32_t dispatch_in_hand(const struct dispatch *dispatch);

/* What is known of keeper `index`; NULL after the last. Borrowed. */
const struct link *dispatch_link(const struct dispatch *dispatch, uint16_t index);

#endif
