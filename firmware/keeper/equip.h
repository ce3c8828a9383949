/* The token and what a keeper knows of its keys: opened, and when that wears out. */
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
 * The module was asked for so many session objects that what it keeps of them weighs: the process
 * should end between two batches, and be started again.
 */
bool equip_is_worn(const struct keeper *keeper);

#endif
