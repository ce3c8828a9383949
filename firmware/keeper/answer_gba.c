#include "answer_gba.h"

#include <string.h>

#include "gba.h"
#include "gba_message.h"

/* The request was read; may this client ask it of this subscriber? */
static bool admit(struct work *work, const struct subscriber_name *name)
{
    return work_admit(work, name, FORM_GBA) && work_find_subscriber(work, name);
}

void answer_gba_bootstrap(struct work *work)
{
    ERASED(aka_answer) struct aka_answer aka = {0};
    ERASED(gba_bootstrap_answer) struct gba_bootstrap_answer answer = {0};
    struct gba_bootstrap_request request;
    work->fault = gba_bootstrap_request_read(work->body, work->body_bytes, &request);
    if (work->fault.status != STATUS_OK || !admit(work, &request.subscriber) ||
        !gba_bootstrap(work, request.rand, request.autn, &aka))
        return;
    enum status status = aka.outcome == AKA_ACCEPTED ? STATUS_OK : STATUS_SYNC_FAILURE;
    answer.res = aka.res;
    memcpy(answer.auts, aka.auts, sizeof answer.auts);
    struct wire_writer writer = reply_begin(work->reply);
    gba_bootstrap_answer_write(&writer, status, &answer);
    reply_end(work->reply, &writer, status);
}

void answer_gba_store(struct work *work)
{
    struct gba_store_request request;
    work->fault = gba_store_request_read(work->body, work->body_bytes, &request);
    if (work->fault.status != STATUS_OK || !admit(work, &request.subscriber) ||
        !gba_store(work, request.rand, request.b_tid, request.lifetime))
        return;
    struct wire_writer writer = reply_begin(work->reply);
    reply_end(work->reply, &writer, STATUS_OK);
}

void answer_gba_naf(struct work *work)
{
    ERASED(gba_key) struct gba_key key = {{0}};
    ERASED(gba_naf_answer) struct gba_naf_answer answer = {.lifetime = 0};
    struct gba_naf_request request;
    work->fault = gba_naf_request_read(work->body, work->body_bytes, &request);
    if (work->fault.status != STATUS_OK || !admit(work, &request.subscriber) ||
        !gba_naf_key(work, request.naf_id, request.naf_id_bytes, &key))
        return;
    const struct gba_state *state = &work->keeper->gba;
    memcpy(answer.ks_ext_naf, key.bytes, sizeof answer.ks_ext_naf);
    memcpy(answer.b_tid, state->b_tid, sizeof answer.b_tid);
    answer.lifetime = state->lifetime;
    struct wire_writer writer = reply_begin(work->reply);
    gba_naf_answer_write(&writer, &answer);
    reply_end(work->reply, &writer, STATUS_OK);
}
