/* An address of this host as the configuration writes it: 127.0.0.1:7443 or [::]:7443. */
#ifndef NISIM_SHARED_ADDRESS_H
#define NISIM_SHARED_ADDRESS_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/socket.h>

#include "attributes.h"

#define ADDRESS_TEXT_BYTES 64 /* enough for every address_format, the NUL included */

struct address {
    struct sockaddr_storage storage;
    socklen_t length;
};

/* Numeric only: no name is looked up. Port 0 is allowed: the system chooses. */
MUST_CHECK bool address_parse(const char *text, struct address *out_address);

/* As address_parse reads it; "?" for an address of another family. */
void address_format(const struct address *address, char out_text[ADDRESS_TEXT_BYTES]);

#endif
