/*
 * One request, one reply. No network, no disk write: what a reply promises is in keeper->pending
 * and must be committed before a reply with needs_commit goes out (DESIGN 2.3).
 */
#ifndef NISIM_KEEPER_EXECUTE_H
#define NISIM_KEEPER_EXECUTE_H

#include "keeper.h"
#include "note.h"

/* A packet for the front. Holds secrets: wiped by who sent it. */
struct reply {
    bool needs_commit;
    size_t at; /* which request of its batch; set by the batch */
    uint8_t type;
    uint32_t request_id;
    struct note note;
    size_t bytes;
    uint8_t packet[CHANNEL_PACKET_BYTES_MAX];
};

/*
 * The request is a packet as channel.h defines it, from a front that is not trusted. EXIT_DONE when
 * there is a reply; any other value: this process must end with it (token lost, store damaged).
 */
MUST_CHECK enum exit_code keeper_execute(struct keeper *keeper, const uint8_t *packet, size_t bytes,
                                         struct reply *out_reply);

/* Makes the reply one with an empty body and this status, whatever it was. */
void reply_fail(struct reply *reply, struct fault fault);

/*
 * Says once that the store fails, and once that it works again: only a commit shows that, since a
 * full disk can still be read.
 */
void keeper_note_store(struct keeper *keeper, enum store_result result);

#endif
