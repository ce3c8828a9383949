/* GBA_BOOTSTRAP, GBA_STORE and GBA_NAF: RES and Ks_ext_NAF go out, Ks and Ks_int_NAF never. */
#ifndef NISIM_KEEPER_ANSWER_GBA_H
#define NISIM_KEEPER_ANSWER_GBA_H

#include "work.h"

void answer_gba_bootstrap(struct work *work);
void answer_gba_store(struct work *work);
void answer_gba_naf(struct work *work);

#endif
