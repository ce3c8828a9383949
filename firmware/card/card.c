#include "card.h"

#include <string.h>

#include "card_command.h"

#define CLA_CHANNEL 0x03
#define CLA_SECURE_MESSAGING 0x0c
#define CLA_KIND 0xf0
#define CLA_FURTHER_CHANNELS 0x40 /* of channels 4 to 19 (TS 102 221 10.1.1) */

/* What becomes of an answer's data when there is no Le, or not room enough in it. */
enum delivery {
    DELIVERY_OWN,  /* the command has seen to it */
    DELIVERY_MORE, /* what is left waits for GET RESPONSE (TS 102 221 7.3.1.1.4) */
};

static uint16_t command_get_response(struct command_context *context);

static const struct {
    uint8_t ins;
    uint8_t cla; /* without its channel */
    enum delivery delivery;
    uint16_t (*run)(struct command_context *context);
} commands[] = {
    {0xa4, 0x00, DELIVERY_MORE, command_select},
    {0xf2, 0x80, DELIVERY_OWN, command_status},
    {0xb0, 0x00, DELIVERY_OWN, command_read_binary},
    {0xb2, 0x00, DELIVERY_OWN, command_read_record},
    {0x88, 0x00, DELIVERY_MORE, command_authenticate},
    {0xc0, 0x00, DELIVERY_OWN, command_get_response},
    {0x70, 0x00, DELIVERY_OWN, command_manage_channel},
    {0x20, 0x00, DELIVERY_OWN, command_verify},
};
#define COMMANDS (sizeof commands / sizeof commands[0])

size_t card_atr(uint8_t out_atr[CARD_ATR_BYTES_MAX])
{
    /*
     * ISO/IEC 7816-3 8.2, TS 102 221 6.3: T=0; T=15 with classes A, B, C; then historical bytes:
     * selection by AID, also a part of it, EF.DIR (31 E0), by path and FID, SFI and record numbers
     * (73 F6), four channels that the card assigns (13), and a name.
     */
    static const uint8_t atr[] = {0x3b, 0x8d, 0x80, 0x1f, 0xc7, 0x80, 0x31, 0xe0, 0x73,
                                  0xf6, 0x21, 0x13, 0x65, 'n',  'i',  's',  'i',  'm'};
    uint8_t check = 0;
    memcpy(out_atr, atr, sizeof atr);
    for (size_t i = 1; i < sizeof atr; i++)
        check ^= atr[i];
    out_atr[sizeof atr] = check;
    return sizeof atr + 1;
}

/* A length of 1 to 256, as SW2 or as Le has it. */
static uint16_t length_byte(size_t bytes)
{
    return (uint16_t)(bytes & 0xff);
}

uint16_t command_deliver_exactly(struct command_context *context)
{
    const struct apdu *apdu = context->apdu;
    if (!apdu->has_le)
        return SW_WRONG_LENGTH;
    if (apdu->le == 256 || apdu->le == context->out->data_bytes)
        return SW_DONE;
    return (uint16_t)(SW_EXACT_LENGTH | length_byte(context->out->data_bytes));
}

static void forget_response(struct card_session *session)
{
    secret_wipe(session->response, sizeof session->response);
    session->response_bytes = 0;
}

/* Keeps for GET RESPONSE what is beyond the first `gone` bytes of the answer. */
static uint16_t keep_rest(struct command_context *context, size_t gone)
{
    struct card_session *session = context->card->session;
    struct apdu_answer *out = context->out;
    size_t left = out->data_bytes - gone;
    session->response_channel = context->apdu->cla & CLA_CHANNEL;
    memcpy(session->response, out->data + gone, left);
    session->response_bytes = left;
    secret_wipe(out->data + gone, left);
    out->data_bytes = gone;
    return (uint16_t)(SW_MORE | length_byte(left));
}

static uint16_t command_get_response(struct command_context *context)
{
    struct card_session *session = context->card->session;
    const struct apdu *apdu = context->apdu;
    struct apdu_answer *out = context->out;
    if (apdu->data_bytes != 0 || !apdu->has_le)
        return SW_WRONG_LENGTH;
    if (apdu->p1 != 0 || apdu->p2 != 0)
        return SW_BAD_PARAMETERS;
    size_t waiting = session->response_bytes;
    if (waiting == 0 || session->response_channel != (apdu->cla & CLA_CHANNEL))
        return SW_NOT_NOW;
    if (apdu->le != 256 && apdu->le > waiting)
        return (uint16_t)(SW_EXACT_LENGTH | length_byte(waiting));
    out->data_bytes = waiting;
    memcpy(out->data, session->response, waiting);
    forget_response(session);
    return apdu->le < waiting ? keep_rest(context, apdu->le) : SW_DONE;
}

static uint16_t check_class(const struct card_session *session, const struct apdu *apdu)
{
    uint8_t kind = apdu->cla & CLA_KIND;
    if ((apdu->cla & CLA_FURTHER_CHANNELS) != 0 && apdu->cla != 0xff)
        return SW_NO_CHANNEL;
    if (kind != 0x00 && kind != 0x80)
        return SW_BAD_CLASS;
    if ((apdu->cla & CLA_SECURE_MESSAGING) != 0)
        return SW_NO_SECURE_MESSAGING;
    return session->channels[apdu->cla & CLA_CHANNEL].is_open ? SW_DONE : SW_NO_CHANNEL;
}

/* A response waits for the very next command only (TS 102 221 7.3.1.1.4); 6Cxx leaves it there. */
static bool is_get_response(const struct apdu *apdu)
{
    return apdu->ins == 0xc0 && (apdu->cla & CLA_KIND) == 0;
}

static uint16_t run(struct command_context *context)
{
    const struct apdu *apdu = context->apdu;
    uint16_t sw = SW_BAD_INSTRUCTION;
    for (size_t i = 0; i < COMMANDS; i++) {
        if (commands[i].ins != apdu->ins)
            continue;
        if (commands[i].cla != (apdu->cla & CLA_KIND))
            return SW_BAD_CLASS;
        sw = commands[i].run(context);
        if (sw != SW_DONE || commands[i].delivery == DELIVERY_OWN || context->out->data_bytes == 0)
            return sw;
        size_t room = apdu->has_le ? apdu->le : 0;
        return room < context->out->data_bytes ? keep_rest(context, room) : sw;
    }
    return sw;
}

/* An error brings no data, nor does 6Cxx. */
static bool has_data(uint16_t sw)
{
    return sw == SW_DONE || (sw & 0xff00) == SW_MORE;
}

bool card_execute(struct card *card, const uint8_t *command, size_t length, struct apdu_answer *out)
{
    struct apdu apdu;
    struct command_context context = {.card = card, .apdu = &apdu, .out = out};
    bool is_whole = apdu_parse(command, length, &apdu);
    out->data_bytes = 0;
    out->sw = SW_WRONG_LENGTH;
    if (!is_whole || !is_get_response(&apdu))
        forget_response(card->session);
    if (is_whole)
        out->sw = check_class(card->session, &apdu);
    if (out->sw == SW_DONE) {
        context.channel = &card->session->channels[apdu.cla & CLA_CHANNEL];
        out->sw = run(&context);
    }
    if (!has_data(out->sw)) {
        secret_wipe(out->data, sizeof out->data);
        out->data_bytes = 0;
    }
    return out->sw != SW_NONE;
}
