#include "work.h"

#include <stdio.h>

#include "authorize.h"
#include "log.h"

struct wire_writer reply_begin(struct reply *reply)
{
    struct wire_writer writer =
        wire_writer_of(reply->packet + CHANNEL_STAMP_BYTES, FRAME_BYTES_MAX);
    frame_begin(&writer);
    return writer;
}

/* Our own answers always fit: the limits of messages.def are below FRAME_BODY_BYTES_MAX. */
void reply_end(struct reply *reply, struct wire_writer *writer, enum status status)
{
    struct frame_header header = {.type = reply->type,
                                  .flags = FRAME_FLAG_ANSWER,
                                  .status = (uint8_t)status,
                                  .request_id = reply->request_id};
    if (!frame_end(writer, header)) {
        reply_fail(reply, (struct fault){STATUS_INTERNAL, 0});
        return;
    }
    reply->bytes = CHANNEL_STAMP_BYTES + writer->used;
}

void reply_fail(struct reply *reply, struct fault fault)
{
    secret_wipe(reply->packet + CHANNEL_STAMP_BYTES, FRAME_BYTES_MAX);
    struct wire_writer writer =
        wire_writer_of(reply->packet + CHANNEL_STAMP_BYTES, FRAME_BYTES_MAX);
    bool fits = frame_write_failure(&writer, reply->type, reply->request_id, fault);
    reply->bytes = fits ? CHANNEL_STAMP_BYTES + writer.used : 0;
    reply->needs_commit = false;
}

void keeper_note_store(struct keeper *keeper, enum store_result result)
{
    bool failing = result == STORE_FAILED || result == STORE_CORRUPT || result == STORE_BUSY;
    if (failing && !keeper->store_failing)
        log_line(LOG_LEVEL_ERROR, "store-failing", "reason=\"%s\"", store_why(keeper->store));
    if (!failing && keeper->store_failing)
        log_line(LOG_LEVEL_WARNING, "store-works-again", NULL);
    keeper->store_failing = failing;
}

void work_fail(struct work *work, enum status status)
{
    work->fault = (struct fault){status, 0};
}

void work_fail_at(struct work *work, enum status status, enum field_tag field)
{
    work->fault = (struct fault){status, (uint16_t)field};
}

void work_fail_by_token(struct work *work, enum hsm_result result)
{
    struct module *module = work->keeper->token->module;
    const char *impi = work->keeper->subscription.identity.impi;
    switch (result) {
    case HSM_LATER:
        work_fail(work, STATUS_UNAVAILABLE);
        return;
    case HSM_LOST:
    case HSM_BAD_ANSWER:
    case HSM_NO_MEMORY:
        log_line(LOG_LEVEL_ERROR, "token-lost", "reason=\"%s\" call=\"%s\"",
                 hsm_result_text(result), module_fault(module));
        work->exit = EXIT_LOST;
        return;
    default:
        log_line(LOG_LEVEL_ERROR, "key-unusable", "impi=\"%s\" reason=\"%s\" call=\"%s\"", impi,
                 hsm_result_text(result), module_fault(module));
        work_fail(work, STATUS_KEY_UNUSABLE);
    }
}

void work_fail_by_store(struct work *work, enum store_result result)
{
    switch (result) {
    case STORE_NOT_FOUND:
        work_fail(work, STATUS_UNKNOWN_USER);
        return;
    case STORE_BAD_RECORD:
        log_line(LOG_LEVEL_ERROR, "record-damaged", "reason=\"%s\"",
                 store_why(work->keeper->store));
        work_fail(work, STATUS_KEY_UNUSABLE);
        return;
    case STORE_CORRUPT:
        keeper_note_store(work->keeper, result);
        work->exit = EXIT_STORE;
        return;
    default:
        keeper_note_store(work->keeper, result);
        work_fail(work, STATUS_UNAVAILABLE);
    }
}

/* A record that was edited behind our back, or that the index wrongly points to, is not used. */
static bool prove_record(struct work *work, const struct subscriber_name *name)
{
    const struct subscription *subscription = &work->keeper->subscription;
    enum hsm_result rc = subscription_check_seal(work->keeper->token, subscription);
    if (rc == HSM_OK && subscription_is_named(subscription, name)) {
        records_keep(&work->keeper->records, name, subscription);
        return true;
    }
    if (rc == HSM_OK || rc == HSM_BAD_ANSWER) {
        log_line(LOG_LEVEL_ERROR, "record-tampered", "row=%lld reason=\"the seal does not fit\"",
                 (long long)subscription->row);
        work_fail(work, STATUS_KEY_UNUSABLE);
        return false;
    }
    work_fail_by_token(work, rc);
    return false;
}

static void note_name(struct work *work, const char *name)
{
    struct note *note = &work->reply->note;
    snprintf(note->subscriber, sizeof note->subscriber, "%s", name);
    note->is_wanted = note->is_wanted || work->reply->type != MESSAGE_APDU;
}

bool work_admit(struct work *work, const struct subscriber_name *name, enum answer_form form)
{
    note_name(work, name->text);
    work_fail(work, authorize_form(work->client, form));
    return work->fault.status == STATUS_OK;
}

/* Fills keeper->subscription; false when the fault or the exit says why not. */
bool work_find_subscriber(struct work *work, const struct subscriber_name *name)
{
    struct keeper *keeper = work->keeper;
    note_name(work, name->text);
    bool is_proven = false;
    enum store_result rc =
        records_find(&keeper->records, keeper->store, name, &keeper->subscription, &is_proven);
    if (rc != STORE_OK) {
        work_fail_by_store(work, rc);
        return false;
    }
    if (!is_proven && !prove_record(work, name))
        return false;
    note_name(work, keeper->subscription.identity.impi);
    work_fail(work, authorize_subscriber(work->client, &keeper->subscription));
    return work->fault.status == STATUS_OK;
}
