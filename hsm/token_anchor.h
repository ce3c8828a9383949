/*
 * What a token remembers of the store it works with: which one, and how far it had come when the
 * token last heard of it. A private data object; a store that has come less far is an old copy.
 * There are two copies, and the older one is overwritten: SoftHSM rewrites an object in place, so a
 * process that is killed just then, or loses its power, takes that copy with it. The newer counts.
 */
#ifndef NISIM_HSM_TOKEN_ANCHOR_H
#define NISIM_HSM_TOKEN_ANCHOR_H

#include "token.h"

#define TOKEN_ANCHOR_NAME "nisim anchor"
#define ANCHOR_ID_BYTES 16
#define ANCHOR_MARK_BYTES (ANCHOR_ID_BYTES + 8)

struct anchor_mark {
    uint8_t store_id[ANCHOR_ID_BYTES]; /* random */
    uint64_t counter;
};

/* The same id and the same counter. */
bool anchor_mark_equal(const struct anchor_mark *a, const struct anchor_mark *b);
void anchor_mark_to_bytes(const struct anchor_mark *mark, uint8_t out_bytes[ANCHOR_MARK_BYTES]);
void anchor_mark_from_bytes(const uint8_t bytes[ANCHOR_MARK_BYTES], struct anchor_mark *out_mark);

/* HSM_NO_KEY without such an object; HSM_BAD_ANSWER when none of them is what we write. */
MUST_CHECK enum hsm_result token_anchor_read(struct token *token, struct anchor_mark *out_mark);

/* Changes the older copy, or makes those that are missing. Wants a session that is writable. */
MUST_CHECK enum hsm_result token_anchor_write(struct token *token, const struct anchor_mark *mark);

#endif
