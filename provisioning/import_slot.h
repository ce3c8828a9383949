/*
 * What a record of an import file becomes, in memory that the tool shares with the processes that
 * make keys (import_makers.h). Nothing in it is a secret in clear text.
 */
#ifndef NISIM_PROVISIONING_IMPORT_SLOT_H
#define NISIM_PROVISIONING_IMPORT_SLOT_H

#include "import_keys.h"
#include "transport.h"

#define IMPORT_SLOTS 256 /* to a transaction */
/* SoftHSM keeps some memory of each session object until the module is closed: so often it is. */
#define IMPORT_RENEW_ROWS ((size_t)32 * IMPORT_SLOTS)

enum import_slot_state {
    IMPORT_SLOT_REFUSED, /* why */
    IMPORT_SLOT_GIVEN,   /* to a maker, which makes it REFUSED or MADE */
    IMPORT_SLOT_MADE,    /* the subscription is to be stored; sealed, but in a dry run */
};

struct import_slot {
    enum import_slot_state state;
    bool is_named; /* its names are in the log of names */
    size_t line;
    char why[IMPORT_WHY_BYTES];
    struct subscription subscription;
    struct import_terms terms; /* of one that is GIVEN; without texts */
    char transport_key[TRANSPORT_NAME_BYTES_MAX + 1];
};

/* IMPORT_SLOTS of them, shared with each process that is forked from here on. NULL: no memory. */
MUST_CHECK struct import_slot *import_slots_new(void);
void import_slots_free(struct import_slot **slots);

/* The terms for a maker; false when they are not for one, and nothing has changed. */
MUST_CHECK bool import_slot_give(struct import_slot *slot, const struct import_keys *keys,
                                 const struct import_terms *terms);

/* Secrets and seal of a slot: it is MADE, or REFUSED, and why. What is not the row's fault was
 * said. */
MUST_CHECK enum outcome import_slot_make(struct import_slot *slot, struct import_keys *keys,
                                         struct office *office, const struct import_terms *terms,
                                         bool trial);

#endif
