/* The PIN that a subscriber's card asks for (TS 102 221 9.5.1). */
#ifndef NISIM_PROVISIONING_CARD_PIN_H
#define NISIM_PROVISIONING_CARD_PIN_H

#include "office.h"

/* 4 to 8 digits on the first line of the file; "-": of standard input. As VERIFY has them. */
MUST_CHECK enum outcome card_pin_read(const char *path, struct secret64 *out_pin);

#endif
