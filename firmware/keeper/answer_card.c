#include "answer_card.h"

#include <string.h>

#include "challenge.h"

/* Only the outcome's own fields are there to be written. */
static void write_answer(struct work *work, const struct aka_answer *aka)
{
    ERASED(authenticate_answer) struct authenticate_answer answer = {0};
    bool fresh = aka->outcome == AKA_ACCEPTED;
    enum status status = fresh ? STATUS_OK : STATUS_SYNC_FAILURE;
    memcpy(answer.auts, aka->auts, sizeof answer.auts);
    answer.res = aka->res;
    answer.ck = aka->ck;
    answer.ik = aka->ik;
    struct wire_writer writer = reply_begin(work->reply);
    authenticate_answer_write(&writer, status, &answer);
    reply_end(work->reply, &writer, status);
}

void answer_card(struct work *work)
{
    ERASED(aka_answer) struct aka_answer aka = {0};
    struct authenticate_request request;
    work->fault = authenticate_request_read(work->body, work->body_bytes, &request);
    if (work->fault.status == STATUS_OK && work_admit(work, &request.subscriber, request.form) &&
        work_find_subscriber(work, &request.subscriber) &&
        challenge_run(work, request.rand, request.autn, &aka))
        write_answer(work, &aka);
}
