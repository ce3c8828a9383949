/* AUTHENTICATE in the GBA context, P2 = 84 (TS 31.103 7.1.2.4). */
#ifndef NISIM_KEEPER_APDU_GBA_H
#define NISIM_KEEPER_APDU_GBA_H

#include "apdu.h"
#include "work.h"

/*
 * `DD L RAND L AUTN` runs a bootstrapping and gives `DB L RES` or `DC L AUTS`; `DE L NAF_ID L IMPI`
 * gives `DB L Ks_ext_NAF`. Of a subscription without GBA the context is not supported. For struct
 * card_functions: `work` is the user; false when the appliance can't answer.
 */
MUST_CHECK bool apdu_gba(void *work, const uint8_t *data, size_t bytes, struct apdu_answer *out);

#endif
