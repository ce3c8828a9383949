/* AUTHENTICATE (TS 31.103 7.1). */
#include "card_command.h"

#define CHALLENGE_BYTES 16 /* RAND and AUTN each */
#define IMS_AKA_BYTES 34U  /* both, a length before each */

enum context_reference {
    CONTEXT_IMS_AKA = 0x81,
    CONTEXT_HTTP_DIGEST = 0x82,
    CONTEXT_GBA = 0x84,
    CONTEXT_LOCAL_KEY = 0x85,
};

static void write_accepted(const struct card_aka *aka, struct apdu_answer *out)
{
    apdu_answer_tag(out, TAG_SUCCESS);
    apdu_answer_value(out, aka->res.bytes, sizeof aka->res.bytes);
    apdu_answer_value(out, aka->ck.bytes, sizeof aka->ck.bytes);
    apdu_answer_value(out, aka->ik.bytes, sizeof aka->ik.bytes);
}

static void write_sync_failure(const struct card_aka *aka, struct apdu_answer *out)
{
    apdu_answer_tag(out, TAG_SYNC_FAILURE);
    apdu_answer_value(out, aka->auts, sizeof aka->auts);
}

/* `10 RAND 10 AUTN` (7.1.2.1). */
static uint16_t ims_aka(struct command_context *context)
{
    ERASED(card_aka) struct card_aka aka = {0};
    const struct card *card = context->card;
    const uint8_t *data = context->apdu->data;
    if (context->apdu->data_bytes != IMS_AKA_BYTES)
        return SW_WRONG_LENGTH;
    if (data[0] != CHALLENGE_BYTES || data[1 + CHALLENGE_BYTES] != CHALLENGE_BYTES)
        return SW_BAD_DATA;
    if (!card->functions->ims_aka(card->user, data + 1, data + 2 + CHALLENGE_BYTES, &aka))
        return SW_NONE;
    switch (aka.outcome) {
    case CARD_AKA_ACCEPTED:
        write_accepted(&aka, context->out);
        return SW_DONE;
    case CARD_AKA_SYNC_FAILURE:
        write_sync_failure(&aka, context->out);
        return SW_DONE;
    case CARD_AKA_MAC_FAILURE:
        return SW_WRONG_MAC;
    }
    return SW_NONE;
}

static uint16_t other_context(struct command_context *context,
                              bool (*answer)(void *user, const uint8_t *data, size_t bytes,
                                             struct apdu_answer *out))
{
    const struct apdu *apdu = context->apdu;
    if (answer == NULL)
        return SW_NO_CONTEXT;
    if (!answer(context->card->user, apdu->data, apdu->data_bytes, context->out))
        return SW_NONE;
    return context->out->sw;
}

uint16_t command_authenticate(struct command_context *context)
{
    const struct card *card = context->card;
    const struct apdu *apdu = context->apdu;
    if (apdu->p1 != 0)
        return SW_BAD_PARAMETERS;
    if (apdu->data_bytes == 0)
        return SW_WRONG_LENGTH;
    if (context->channel->directory != DIRECTORY_ISIM)
        return SW_NOT_NOW;
    if (card->asks_pin && !card->session->pin_verified)
        return SW_PIN_NEEDED;
    switch (apdu->p2) {
    case CONTEXT_IMS_AKA:
        return ims_aka(context);
    case CONTEXT_HTTP_DIGEST:
        return other_context(context, card->functions->http_digest);
    case CONTEXT_GBA:
        return other_context(context, card->functions->gba);
    case CONTEXT_LOCAL_KEY:
        return SW_NO_CONTEXT;
    default:
        return SW_BAD_PARAMETERS;
    }
}
