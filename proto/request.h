/* What the front must know of a request before it may go to a keeper. */
#ifndef NISIM_PROTO_REQUEST_H
#define NISIM_PROTO_REQUEST_H

#include "message.h"

/*
 * Checks the whole body. The subscriber it is about is for choosing a keeper; out->text is empty
 * for a message that names nobody (PING).
 */
MUST_CHECK struct fault request_check(uint8_t type, const uint8_t *body, size_t body_bytes,
                                      struct subscriber_name *out);

#endif
