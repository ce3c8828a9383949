/*
 * A hand-over: a new file, for its owner alone, with a key that was made in the token and wrapped
 * for who takes it over. It is durable before the key is kept. What stands in it is no secret.
 */
#ifndef NISIM_PROVISIONING_HAND_OVER_H
#define NISIM_PROVISIONING_HAND_OVER_H

#include <stddef.h>

#include "outcome.h"

/* A file that is there already stays as it is. Says what is wrong; then there is no new file. */
MUST_CHECK enum outcome hand_over_write(const char *path, const char *text, size_t length);

/* Takes it back: the key did not come to be kept. */
void hand_over_withdraw(const char *path);

#endif
