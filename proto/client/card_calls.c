#include <string.h>

#include "card_message.h"
#include "client.h"

_Static_assert(NISIM_ATR_BYTES == ATR_BYTES_MAX && NISIM_COMMAND_BYTES == COMMAND_APDU_BYTES_MAX &&
                   NISIM_RESPONSE_BYTES == RESPONSE_APDU_BYTES_MAX,
               "nisim.h has its own names for the limits of the wire");

#define APDU_BYTES_LEAST 4

/* CARD_RESET or CARD_OFF. */
static enum nisim_result ask_card(struct nisim *nisim, enum message_type type, enum nisim_name by,
                                  const char *name, struct frame_header *out_header)
{
    uint8_t frame[FRAME_HEADER_BYTES + 4 + NAME_BYTES_MAX];
    struct subscriber_name subscriber;
    enum nisim_result result = client_take_name(nisim, by, name, &subscriber);
    if (result != NISIM_OK)
        return result;
    struct wire_writer writer = wire_writer_of(frame, sizeof frame);
    frame_begin(&writer);
    card_request_write(&writer, &subscriber);
    return client_ask(nisim, &writer, (uint8_t)type, out_header);
}

enum nisim_result nisim_card_reset(struct nisim *nisim, enum nisim_name by, const char *name,
                                   uint8_t out_atr[NISIM_ATR_BYTES], size_t *out_bytes)
{
    struct frame_header header = {0};
    struct atr atr;
    *out_bytes = 0;
    enum nisim_result result = ask_card(nisim, MESSAGE_CARD_RESET, by, name, &header);
    if (result != NISIM_OK)
        return result;
    if (atr_read(nisim->body, header.body_bytes, &atr).status != STATUS_OK)
        return client_lost(nisim, "the answer is not well formed");
    memcpy(out_atr, atr.atr, atr.bytes);
    *out_bytes = atr.bytes;
    return NISIM_OK;
}

enum nisim_result nisim_card_off(struct nisim *nisim, enum nisim_name by, const char *name)
{
    struct frame_header header = {0};
    enum nisim_result result = ask_card(nisim, MESSAGE_CARD_OFF, by, name, &header);
    if (result == NISIM_OK &&
        card_off_answer_read(nisim->body, header.body_bytes).status != STATUS_OK)
        return client_lost(nisim, "the answer is not well formed");
    return result;
}

static enum nisim_result take_response(struct nisim *nisim, const struct frame_header *header,
                                       uint8_t *out_response, size_t *out_bytes)
{
    ERASED(apdu_response) struct apdu_response response = {0};
    if (apdu_response_read(nisim->body, header->body_bytes, &response).status != STATUS_OK)
        return client_lost(nisim, "the answer is not well formed");
    memcpy(out_response, response.response, response.bytes);
    *out_bytes = response.bytes;
    return NISIM_OK;
}

static enum nisim_result ask_apdu(struct nisim *nisim, const struct apdu_request *request,
                                  struct frame_header *out_header)
{
    uint8_t frame[FRAME_HEADER_BYTES + 8 + NAME_BYTES_MAX + COMMAND_APDU_BYTES_MAX];
    struct wire_writer writer = wire_writer_of(frame, sizeof frame);
    frame_begin(&writer);
    apdu_request_write(&writer, request);
    enum nisim_result result = client_ask(nisim, &writer, MESSAGE_APDU, out_header);
    secret_wipe(frame, sizeof frame);
    return result;
}

enum nisim_result nisim_apdu(struct nisim *nisim, enum nisim_name by, const char *name,
                             const uint8_t *command, size_t command_bytes,
                             uint8_t out_response[NISIM_RESPONSE_BYTES], size_t *out_bytes)
{
    ERASED(apdu_request) struct apdu_request request = {.command_bytes = command_bytes};
    struct frame_header header = {0};
    *out_bytes = 0;
    enum nisim_result result = client_take_name(nisim, by, name, &request.subscriber);
    if (result != NISIM_OK)
        return result;
    if (command_bytes < APDU_BYTES_LEAST || command_bytes > sizeof request.command)
        return client_fail(nisim, NISIM_BAD_REQUEST, "a command APDU has 4 to %d bytes, not %zu",
                           COMMAND_APDU_BYTES_MAX, command_bytes);
    memcpy(request.command, command, command_bytes);
    result = ask_apdu(nisim, &request, &header);
    if (result == NISIM_OK)
        result = take_response(nisim, &header, out_response, out_bytes);
    secret_wipe(nisim->body, sizeof nisim->body);
    return result;
}

void nisim_response_erase(uint8_t response[NISIM_RESPONSE_BYTES])
{
    secret_wipe(response, NISIM_RESPONSE_BYTES);
}
