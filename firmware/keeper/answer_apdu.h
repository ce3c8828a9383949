/* CARD_RESET, APDU and CARD_OFF: the subscriber's ISIM as a card in use on a connection. */
#ifndef NISIM_KEEPER_ANSWER_APDU_H
#define NISIM_KEEPER_ANSWER_APDU_H

#include "work.h"

void answer_card_reset(struct work *work);
void answer_apdu(struct work *work);
void answer_card_off(struct work *work);

#endif
