/* A TCP connection to the first of a host's addresses that answers. */
#ifndef NISIM_PROTO_CLIENT_TCP_H
#define NISIM_PROTO_CLIENT_TCP_H

#include <stdbool.h>
#include <stddef.h>

#include "deadline.h"

/* A non-blocking socket, the caller's to close; -1: out_why (room bytes) says why. */
MUST_CHECK int tcp_connect(const char *host, const char *port, const struct deadline *deadline,
                           char *out_why, size_t room);

#endif
