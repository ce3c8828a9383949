#include "answer_apdu.h"

#include <string.h>

#include "apdu_gba.h"
#include "apdu_pin.h"
#include "card.h"
#include "card_files.h"
#include "card_message.h"
#include "challenge.h"

static bool find_allowed(struct work *work, const struct subscriber_name *name)
{
    return work_admit(work, name, FORM_APDU) && work_find_subscriber(work, name);
}

static void note(struct work *work, const struct card_use *use)
{
    card_sessions_note(work->keeper->cards, use, work->reply->at);
}

void answer_card_reset(struct work *work)
{
    struct subscriber_name name;
    uint8_t atr[CARD_ATR_BYTES_MAX];
    work->fault = card_request_read(MESSAGE_CARD_RESET, work->body, work->body_bytes, &name);
    if (work->fault.status != STATUS_OK || !find_allowed(work, &name))
        return;
    note(work, card_sessions_start(work->keeper->cards, &work->stamp, &name,
                                   work->keeper->subscription.row));
    struct wire_writer writer = reply_begin(work->reply);
    atr_write(&writer, atr, card_atr(atr));
    reply_end(work->reply, &writer, STATUS_OK);
}

/* The card's own words for what came of a challenge; its status word says MAC_FAILURE. */
static bool ims_aka(void *user, const uint8_t *rand, const uint8_t *autn, struct card_aka *out)
{
    ERASED(aka_answer) struct aka_answer aka = {0};
    struct work *work = user;
    if (!challenge_run(work, rand, autn, &aka)) {
        out->outcome = CARD_AKA_MAC_FAILURE;
        if (work->exit != EXIT_DONE || work->fault.status != STATUS_MAC_FAILURE)
            return false;
        work_fail(work, STATUS_OK);
        return true;
    }
    out->outcome = aka.outcome == AKA_ACCEPTED ? CARD_AKA_ACCEPTED : CARD_AKA_SYNC_FAILURE;
    out->res = aka.res;
    out->ck = aka.ck;
    out->ik = aka.ik;
    memcpy(out->auts, aka.auts, sizeof out->auts);
    return true;
}

static void write_answer(struct work *work, const struct apdu_answer *answer)
{
    ERASED(apdu_response) struct apdu_response response = {0};
    memcpy(response.response, answer->data, answer->data_bytes);
    response.response[answer->data_bytes] = (uint8_t)(answer->sw >> 8);
    response.response[answer->data_bytes + 1] = (uint8_t)answer->sw;
    response.bytes = answer->data_bytes + 2;
    struct wire_writer writer = reply_begin(work->reply);
    apdu_response_write(&writer, &response);
    reply_end(work->reply, &writer, STATUS_OK);
}

static void apdu_answer_erase(struct apdu_answer *answer)
{
    secret_wipe(answer, sizeof *answer);
}

static void card_session_erase(struct card_session *session)
{
    secret_wipe(session, sizeof *session);
}

/* False when there was no answer to give: the card is as it was. */
static bool execute(struct work *work, struct card_use *use, const struct apdu_request *request,
                    struct apdu_answer *out)
{
    static const struct card_functions functions = {.ims_aka = ims_aka,
                                                    .pin_tries = apdu_pin_tries,
                                                    .verify = apdu_pin_verify,
                                                    .gba = apdu_gba,
                                                    .gba_files = card_files_gba};
    ERASED(card_session) struct card_session before = use->session;
    struct card card = {.session = &use->session,
                        .identity = &work->keeper->subscription.identity,
                        .asks_pin = work->keeper->subscription.pin.is_set,
                        .functions = &functions,
                        .user = work};
    if (card_execute(&card, request->command, request->command_bytes, out) &&
        work->exit == EXIT_DONE && work->fault.status == STATUS_OK)
        return true;
    use->session = before;
    if (work->exit == EXIT_DONE && work->fault.status == STATUS_OK)
        work_fail(work, STATUS_INTERNAL);
    return false;
}

void answer_apdu(struct work *work)
{
    ERASED(apdu_request) struct apdu_request request = {0};
    ERASED(apdu_answer) struct apdu_answer answer = {0};
    work->fault = apdu_request_read(work->body, work->body_bytes, &request);
    if (work->fault.status != STATUS_OK || !find_allowed(work, &request.subscriber))
        return;
    struct card_use *use =
        card_sessions_find(work->keeper->cards, &work->stamp, &request.subscriber);
    if (use == NULL || use->row != work->keeper->subscription.row) {
        work_fail(work, STATUS_NO_CARD);
        return;
    }
    note(work, use);
    if (execute(work, use, &request, &answer))
        write_answer(work, &answer);
}

/* The front's own: a connection is gone, or all of them (channel.h). */
static void forget(struct work *work)
{
    if (work->body_bytes != 0) {
        work_fail(work, STATUS_MALFORMED);
        return;
    }
    card_sessions_forget(work->keeper->cards, work->stamp.connection);
    struct wire_writer writer = reply_begin(work->reply);
    reply_end(work->reply, &writer, STATUS_OK);
}

void answer_card_off(struct work *work)
{
    struct subscriber_name name;
    if (work->client == NULL) {
        forget(work);
        return;
    }
    work->fault = card_request_read(MESSAGE_CARD_OFF, work->body, work->body_bytes, &name);
    if (work->fault.status != STATUS_OK || !find_allowed(work, &name))
        return;
    struct card_use *use = card_sessions_find(work->keeper->cards, &work->stamp, &name);
    if (use == NULL) {
        work_fail(work, STATUS_NO_CARD);
        return;
    }
    note(work, use);
    card_sessions_end(work->keeper->cards, use);
    struct wire_writer writer = reply_begin(work->reply);
    reply_end(work->reply, &writer, STATUS_OK);
}
