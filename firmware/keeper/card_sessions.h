/*
 * The cards in use: one per connection, a bounded number; the one not used for longest gives way.
 * A batch may be executed more than once and may fail to commit: what it changes is kept as it was
 * until it is over.
 */
#ifndef NISIM_KEEPER_CARD_SESSIONS_H
#define NISIM_KEEPER_CARD_SESSIONS_H

#include "card_session.h"
#include "channel.h"

#define CARD_SESSIONS_MAX 1024

struct card_sessions;

struct card_use {
    uint32_t connection; /* 0: the place is free */
    uint16_t client;
    int64_t row; /* of the subscription */
    struct subscriber_name name;
    uint64_t used; /* when, counted in commands */
    struct card_session session;
};

/* In pages of secret_pages_new. NULL when memory or RLIMIT_MEMLOCK does not suffice. */
MUST_CHECK struct card_sessions *card_sessions_new(void);
void card_sessions_free(struct card_sessions **sessions);

/* The card in use on the connection, by this client and under this name; or NULL. */
struct card_use *card_sessions_find(struct card_sessions *sessions,
                                    const struct channel_stamp *stamp,
                                    const struct subscriber_name *name);

/* A card fresh from its reset, instead of the one that was in use on the connection. */
struct card_use *card_sessions_start(struct card_sessions *sessions,
                                     const struct channel_stamp *stamp,
                                     const struct subscriber_name *name, int64_t row);

/* Ends the use; what it was comes back if the batch is not to be. */
void card_sessions_end(struct card_sessions *sessions, struct card_use *use);

/* The connection, or every one (0), is gone: nothing of it comes back. */
void card_sessions_forget(struct card_sessions *sessions, uint32_t connection);

/* A batch begins (and is executed for the first time); it is executed again. */
void card_sessions_begin(struct card_sessions *sessions);
void card_sessions_rewind(struct card_sessions *sessions);

/* The answer in hand, request `at` of the batch, tells of the state of this card. */
void card_sessions_note(struct card_sessions *sessions, const struct card_use *use, size_t at);

/*
 * The batch was not committed: a card that waited for it (`awaits` is true of one of its requests)
 * goes back to what it was, and out_withheld says which answers tell of such a card.
 */
void card_sessions_revert(struct card_sessions *sessions, const bool *awaits, size_t count,
                          bool *out_withheld);

#endif
