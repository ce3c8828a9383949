/* What files of the card say that is not in the subscription's record. */
#ifndef NISIM_KEEPER_CARD_FILES_H
#define NISIM_KEEPER_CARD_FILES_H

#include "card.h"
#include "work.h"

/*
 * As card.h wants it; `user` is the struct work. False without a fault: the subscription has no
 * GBA. `out` borrows from keeper->gba.
 */
MUST_CHECK bool card_files_gba(void *user, struct card_gba *out);

#endif
