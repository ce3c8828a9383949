/*
 * A writer's trail, to be written on. One process has it at a time: a keeper its own, the officer's
 * tool under a lock. Records are added to a buffer; a flush makes them durable, all or none.
 */
#ifndef NISIM_AUDIT_TRAIL_H
#define NISIM_AUDIT_TRAIL_H

#include "place.h"
#include "token_sign.h"

#define AUDIT_SEGMENT_BYTES                                              \
    (UINT64_C(64) << 20) /* a segment is ended by the next turn above it \
                          */

struct audit_trail;

/*
 * Goes on after `confirmed`, what the store knows (NULL: nothing), and after the whole records that
 * follow it: the first record added says how many they were. Parts of an act at their very end are
 * withdrawn: the transaction that would have confirmed them was not committed. A torn record is cut
 * off. Where the trail no longer has what the store confirmed, or is damaged behind it, a new
 * segment is begun and says so. NULL: out_why.
 */
MUST_CHECK struct audit_trail *audit_trail_open(const char *folder, const char *writer,
                                                const struct audit_head *confirmed,
                                                char out_why[AUDIT_WHY_BYTES]);
void audit_trail_close(struct audit_trail **trail);

/*
 * For who flushes often: from now on a segment grows by room for many flushes at a time, so that a
 * flush costs the disk less (segment_file.h). It is cut off at the segment's end and by a close.
 */
void audit_trail_make_room(struct audit_trail *trail);

/* What opening it met, for a line in the log; NULL: nothing. */
const char *audit_trail_met(const struct audit_trail *trail);

/* Gives it its sequence and its time. */
void audit_trail_add(struct audit_trail *trail, struct audit_record record);

/* Adds that `count` records from number `first` on did not come true. */
void audit_trail_withdraw(struct audit_trail *trail, uint64_t first, uint64_t count);

/* Adds the token's signature of all before it. */
MUST_CHECK enum hsm_result audit_trail_sign(struct audit_trail *trail, struct token *token,
                                            const struct token_signer *signer);

/* False: nothing of what was added is in the trail, audit_trail_why says why. Try again later. */
MUST_CHECK bool audit_trail_flush(struct audit_trail *trail);

/* Is it time for audit_trail_turn? With nothing added; sign and flush before. */
MUST_CHECK bool audit_trail_is_full(const struct audit_trail *trail);
MUST_CHECK bool audit_trail_turn(struct audit_trail *trail);

/* For tests: other than AUDIT_SEGMENT_BYTES. */
void audit_trail_limit(struct audit_trail *trail, uint64_t segment_bytes);

/* How far it is durable, and the number that the next record will have. */
const struct audit_head *audit_trail_head(const struct audit_trail *trail);
uint64_t audit_trail_next(const struct audit_trail *trail);
const char *audit_trail_why(const struct audit_trail *trail);

#endif
