/* SELECT (TS 102 221 11.1.1) and STATUS (11.1.2). */
#include <string.h>

#include "card_command.h"
#include "fcp.h"

#define FID_BYTES 2
#define RID_BYTES 5
#define P2_TEMPLATE 0x0c /* the bits that say what comes back */
#define P2_OCCURRENCE 0x03

enum selection { /* P1 */
                 SELECTION_BY_FID = 0x00,
                 SELECTION_BY_AID = 0x04,
                 SELECTION_BY_PATH_FROM_MF = 0x08,
                 SELECTION_BY_PATH = 0x09,
};

enum template {                      /* P2 */
                TEMPLATE_FCI = 0x00, /* ISO/IEC 7816-4; answered as FCP */
                TEMPLATE_FCP = 0x04,
                TEMPLATE_NONE = 0x0c,
};

static uint16_t fid_at(const uint8_t *bytes)
{
    return (uint16_t)(bytes[0] << 8 | bytes[1]);
}

/* Where a selection would lead; nothing changes before it has got there. */
static void enter(struct card_channel *place, enum card_directory directory)
{
    place->directory = directory;
    place->file = FID_NONE;
    place->record = 0;
}

/* What can be named from where one is (8.4.1): MF, current ADF, and the directory's own EFs. */
static bool step(const struct card *card, struct card_channel *place, uint16_t fid)
{
    struct tree_file file;
    if (fid == FID_MF) {
        enter(place, DIRECTORY_MF);
        return true;
    }
    if (fid == FID_CURRENT_ADF) {
        enter(place, DIRECTORY_ISIM);
        return place->is_active;
    }
    if (!tree_find(card, place->directory, fid, &file))
        return false;
    place->file = fid;
    place->record = 0;
    return true;
}

static uint16_t by_aid(const struct command_context *context, struct card_channel *place)
{
    const struct apdu *apdu = context->apdu;
    bool is_there = apdu->data_bytes >= RID_BYTES && apdu->data_bytes <= TREE_AID_BYTES &&
                    memcmp(apdu->data, tree_aid(), apdu->data_bytes) == 0;
    uint8_t occurrence = apdu->p2 & P2_OCCURRENCE;
    /* There is one application: after it comes no next one, before it no previous one. */
    if (!is_there || (occurrence >= 2 && place->is_active))
        return SW_NO_FILE;
    place->is_active = true;
    enter(place, DIRECTORY_ISIM);
    return SW_DONE;
}

static uint16_t by_path(const struct command_context *context, struct card_channel *place)
{
    const struct apdu *apdu = context->apdu;
    if (apdu->data_bytes % FID_BYTES != 0)
        return SW_WRONG_LENGTH;
    if (apdu->p1 == SELECTION_BY_PATH_FROM_MF)
        enter(place, DIRECTORY_MF);
    for (size_t at = 0; at < apdu->data_bytes; at += FID_BYTES) {
        /* Nothing is inside an EF, and a path does not name the MF. */
        if (place->file != FID_NONE && at > 0)
            return SW_NO_FILE;
        uint16_t fid = fid_at(apdu->data + at);
        if (fid == FID_MF || !step(context->card, place, fid))
            return SW_NO_FILE;
    }
    return SW_DONE;
}

static uint16_t by_fid(const struct command_context *context, struct card_channel *place)
{
    if (context->apdu->data_bytes != FID_BYTES)
        return SW_WRONG_LENGTH;
    return step(context->card, place, fid_at(context->apdu->data)) ? SW_DONE : SW_NO_FILE;
}

static uint16_t find(const struct command_context *context, struct card_channel *place)
{
    switch (context->apdu->p1) {
    case SELECTION_BY_FID:
        return by_fid(context, place);
    case SELECTION_BY_AID:
        return by_aid(context, place);
    case SELECTION_BY_PATH_FROM_MF:
    case SELECTION_BY_PATH:
        return by_path(context, place);
    default:
        return SW_BAD_PARAMETERS;
    }
}

static void describe(const struct command_context *context)
{
    const struct card_channel *channel = context->channel;
    struct tree_file file;
    if (channel->file != FID_NONE &&
        tree_find(context->card, channel->directory, channel->file, &file))
        fcp_of_file(channel->directory, &file, context->out);
    else
        fcp_of_directory(context->card, channel->directory, context->out);
}

static bool is_selection(const struct apdu *apdu)
{
    uint8_t template = apdu->p2 & P2_TEMPLATE;
    bool has_occurrence = (apdu->p2 & P2_OCCURRENCE) != 0;
    return (apdu->p2 & ~(P2_TEMPLATE | P2_OCCURRENCE)) == 0 &&
           (!has_occurrence || apdu->p1 == SELECTION_BY_AID) &&
           (template == TEMPLATE_FCI || template == TEMPLATE_FCP || template == TEMPLATE_NONE);
}

uint16_t command_select(struct command_context *context)
{
    const struct apdu *apdu = context->apdu;
    struct card_channel place = *context->channel;
    if (!is_selection(apdu))
        return SW_BAD_PARAMETERS;
    if (apdu->data_bytes == 0)
        return SW_WRONG_LENGTH;
    uint16_t sw = find(context, &place);
    if (sw != SW_DONE)
        return sw;
    *context->channel = place;
    if ((apdu->p2 & P2_TEMPLATE) != TEMPLATE_NONE)
        describe(context);
    return SW_DONE;
}

/* STATUS's P2: what to say. P1 tells the card how far the application is; nothing follows from it.
 */
enum status_wanted {
    STATUS_FCP = 0x00,
    STATUS_AID = 0x01,
    STATUS_NOTHING = 0x0c,
};

uint16_t command_status(struct command_context *context)
{
    const struct apdu *apdu = context->apdu;
    if (apdu->data_bytes != 0)
        return SW_WRONG_LENGTH;
    if (apdu->p1 > 0x02)
        return SW_BAD_PARAMETERS;
    switch (apdu->p2) {
    case STATUS_NOTHING:
        return apdu->has_le && apdu->le != 256 ? SW_WRONG_LENGTH : SW_DONE;
    case STATUS_FCP:
        fcp_of_directory(context->card, context->channel->directory, context->out);
        return command_deliver_exactly(context);
    case STATUS_AID:
        if (!context->channel->is_active)
            return SW_NOT_NOW;
        fcp_name(context->out);
        return command_deliver_exactly(context);
    default:
        return SW_BAD_PARAMETERS;
    }
}
