/* Where PINs come from. Never from argv, never from the environment. */
#ifndef NISIM_HSM_PIN_H
#define NISIM_HSM_PIN_H

#include "result.h"
#include "secret.h"

/* The first line of the file or descriptor, without its line end. errno tells why it failed. */
MUST_CHECK enum hsm_result pin_from_file(const char *path, struct secret_pin *out_pin);
MUST_CHECK enum hsm_result pin_from_descriptor(int descriptor, struct secret_pin *out_pin);

/* Asks on the terminal without echo; the echo is restored on every way out, signals included. */
MUST_CHECK enum hsm_result pin_from_terminal(const char *prompt, struct secret_pin *out_pin);

#endif
