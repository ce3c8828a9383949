#include "execute.h"

#include <string.h>

#include "aka.h"
#include "authorize.h"
#include "log.h"

/* A request that is decoded as far as its header, and where its reply goes. */
struct work {
    struct keeper *keeper;
    const struct client *client; /* NULL: the front itself */
    const uint8_t *body;
    size_t body_bytes;
    struct reply *reply;
    struct fault fault;  /* STATUS_OK: the body of the reply is written */
    enum exit_code exit; /* not EXIT_DONE: the process must end */
};

static struct wire_writer reply_writer(struct reply *reply)
{
    struct wire_writer writer =
        wire_writer_of(reply->packet + CHANNEL_STAMP_BYTES, FRAME_BYTES_MAX);
    frame_begin(&writer);
    return writer;
}

/* Our own answers always fit: the limits of messages.def are below FRAME_BODY_BYTES_MAX. */
static void reply_end(struct reply *reply, struct wire_writer *writer, enum status status)
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

static void fail(struct work *work, enum status status)
{
    work->fault = (struct fault){status, 0};
}

static void fail_by_token(struct work *work, enum hsm_result result)
{
    struct module *module = work->keeper->token->module;
    const char *impi = work->keeper->subscription.identity.impi;
    switch (result) {
    case HSM_LATER:
        fail(work, STATUS_UNAVAILABLE);
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
        fail(work, STATUS_KEY_UNUSABLE);
    }
}

static void fail_by_store(struct work *work, enum store_result result)
{
    keeper_note_store(work->keeper, result);
    switch (result) {
    case STORE_NOT_FOUND:
        fail(work, STATUS_UNKNOWN_USER);
        return;
    case STORE_BAD_RECORD:
        log_line(LOG_LEVEL_ERROR, "record-damaged", "reason=\"%s\"",
                 store_why(work->keeper->store));
        fail(work, STATUS_KEY_UNUSABLE);
        return;
    case STORE_CORRUPT:
        work->exit = EXIT_STORE;
        return;
    default:
        fail(work, STATUS_UNAVAILABLE);
    }
}

/* A record that was edited behind our back, or that the index wrongly points to, is not used. */
static bool check_record(struct work *work, const struct subscriber_name *name)
{
    const struct subscription *subscription = &work->keeper->subscription;
    enum hsm_result rc = subscription_check_seal(work->keeper->token, subscription);
    if (rc == HSM_OK && subscription_is_named(subscription, name))
        return true;
    if (rc == HSM_OK || rc == HSM_BAD_ANSWER) {
        log_line(LOG_LEVEL_ERROR, "record-tampered", "row=%lld reason=\"the seal does not fit\"",
                 (long long)subscription->row);
        fail(work, STATUS_KEY_UNUSABLE);
        return false;
    }
    fail_by_token(work, rc);
    return false;
}

/* Fills keeper->subscription; false when the fault or the exit says why not. */
static bool find_subscriber(struct work *work, const struct subscriber_name *name)
{
    struct keeper *keeper = work->keeper;
    enum store_result rc = store_find(keeper->store, name, &keeper->subscription);
    if (rc != STORE_OK) {
        fail_by_store(work, rc);
        return false;
    }
    keeper_note_store(keeper, rc);
    if (!check_record(work, name))
        return false;
    fail(work, authorize_subscriber(work->client, &keeper->subscription));
    return work->fault.status == STATUS_OK;
}

static void execute_ping(struct work *work)
{
    work->fault = ping_read(work->body, work->body_bytes);
    if (work->fault.status != STATUS_OK)
        return;
    /* The front's own PING is a marker in the channel, not a question about health. */
    enum hsm_result rc = work->client == NULL ? HSM_OK : token_alive(work->keeper->token);
    if (rc != HSM_OK) {
        fail_by_token(work, rc);
        return;
    }
    struct wire_writer writer = reply_writer(work->reply);
    reply_end(work->reply, &writer, STATUS_OK);
}

static void execute_identity(struct work *work)
{
    struct subscriber_name name;
    work->fault = identity_request_read(work->body, work->body_bytes, &name);
    if (work->fault.status != STATUS_OK || !find_subscriber(work, &name))
        return;
    struct wire_writer writer = reply_writer(work->reply);
    identity_write(&writer, &work->keeper->subscription.identity);
    reply_end(work->reply, &writer, STATUS_OK);
}

static struct pending *pending_find(struct keeper *keeper, int64_t row)
{
    for (size_t i = 0; i < keeper->pending_count; i++) {
        if (keeper->pending[i].row == row)
            return &keeper->pending[i];
    }
    return NULL;
}

/* The state a request starts from: this batch's own, else the store's. */
static enum store_result read_state(struct keeper *keeper, struct pending *out)
{
    const struct pending *pending = pending_find(keeper, keeper->subscription.row);
    if (pending != NULL) {
        *out = *pending;
        return STORE_OK;
    }
    out->row = keeper->subscription.row;
    return store_sqn_read(keeper->store, out->row, &out->array, &out->version);
}

static void keep_pending(struct keeper *keeper, const struct pending *state,
                         const struct sqn_array *array)
{
    struct pending *pending = pending_find(keeper, state->row);
    if (pending == NULL)
        pending = &keeper->pending[keeper->pending_count++];
    *pending = *state;
    pending->array = *array;
}

static void log_sync_failure(const struct subscription *subscription, const struct pending *state,
                             uint64_t sqn)
{
    uint8_t bits = subscription->profile.ind_bits;
    uint64_t highest = sqn_highest(&subscription->profile, &state->array);
    log_line(LOG_LEVEL_INFO, "sync-failure",
             "impi=\"%s\" seq=%llu ind=%llu highest_seq=%llu highest_ind=%llu",
             subscription->identity.impi, (unsigned long long)(sqn >> bits),
             (unsigned long long)(sqn & ((UINT64_C(1) << bits) - 1)),
             (unsigned long long)(highest >> bits),
             (unsigned long long)(highest & ((UINT64_C(1) << bits) - 1)));
}

/* RES, CK, IK or AUTS into the reply; only the outcome's own fields are there to be written. */
static void answer_challenge(struct work *work, const struct pending *state,
                             const struct aka_answer *aka)
{
    ERASED(authenticate_answer) struct authenticate_answer answer = {0};
    enum status status = STATUS_OK;
    struct keeper *keeper = work->keeper;
    if (aka->outcome == AKA_MAC_FAILURE) {
        log_line(LOG_LEVEL_INFO, "mac-failure", "impi=\"%s\"", keeper->subscription.identity.impi);
        fail(work, STATUS_MAC_FAILURE);
        return;
    }
    if (aka->outcome == AKA_SYNC_FAILURE) {
        log_sync_failure(&keeper->subscription, state, aka->sqn);
        status = STATUS_SYNC_FAILURE;
        memcpy(answer.auts, aka->auts, sizeof answer.auts);
    } else {
        keep_pending(keeper, state, &aka->array);
        answer.res = aka->res;
        answer.ck = aka->ck;
        answer.ik = aka->ik;
    }
    struct wire_writer writer = reply_writer(work->reply);
    authenticate_answer_write(&writer, status, &answer);
    reply_end(work->reply, &writer, status);
    work->reply->needs_commit = true;
}

static enum hsm_result ask_token(struct keeper *keeper, const struct authenticate_request *request,
                                 const struct pending *state, struct aka_answer *out)
{
    struct key key = {0};
    enum hsm_result rc = keyring_open(keeper->keyring, &keeper->subscription.key_ref, &key);
    if (rc != HSM_OK)
        return rc;
    struct token_cipher cipher_state;
    struct cipher cipher = token_cipher_start(&cipher_state, keeper->token, key.handle);
    rc = aka_answer_challenge(&cipher, key.opc, request->rand, request->autn,
                              &keeper->subscription.profile, &state->array, out);
    enum hsm_result end = token_cipher_end(&cipher_state);
    return rc != HSM_OK ? rc : end;
}

static void execute_authenticate(struct work *work)
{
    ERASED(aka_answer) struct aka_answer aka = {0};
    struct authenticate_request request;
    struct pending state;
    work->fault = authenticate_request_read(work->body, work->body_bytes, &request);
    if (work->fault.status == STATUS_OK)
        fail(work, authorize_form(work->client, request.form));
    if (work->fault.status != STATUS_OK || !find_subscriber(work, &request.subscriber))
        return;
    enum store_result read = read_state(work->keeper, &state);
    if (read != STORE_OK) {
        fail_by_store(work, read);
        return;
    }
    enum hsm_result rc = ask_token(work->keeper, &request, &state, &aka);
    if (rc != HSM_OK) {
        fail_by_token(work, rc);
        return;
    }
    answer_challenge(work, &state, &aka);
}

/* The allow-list of what a front may have done here. */
static void execute_message(struct work *work)
{
    uint8_t type = work->reply->type;
    if (work->client == NULL && type != MESSAGE_PING) {
        fail(work, STATUS_INTERNAL);
        return;
    }
    switch (type) {
    case MESSAGE_PING:
        execute_ping(work);
        return;
    case MESSAGE_IDENTITY:
        execute_identity(work);
        return;
    case MESSAGE_AUTHENTICATE:
        execute_authenticate(work);
        return;
    default:
        fail(work, STATUS_UNKNOWN_MESSAGE);
    }
}

/* Stamp and header; the fault says what is wrong with them. */
static void open_packet(struct work *work, const uint8_t *packet, size_t bytes)
{
    struct wire_reader reader = wire_reader_of(packet, bytes);
    uint64_t stamp = wire_read_number(&reader, CHANNEL_STAMP_BYTES);
    const uint8_t *head = wire_read_bytes(&reader, FRAME_HEADER_BYTES);
    if (head == NULL) {
        fail(work, STATUS_MALFORMED);
        return;
    }
    struct frame_header header = frame_header_read(head);
    work->reply->type = header.type;
    work->reply->request_id = header.request_id;
    memcpy(work->reply->packet, packet, CHANNEL_STAMP_BYTES);
    work->body_bytes = reader.left;
    work->body = wire_read_bytes(&reader, reader.left);
    fail(work, frame_check_request(&header));
    if (work->fault.status == STATUS_OK && header.body_bytes != work->body_bytes)
        fail(work, STATUS_MALFORMED);
    if (stamp == CHANNEL_STAMP_FRONT)
        return;
    if (stamp >= work->keeper->config->client_count)
        fail(work, STATUS_CLIENT_NOT_LISTED);
    else
        work->client = &work->keeper->config->clients[stamp];
}

enum exit_code keeper_execute(struct keeper *keeper, const uint8_t *packet, size_t bytes,
                              struct reply *out_reply)
{
    struct work work = {.keeper = keeper, .reply = out_reply};
    out_reply->needs_commit = false;
    out_reply->type = 0;
    out_reply->request_id = 0;
    out_reply->bytes = 0;
    memset(out_reply->packet, 0, CHANNEL_STAMP_BYTES);
    open_packet(&work, packet, bytes);
    if (work.fault.status == STATUS_OK)
        execute_message(&work);
    if (work.exit == EXIT_DONE && work.fault.status != STATUS_OK)
        reply_fail(out_reply, work.fault);
    return work.exit;
}
