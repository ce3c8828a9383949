/*
 * How far a writer's trail has come, in the store under the token's seal: a trail that is shorter
 * was cut. Named "audit/WRITER".
 */
#ifndef NISIM_AUDIT_HEAD_H
#define NISIM_AUDIT_HEAD_H

#include "place.h"
#include "stored_value.h"

#define AUDIT_HEAD_PREFIX "audit/"
#define AUDIT_ARCHIVED_PREFIX "audit-archived/"

/* The seal is made here, so that a transaction need not wait for the token. */
MUST_CHECK enum hsm_result audit_head_seal(struct token *token, const char *writer,
                                           const struct audit_head *head,
                                           struct stored_value *out_value);

/*
 * HSM_NO_KEY when the store has none of this writer; HSM_BAD_ANSWER when it has one with a wrong
 * seal; HSM_REFUSED when the store can't be read (store_why).
 */
MUST_CHECK enum hsm_result audit_head_read(struct token *token, struct store *store,
                                           const char *writer, struct audit_head *out_head);

/* The same of how far a trail was archived, the end of a segment: what is here begins behind it. */
MUST_CHECK enum hsm_result audit_archived_seal(struct token *token, const char *writer,
                                               const struct audit_head *end,
                                               struct stored_value *out_value);
MUST_CHECK enum hsm_result audit_archived_read(struct token *token, struct store *store,
                                               const char *writer, struct audit_head *out_end);

#endif
