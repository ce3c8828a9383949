/* What a keeper holds: the token, the store, and the SQN states its batch has not yet committed. */
#ifndef NISIM_KEEPER_KEEPER_H
#define NISIM_KEEPER_KEEPER_H

#include "anchoring.h"
#include "card_sessions.h"
#include "channel.h"
#include "config.h"
#include "gba_state.h"
#include "journal.h"
#include "key_cache.h"
#include "keyring.h"
#include "records.h"
#include "store_pin.h"

#define KEEPER_BATCH_MAX 64 /* requests in one transaction */

/* An SQN state that this batch has moved on; version is the one it had in the store. */
struct pending {
    int64_t row;
    int64_t version;
    struct sqn_array array;
};

struct keeper {
    const struct config *config; /* borrowed, as is the next */
    struct module *module;
    struct token *token; /* owned, as are its keyring and keys, by equip.h */
    struct keyring *keyring;
    struct key_cache *unwrapped;
    struct store *store;
    struct card_sessions *cards; /* owned by serve */
    struct anchoring anchoring;
    uint32_t generation; /* how often nisimd has started this keeper */
    bool is_laboratory;  /* the token takes keys in clear text */
    bool store_failing;  /* said once, until it works again */
    size_t pending_count;
    struct pending pending[KEEPER_BATCH_MAX];
    size_t gba_pending_count; /* GBA states of this batch, sealed, not yet committed */
    struct gba_state gba_pending[KEEPER_BATCH_MAX];
    size_t pin_pending_count; /* PIN counters of this batch, not yet committed */
    struct pin_state pin_pending[KEEPER_BATCH_MAX];
    struct gba_state gba; /* of the request in hand, as is the next */
    struct subscription subscription;
    struct records records;
    struct journal journal;
};

#endif
