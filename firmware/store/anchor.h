/*
 * Is this store the one its token knows, and no older? Store and token each hold a mark
 * (token_anchor.h); the store's rests under its seal. To advance is to move the store's mark on,
 * durably, and then the token's: the token is never ahead of the store it works with.
 */
#ifndef NISIM_STORE_ANCHOR_H
#define NISIM_STORE_ANCHOR_H

#include "stored_value.h"
#include "token_anchor.h"

#define ANCHOR_VALUE_NAME "anchor"

enum anchor_verdict {
    ANCHOR_GOOD = 0,      /* the same, or as far apart as a crash leaves them */
    ANCHOR_TOKEN_BEHIND,  /* the token is the older one: no danger, but worth a word */
    ANCHOR_STORE_OLD,     /* the token has seen more than this store knows */
    ANCHOR_STORE_OTHER,   /* the token works with another store */
    ANCHOR_STORE_NONE,    /* the store has no mark: not made by nisim-token init */
    ANCHOR_STORE_ALTERED, /* its mark is not as it was sealed */
    ANCHOR_TOKEN_NONE,    /* the token has no mark */
};

/* Good are the first two. */
bool anchor_is_good(enum anchor_verdict verdict);

/* One line for who must decide what to do; "" for ANCHOR_GOOD. */
const char *anchor_verdict_text(enum anchor_verdict verdict);

struct anchor {
    struct token *token; /* borrowed, as is the store */
    struct store *store;
    struct anchor_mark in_token; /* as last read or written */
    struct anchor_mark in_store;
    struct anchor_mark replaced; /* of the token when in_store was accepted; zero before */
    struct stored_value value;
    int64_t others_changes; /* what of the store the last advance covered */
    int64_t own_changes;
    /* Of the call that failed: one of them is not OK. store_why and module_fault say more. */
    enum hsm_result hsm;
    enum store_result stored;
};

/* Borrows both. Reads nothing. */
void anchor_start(struct anchor *anchor, struct token *token, struct store *store);

/* These return false when token or store failed. */
MUST_CHECK bool anchor_compare(struct anchor *anchor, enum anchor_verdict *out_verdict);
MUST_CHECK bool anchor_advance(struct anchor *anchor);

/* Has anything but marks been committed, by anybody, since the last advance? */
MUST_CHECK bool anchor_is_behind(struct anchor *anchor, bool *out_behind);

/* Has this connection written anything since the last advance? */
bool anchor_wrote(const struct anchor *anchor);

/*
 * Gives the store a new id and writes it, in the transaction that is open. What the token holds
 * now is replaced by it: once committed, anchor_finish. Interrupted in between, the pair is good.
 */
MUST_CHECK bool anchor_adopt(struct anchor *anchor);
MUST_CHECK bool anchor_finish(struct anchor *anchor);

/* Gives the store an id that no token knows, in the transaction that is open. */
MUST_CHECK bool anchor_disown(struct anchor *anchor);

#endif
