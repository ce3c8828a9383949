/* VERIFY PIN (TS 102 221 11.1.9). No subscription asks for a PIN: a UICC's PIN that is disabled. */
#include "card_command.h"

#define PIN_BYTES 8
#define REFERENCE_PIN 0x01 /* PIN Appl 1 (9.5.1) */

uint16_t command_verify(struct command_context *context)
{
    const struct apdu *apdu = context->apdu;
    if (apdu->p1 != 0)
        return SW_BAD_PARAMETERS;
    if (apdu->has_le || (apdu->data_bytes != 0 && apdu->data_bytes != PIN_BYTES))
        return SW_WRONG_LENGTH;
    return apdu->p2 == REFERENCE_PIN ? SW_PIN_DISABLED : SW_NO_REFERENCE;
}
