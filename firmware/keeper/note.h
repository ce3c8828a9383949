/* What the audit trail is to say of a request: filled while it is executed. No secret is in it. */
#ifndef NISIM_KEEPER_NOTE_H
#define NISIM_KEEPER_NOTE_H

#include "message.h"

struct note {
    bool is_wanted; /* the request has a record in the trail */
    bool has_inner; /* what a card was asked ended so, though the answer itself is OK */
    enum status inner;
    enum status outcome;
    const char *client;                  /* the configuration's */
    size_t record;                       /* which of its batch's records */
    char subscriber[NAME_BYTES_MAX + 1]; /* as asked for; the IMPI once it is known */
};

static inline void note_inner(struct note *note, enum status inner)
{
    note->is_wanted = true;
    note->has_inner = true;
    note->inner = inner;
}

#endif
