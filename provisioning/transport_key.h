/* What the verbs of transport keys share with those that use such a key. */
#ifndef NISIM_PROVISIONING_TRANSPORT_KEY_H
#define NISIM_PROVISIONING_TRANSPORT_KEY_H

#include "office.h"
#include "transport.h"

/* The one of this name and purpose, in an open token; says why not. */
MUST_CHECK enum outcome transport_key_find(struct office *office, const char *name,
                                           enum transport_purpose purpose,
                                           struct transport *out_transport);

/* --kcv, if it is given. */
MUST_CHECK enum outcome transport_key_take_kcv(const struct arguments *arguments,
                                               struct kcv *out_kcv);

#endif
