/*
 * The commands, for card.c. Each returns its status word and leaves data in `out`, or SW_NONE when
 * the appliance can't answer.
 */
#ifndef NISIM_CARD_CARD_COMMAND_H
#define NISIM_CARD_CARD_COMMAND_H

#include "card.h"

#define SW_NONE 0

/* A command in hand: on which channel of which card. */
struct command_context {
    struct card *card;
    struct card_channel *channel;
    const struct apdu *apdu;
    struct apdu_answer *out;
};

uint16_t command_select(struct command_context *context);
uint16_t command_status(struct command_context *context);
uint16_t command_read_binary(struct command_context *context);
uint16_t command_read_record(struct command_context *context);
uint16_t command_authenticate(struct command_context *context);
uint16_t command_verify(struct command_context *context);
uint16_t command_manage_channel(struct command_context *context);

/*
 * For commands of case 2: what is in `out` goes out when Le is 00 or fits it exactly, else 6Cxx
 * says which Le would.
 */
uint16_t command_deliver_exactly(struct command_context *context);

#endif
