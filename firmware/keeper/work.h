/* A request in a keeper's hands: what it is, whose, and how it ends. For execute.c and answers. */
#ifndef NISIM_KEEPER_WORK_H
#define NISIM_KEEPER_WORK_H

#include "execute.h"

struct work {
    struct keeper *keeper;
    struct channel_stamp stamp;
    const struct client *client; /* NULL: the front itself */
    const uint8_t *body;
    size_t body_bytes;
    struct reply *reply;
    struct fault fault;  /* STATUS_OK: the body of the reply is written */
    enum exit_code exit; /* not EXIT_DONE: the process must end */
};

/* The reply's frame, to be written between these two. */
struct wire_writer reply_begin(struct reply *reply);
void reply_end(struct reply *reply, struct wire_writer *writer, enum status status);

void work_fail(struct work *work, enum status status);
void work_fail_at(struct work *work, enum status status, enum field_tag field);

/* The status, or the end of this process, that the result means; logs what an operator must know.
 */
void work_fail_by_token(struct work *work, enum hsm_result result);
void work_fail_by_store(struct work *work, enum store_result result);

/*
 * May this client have this form of answer about anybody? The request's name is noted for the audit
 * trail. False: work->fault.
 */
MUST_CHECK bool work_admit(struct work *work, const struct subscriber_name *name,
                           enum answer_form form);

/*
 * Fills keeper->subscription with who is asked about, if the record is whole and the client may
 * ask about it; false when work->fault or work->exit says why not.
 */
MUST_CHECK bool work_find_subscriber(struct work *work, const struct subscriber_name *name);

#endif
