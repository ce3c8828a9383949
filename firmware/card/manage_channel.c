/* MANAGE CHANNEL (TS 102 221 11.1.17). */
#include "card_command.h"

#define P1_OPEN 0x00
#define P1_CLOSE 0x80

/* A channel opened from the basic one starts at the MF, from another where that one is (8.7). */
static void open_channel(struct command_context *context, uint8_t number)
{
    struct card_session *session = context->card->session;
    bool is_basic = context->channel == &session->channels[0];
    if (is_basic)
        session->channels[number] = (struct card_channel){0};
    else
        session->channels[number] = *context->channel;
    session->channels[number].is_open = true;
}

static uint16_t assign(struct command_context *context)
{
    struct card_session *session = context->card->session;
    if (!context->apdu->has_le)
        return SW_WRONG_LENGTH;
    if (context->apdu->le != 1 && context->apdu->le != 256)
        return SW_EXACT_LENGTH | 1;
    for (uint8_t i = 1; i < CARD_CHANNELS; i++) {
        if (session->channels[i].is_open)
            continue;
        open_channel(context, i);
        context->out->data[0] = i;
        context->out->data_bytes = 1;
        return SW_DONE;
    }
    return SW_NO_ROOM;
}

uint16_t command_manage_channel(struct command_context *context)
{
    struct card_session *session = context->card->session;
    const struct apdu *apdu = context->apdu;
    bool opens = apdu->p1 == P1_OPEN;
    if (apdu->data_bytes != 0)
        return SW_WRONG_LENGTH;
    if (apdu->p1 != P1_OPEN && apdu->p1 != P1_CLOSE)
        return SW_BAD_PARAMETERS;
    if (opens && apdu->p2 == 0)
        return assign(context);
    if (apdu->has_le)
        return SW_WRONG_LENGTH;
    if (apdu->p2 >= CARD_CHANNELS)
        return SW_NO_CHANNEL;
    if (apdu->p2 == 0 || (opens && session->channels[apdu->p2].is_open))
        return SW_BAD_PARAMETERS;
    if (!opens && !session->channels[apdu->p2].is_open)
        return SW_NO_CHANNEL;
    if (opens)
        open_channel(context, apdu->p2);
    else
        session->channels[apdu->p2] = (struct card_channel){0};
    return SW_DONE;
}
