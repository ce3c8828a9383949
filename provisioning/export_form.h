/* The forms in which an HSS takes subscribers, each written from the same facts. */
#ifndef NISIM_PROVISIONING_EXPORT_FORM_H
#define NISIM_PROVISIONING_EXPORT_FORM_H

#include <stdio.h>

#include "kcv.h"
#include "subscription.h"
#include "transport.h"

#define EXPORT_FORMS "open5gs, pyhss and osmohlr"
#define EXPORT_IMSI_BYTES 16
#define EXPORT_KEY_TEXT_BYTES (2 * TRANSPORT_WRAPPED_BYTES_MAX + 1)

struct export_facts {
    const struct subscription *subscription; /* borrowed */
    char imsi[EXPORT_IMSI_BYTES];
    uint64_t sqn;               /* the HSS goes on above it */
    const char *transport_name; /* NULL: K and OPc are in clear */
    enum transport_way way;
    struct kcv kcv;
    char k[EXPORT_KEY_TEXT_BYTES]; /* hex */
    char opc[EXPORT_KEY_TEXT_BYTES];
};

/* False when it can't be written, or memory is short. */
typedef bool (*export_form)(FILE *file, const struct export_facts *facts);

/* NULL when it is none of EXPORT_FORMS, or NULL. */
MUST_CHECK export_form export_form_find(const char *name);

#endif
