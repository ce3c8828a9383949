/* The token and what a keeper knows of its keys: opened, and opened anew. */
#ifndef NISIM_KEEPER_EQUIP_H
#define NISIM_KEEPER_EQUIP_H

#include "keeper.h"

/*
 * Opens the token that keeper->config names in keeper->module, proves it, and lists its keys.
 * HSM_PIN_UNREADABLE is said already. On failure the caller calls equip_clear.
 */
MUST_CHECK enum hsm_result equip_token(struct keeper *keeper);
void equip_clear(struct keeper *keeper);

/*
 * Between batches: when the module has been asked for so many session objects that what it keeps
 * of them (key_cache.h) weighs, all of it anew. Not HSM_OK: the keeper has no token any more.
 */
MUST_CHECK enum hsm_result equip_renew_if_worn(struct keeper *keeper);

#endif
