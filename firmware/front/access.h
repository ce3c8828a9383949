/* Which client of the configuration a certificate is. That it is valid was checked before. */
#ifndef NISIM_FRONT_ACCESS_H
#define NISIM_FRONT_ACCESS_H

#include <openssl/x509.h>

#include "config.h"

/* The first listed client that the certificate fits; NULL when it fits none. */
const struct client *access_find(const struct config *config, X509 *certificate);

#endif
