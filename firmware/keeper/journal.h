/*
 * A keeper's part in the audit trail: the records of a batch are durable before its transaction,
 * which then confirms them: how far the trail has come goes into the store with the SQN states.
 * What does not come true is withdrawn by a record after it.
 */
#ifndef NISIM_KEEPER_JOURNAL_H
#define NISIM_KEEPER_JOURNAL_H

#include <time.h>

#include "channel.h"
#include "head.h"
#include "trail.h"

#define JOURNAL_CHECKPOINT_SECONDS 60

struct batch;
struct keeper;

struct journal {
    char writer[AUDIT_WRITER_BYTES];
    struct audit_trail *trail;
    struct token_signer signer;
    bool is_failing;      /* said once, until it can be written again */
    bool is_unconfirmed;  /* `head` is not in the store yet */
    uint64_t batch_first; /* number of the batch's first record */
    uint64_t owed_first;  /* as batch_first, of what is to be withdrawn */
    uint64_t owed_mask;   /* bit i: record owed_first + i; 0: nothing */
    uint64_t signed_next; /* the record after the last checkpoint */
    time_t signed_s;
    struct stored_value head;
};

/* Goes on with the writer's trail, with a record of it and a checkpoint. Says what fails. */
MUST_CHECK enum exit_code journal_open(struct keeper *keeper, const char *folder,
                                       const char *writer, uint32_t generation);

/* With a last record and a checkpoint when `exit` is EXIT_DONE. */
void journal_close(struct keeper *keeper, enum exit_code exit);

/*
 * Not EXIT_DONE: the token is lost. Without out_written nothing of the batch may be answered.
 * Under module_hold, which the caller ends.
 */
MUST_CHECK enum exit_code journal_write(struct keeper *keeper, struct batch *batch,
                                        bool *out_written);

/* In the batch's transaction, and once it is committed. */
MUST_CHECK enum store_result journal_confirm(struct keeper *keeper);
void journal_confirmed(struct keeper *keeper);

/* These requests of the batch did not come true: with the next records, or now. */
void journal_withdraw(struct keeper *keeper, const struct batch *batch, const bool *withdrawn);
void journal_settle(struct keeper *keeper);

/* From time to time: a checkpoint where there are records without one. */
MUST_CHECK enum exit_code journal_watch(struct keeper *keeper);

#endif
