#include "execute.h"

#include <string.h>

#include "answer_apdu.h"
#include "answer_card.h"
#include "answer_digest.h"
#include "answer_file.h"
#include "answer_gba.h"
#include "work.h"

/* The front's own PING is a marker in the channel, not a question about health (channel.h). */
static void execute_marker(struct work *work)
{
    const struct keeper *keeper = work->keeper;
    work->fault = ping_read(work->body, work->body_bytes);
    if (work->fault.status != STATUS_OK)
        return;
    struct wire_writer writer = reply_begin(work->reply);
    wire_write_number(&writer, keeper->generation, CHANNEL_GENERATION_BYTES);
    wire_write_number(&writer, keeper->is_laboratory, CHANNEL_LABORATORY_BYTES);
    reply_end(work->reply, &writer, STATUS_OK);
}

static void execute_ping(struct work *work)
{
    work->fault = ping_read(work->body, work->body_bytes);
    if (work->fault.status != STATUS_OK)
        return;
    enum hsm_result rc = token_alive(work->keeper->token);
    if (rc != HSM_OK) {
        work_fail_by_token(work, rc);
        return;
    }
    struct wire_writer writer = reply_begin(work->reply);
    reply_end(work->reply, &writer, STATUS_OK);
}

static void execute_identity(struct work *work)
{
    struct subscriber_name name;
    work->fault = identity_request_read(work->body, work->body_bytes, &name);
    if (work->fault.status != STATUS_OK || !work_find_subscriber(work, &name))
        return;
    struct wire_writer writer = reply_begin(work->reply);
    identity_write(&writer, &work->keeper->subscription.identity);
    reply_end(work->reply, &writer, STATUS_OK);
}

/* The allow-list of what a front may have done here. */
static const struct {
    uint8_t type;
    void (*execute)(struct work *work);
} operations[] = {
    {MESSAGE_PING, execute_ping},
    {MESSAGE_IDENTITY, execute_identity},
    {MESSAGE_AUTHENTICATE, answer_card},
    {MESSAGE_DIGEST, answer_digest},
    {MESSAGE_HA1, answer_ha1},
    {MESSAGE_APDU, answer_apdu},
    {MESSAGE_CARD_RESET, answer_card_reset},
    {MESSAGE_CARD_OFF, answer_card_off},
    {MESSAGE_GBA_BOOTSTRAP, answer_gba_bootstrap},
    {MESSAGE_GBA_NAF, answer_gba_naf},
    {MESSAGE_GBA_STORE, answer_gba_store},
    {MESSAGE_READ_FILE, answer_file},
};

static void execute_message(struct work *work)
{
    uint8_t type = work->reply->type;
    if (work->client == NULL && type == MESSAGE_PING) {
        execute_marker(work);
        return;
    }
    if (work->client == NULL && type != MESSAGE_CARD_OFF) {
        work_fail(work, STATUS_INTERNAL);
        return;
    }
    for (size_t i = 0; i < sizeof operations / sizeof operations[0]; i++) {
        if (operations[i].type == type) {
            operations[i].execute(work);
            return;
        }
    }
    work_fail(work, STATUS_UNKNOWN_MESSAGE);
}

/* Stamp and header; the fault says what is wrong with them. */
static void open_packet(struct work *work, const uint8_t *packet, size_t bytes)
{
    struct wire_reader reader = wire_reader_of(packet, bytes);
    work->stamp.client = (uint16_t)wire_read_number(&reader, CHANNEL_CLIENT_BYTES);
    work->stamp.connection = (uint32_t)wire_read_number(&reader, CHANNEL_CONNECTION_BYTES);
    const uint8_t *head = wire_read_bytes(&reader, FRAME_HEADER_BYTES);
    if (head == NULL) {
        work_fail(work, STATUS_MALFORMED);
        return;
    }
    struct frame_header header = frame_header_read(head);
    work->reply->type = header.type;
    work->reply->request_id = header.request_id;
    memcpy(work->reply->packet, packet, CHANNEL_STAMP_BYTES);
    work->body_bytes = reader.left;
    work->body = wire_read_bytes(&reader, reader.left);
    work_fail(work, frame_check_request(&header));
    if (work->fault.status == STATUS_OK && header.body_bytes != work->body_bytes)
        work_fail(work, STATUS_MALFORMED);
    if (work->stamp.client == CHANNEL_STAMP_FRONT)
        return;
    if (work->stamp.client >= work->keeper->config->client_count)
        work_fail(work, STATUS_CLIENT_NOT_LISTED);
    else
        work->client = &work->keeper->config->clients[work->stamp.client];
}

/* Of a card's commands only challenges, GBA and what was refused have a record of their own. */
static void finish_note(struct work *work)
{
    struct note *note = &work->reply->note;
    if (work->client != NULL)
        note->client = work->client->name;
    note->outcome = work->fault.status;
    if (note->outcome == STATUS_OK && note->has_inner)
        note->outcome = note->inner;
    if (work->fault.status != STATUS_OK && note->subscriber[0] != '\0')
        note->is_wanted = true;
}

enum exit_code keeper_execute(struct keeper *keeper, const uint8_t *packet, size_t bytes,
                              struct reply *out_reply)
{
    struct work work = {.keeper = keeper, .reply = out_reply};
    out_reply->needs_commit = false;
    out_reply->type = 0;
    out_reply->request_id = 0;
    out_reply->bytes = 0;
    out_reply->note = (struct note){.is_wanted = false};
    memset(out_reply->packet, 0, CHANNEL_STAMP_BYTES);
    open_packet(&work, packet, bytes);
    if (work.fault.status == STATUS_OK)
        execute_message(&work);
    finish_note(&work);
    if (work.exit == EXIT_DONE && work.fault.status != STATUS_OK)
        reply_fail(out_reply, work.fault);
    return work.exit;
}
