/* READ BINARY (TS 102 221 11.1.3) and READ RECORD (11.1.5). */
#include <string.h>

#include "card_command.h"
#include "tree.h"

#define P1_SHORT 0x80 /* READ BINARY: P1 holds an SFI, P2 the offset */
#define P1_SHORT_RESERVED 0x60
#define SFI_MASK 0x1f
#define P2_MODE 0x07

enum record_mode {
    RECORD_NEXT = 0x02,
    RECORD_PREVIOUS = 0x03,
    RECORD_ABSOLUTE = 0x04, /* P1 = 00: the current one */
};

static uint16_t guard(const struct command_context *context, const struct tree_file *file)
{
    return !file->is_guarded || context->card->session->pin_verified ? SW_DONE : SW_PIN_NEEDED;
}

/* The EF a reading is of: by SFI, which makes it the current one, or the current one. */
static uint16_t find(const struct command_context *context, bool is_short, uint8_t sfi,
                     struct tree_file *out)
{
    struct card_channel *channel = context->channel;
    if (!is_short) {
        if (channel->file == FID_NONE)
            return SW_NO_FILE_SELECTED;
        return tree_find(context->card, channel->directory, channel->file, out)
                   ? guard(context, out)
                   : SW_NO_FILE;
    }
    if (!tree_find_short(context->card, channel->directory, sfi, out))
        return SW_NO_FILE;
    uint16_t sw = guard(context, out);
    if (sw != SW_DONE)
        return sw;
    channel->file = out->fid;
    channel->record = 0;
    return SW_DONE;
}

/* As many bytes from the offset on as Le asks for. */
static uint16_t give_part(struct command_context *context, const uint8_t *body, size_t bytes,
                          size_t offset)
{
    size_t wanted = context->apdu->le;
    if (offset >= bytes)
        return SW_BEYOND_THE_END;
    size_t left = bytes - offset;
    if (wanted > left && wanted != 256)
        return (uint16_t)(SW_EXACT_LENGTH | (left & 0xff));
    context->out->data_bytes = wanted < left ? wanted : left;
    memcpy(context->out->data, body + offset, context->out->data_bytes);
    return SW_DONE;
}

uint16_t command_read_binary(struct command_context *context)
{
    uint8_t body[TREE_BODY_BYTES_MAX];
    struct tree_file file;
    const struct apdu *apdu = context->apdu;
    bool is_short = (apdu->p1 & P1_SHORT) != 0;
    size_t offset = is_short ? apdu->p2 : (size_t)apdu->p1 << 8 | apdu->p2;
    if (apdu->data_bytes != 0 || !apdu->has_le)
        return SW_WRONG_LENGTH;
    if (is_short && (apdu->p1 & P1_SHORT_RESERVED) != 0)
        return SW_BAD_PARAMETERS;
    uint16_t sw = find(context, is_short, apdu->p1 & SFI_MASK, &file);
    if (sw != SW_DONE)
        return sw;
    if (file.is_linear)
        return SW_NOT_OF_THIS_KIND;
    tree_read(context->card, context->channel->directory, &file, 0, body);
    return give_part(context, body, file.bytes, offset);
}

/* The record that P1 and the mode name; 0 when there is none. Next and previous move on. */
static size_t number_of(struct command_context *context, const struct tree_file *file)
{
    struct card_channel *channel = context->channel;
    size_t number = context->apdu->p1 != 0 ? context->apdu->p1 : channel->record;
    switch (context->apdu->p2 & P2_MODE) {
    case RECORD_NEXT:
        number = (size_t)channel->record + 1;
        break;
    case RECORD_PREVIOUS:
        number = channel->record == 0 ? file->records : (size_t)channel->record - 1;
        break;
    default:
        return number <= file->records ? number : 0;
    }
    if (number == 0 || number > file->records)
        return 0;
    channel->record = (uint8_t)number;
    return number;
}

static bool is_record_mode(const struct apdu *apdu)
{
    uint8_t mode = apdu->p2 & P2_MODE;
    return mode == RECORD_ABSOLUTE ||
           ((mode == RECORD_NEXT || mode == RECORD_PREVIOUS) && apdu->p1 == 0);
}

uint16_t command_read_record(struct command_context *context)
{
    struct tree_file file;
    const struct apdu *apdu = context->apdu;
    struct card_channel before = *context->channel;
    uint8_t sfi = apdu->p2 >> 3;
    if (apdu->data_bytes != 0 || !apdu->has_le)
        return SW_WRONG_LENGTH;
    if (!is_record_mode(apdu))
        return SW_BAD_PARAMETERS;
    uint16_t sw = find(context, sfi != 0, sfi, &file);
    if (sw != SW_DONE)
        return sw;
    if (!file.is_linear)
        return SW_NOT_OF_THIS_KIND;
    size_t number = number_of(context, &file);
    if (number == 0)
        return SW_NO_RECORD;
    tree_read(context->card, context->channel->directory, &file, number, context->out->data);
    context->out->data_bytes = file.bytes;
    sw = command_deliver_exactly(context);
    if (sw != SW_DONE) /* the same command comes again, with the Le it was told */
        *context->channel = before;
    return sw;
}
