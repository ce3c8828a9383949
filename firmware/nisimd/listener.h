/* The socket that clients connect to. nisimd binds it and hands it to each front in turn. */
#ifndef NISIM_NISIMD_LISTENER_H
#define NISIM_NISIMD_LISTENER_H

#include "address.h"

/*
 * -1 with errno on failure. out_address is what it is bound to, which tells the port that the
 * system chose for 0.
 */
MUST_CHECK int listener_open(const char *listen_at, struct address *out_address);

#endif
