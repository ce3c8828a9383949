/* Names without the subscriptions behind them. */
#ifndef NISIM_STORE_STORE_NAMES_H
#define NISIM_STORE_STORE_NAMES_H

#include "store.h"

/* STORE_OK when it is anybody's user id or IMPI, STORE_NOT_FOUND when it is free. */
MUST_CHECK enum store_result store_name_is_taken(struct store *store, const char *text);

#endif
