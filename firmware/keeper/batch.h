/*
 * A batch: up to KEEPER_BATCH_MAX requests, executed one after another, their SQN states committed
 * in one durable transaction, then answered. Nothing that depends on the commit goes out without
 * it.
 */
#ifndef NISIM_KEEPER_BATCH_H
#define NISIM_KEEPER_BATCH_H

#include "execute.h"

struct packet {
    size_t bytes;
    uint8_t octets[CHANNEL_PACKET_BYTES_MAX];
};

/* Lives in pages of secret_pages_new: replies hold RES, CK and IK. */
struct batch {
    size_t count;
    struct packet requests[KEEPER_BATCH_MAX];
    struct reply replies[KEEPER_BATCH_MAX];
};

/* Executes and commits; replies[0..count) are then ready to go out. Not EXIT_DONE: end with it. */
MUST_CHECK enum exit_code batch_run(struct keeper *keeper, struct batch *batch);

/*
 * Wipes what the batch held: of each place what was used of it, 8 kB are seldom. An answer that was
 * begun and not made was wiped when it failed (reply_fail).
 */
void batch_clear(struct batch *batch);

#endif
