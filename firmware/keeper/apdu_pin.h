/* VERIFY's PIN for keeper->subscription, as card.h wants it; `user` is the struct work. */
#ifndef NISIM_KEEPER_APDU_PIN_H
#define NISIM_KEEPER_APDU_PIN_H

#include "card.h"
#include "work.h"

MUST_CHECK bool apdu_pin_tries(void *user, uint8_t *out_tries);

/*
 * The counter that a try moves is pending and committed before the answer goes out, whatever that
 * answer is: a process killed in between has told nothing.
 */
MUST_CHECK bool apdu_pin_verify(void *user, const uint8_t pin[CARD_PIN_BYTES],
                                enum card_pin_outcome *out, uint8_t *out_tries);

#endif
