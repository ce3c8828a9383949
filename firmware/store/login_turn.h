/*
 * SoftHSM rewrites token.object in place at a log-in: a process that opens the token in that moment
 * finds none, or one without a PIN. Processes with the same store log in one after another.
 */
#ifndef NISIM_STORE_LOGIN_TURN_H
#define NISIM_STORE_LOGIN_TURN_H

#include "turn.h"

/*
 * From before the module is opened to after the log-in. Without a store, or with somebody else's,
 * there is no lock; who can't have it in five seconds goes without it.
 */
void login_turn_take(struct turn *turn, const char *store_path);
void login_turn_give(struct turn *turn);

#endif
