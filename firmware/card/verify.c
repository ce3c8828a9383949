/* VERIFY PIN (TS 102 221 11.1.9). A card that asks for no PIN is one whose PIN is disabled. */
#include "card_command.h"

#define REFERENCE_PIN 0x01 /* PIN Appl 1 (9.5.1) */
#define DIGITS_MIN 4
#define FILLER 0xff

/* Digits, then filler: what is written otherwise can't be anybody's PIN, and costs no try. */
static bool is_pin(const uint8_t *pin)
{
    size_t digits = 0;
    while (digits < CARD_PIN_BYTES && pin[digits] >= '0' && pin[digits] <= '9')
        digits++;
    for (size_t i = digits; i < CARD_PIN_BYTES; i++) {
        if (pin[i] != FILLER)
            return false;
    }
    return digits >= DIGITS_MIN;
}

static uint16_t say_tries(const struct card *card)
{
    uint8_t tries = 0;
    return card->functions->pin_tries(card->user, &tries) ? (uint16_t)(SW_TRIES | tries) : SW_NONE;
}

/* A wrong PIN takes back what a right one gave. */
static uint16_t try_pin(const struct card *card, const uint8_t *pin)
{
    uint8_t tries = 0;
    enum card_pin_outcome outcome = CARD_PIN_BLOCKED;
    card->session->pin_verified = false;
    if (!card->functions->verify(card->user, pin, &outcome, &tries))
        return SW_NONE;
    switch (outcome) {
    case CARD_PIN_RIGHT:
        card->session->pin_verified = true;
        return SW_DONE;
    case CARD_PIN_WRONG:
        return (uint16_t)(SW_TRIES | tries);
    case CARD_PIN_BLOCKED:
        return SW_PIN_BLOCKED;
    }
    return SW_NONE;
}

uint16_t command_verify(struct command_context *context)
{
    const struct apdu *apdu = context->apdu;
    if (apdu->p1 != 0)
        return SW_BAD_PARAMETERS;
    /* 00 alone after P2 is T=0's P3: no data. */
    bool has_le = apdu->has_le && (apdu->data_bytes != 0 || apdu->le != 256);
    if (has_le || (apdu->data_bytes != 0 && apdu->data_bytes != CARD_PIN_BYTES))
        return SW_WRONG_LENGTH;
    if (apdu->p2 != REFERENCE_PIN)
        return SW_NO_REFERENCE;
    if (!context->card->asks_pin)
        return SW_PIN_DISABLED;
    if (apdu->data_bytes == 0)
        return say_tries(context->card);
    return is_pin(apdu->data) ? try_pin(context->card, apdu->data) : SW_BAD_DATA;
}
