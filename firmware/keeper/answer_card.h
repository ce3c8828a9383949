/* AUTHENTICATE: RES, CK, IK or AUTS, as the card gives them (TS 31.103 7.1.2.1). */
#ifndef NISIM_KEEPER_ANSWER_CARD_H
#define NISIM_KEEPER_ANSWER_CARD_H

#include "work.h"

void answer_card(struct work *work);

#endif
