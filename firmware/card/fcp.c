#include "fcp.h"

#include "wire.h"

#define TAG_FCP 0x62
#define TAG_DESCRIPTOR 0x82
#define TAG_FID 0x83
#define TAG_DF_NAME 0x84
#define TAG_PROPRIETARY 0xa5
#define TAG_LIFE_CYCLE 0x8a
#define TAG_ACCESS_REFERENCED 0x8b
#define TAG_ACCESS_COMPACT 0x8c
#define TAG_BYTES 0x80
#define TAG_SFI 0x88
#define TAG_PIN_STATUS 0xc6

#define DESCRIPTOR_DIRECTORY 0x78 /* shareable (11.1.1.4.3) */
#define DESCRIPTOR_TRANSPARENT 0x41
#define DESCRIPTOR_LINEAR 0x42
#define DATA_CODING 0x21
#define ACTIVATED 0x05 /* life cycle (11.1.1.4.9) */

static void write_number(struct wire_writer *writer, uint8_t tag, uint64_t value, size_t bytes)
{
    wire_write_number(writer, tag, 1);
    wire_write_number(writer, bytes, 1);
    wire_write_number(writer, value, bytes);
}

static void write_name(struct wire_writer *writer)
{
    wire_write_number(writer, TAG_DF_NAME, 1);
    wire_write_number(writer, TREE_AID_BYTES, 1);
    wire_write_bytes(writer, tree_aid(), TREE_AID_BYTES);
}

static struct wire_writer begin(struct apdu_answer *out)
{
    struct wire_writer writer = wire_writer_of(out->data, sizeof out->data);
    wire_write_number(&writer, TAG_FCP, 1);
    wire_write_number(&writer, 0, 1);
    return writer;
}

/* A template of ours is shorter than 128 bytes: its length is one byte. */
static void end(const struct wire_writer *writer, struct apdu_answer *out)
{
    out->data[1] = (uint8_t)(writer->used - 2);
    out->data_bytes = writer->used;
}

/* 9.5.2: one PIN, 01, enabled or not. */
static void write_pin_status(struct wire_writer *writer, bool is_enabled)
{
    wire_write_number(writer, TAG_PIN_STATUS, 1);
    wire_write_number(writer, 6, 1);
    write_number(writer, 0x90, is_enabled ? 0x80 : 0x00, 1);
    write_number(writer, TAG_FID, 0x01, 1); /* in here tag 83 is a key reference */
}

void fcp_of_directory(const struct card *card, enum card_directory directory,
                      struct apdu_answer *out)
{
    struct wire_writer writer = begin(out);
    bool is_mf = directory == DIRECTORY_MF;
    write_number(&writer, TAG_DESCRIPTOR, DESCRIPTOR_DIRECTORY << 8 | DATA_CODING, 2);
    write_number(&writer, TAG_FID, is_mf ? FID_MF : FID_CURRENT_ADF, 2);
    if (!is_mf)
        write_name(&writer);
    wire_write_number(&writer, TAG_PROPRIETARY, 1);
    wire_write_number(&writer, 3, 1);
    write_number(&writer, 0x80, 0x71, 1); /* UICC characteristics: clock stop allowed, class A */
    write_number(&writer, TAG_LIFE_CYCLE, ACTIVATED, 1);
    write_number(&writer, TAG_ACCESS_COMPACT, 0x00, 1); /* nothing may be created or deleted */
    write_pin_status(&writer, card->asks_pin);
    end(&writer, out);
}

void fcp_of_file(enum card_directory directory, const struct tree_file *file,
                 struct apdu_answer *out)
{
    struct wire_writer writer = begin(out);
    size_t body = file->is_linear ? file->bytes * file->records : file->bytes;
    wire_write_number(&writer, TAG_DESCRIPTOR, 1);
    wire_write_number(&writer, file->is_linear ? 5 : 2, 1);
    wire_write_number(&writer, file->is_linear ? DESCRIPTOR_LINEAR : DESCRIPTOR_TRANSPARENT, 1);
    wire_write_number(&writer, DATA_CODING, 1);
    if (file->is_linear) {
        wire_write_number(&writer, file->bytes, 2);
        wire_write_number(&writer, file->records, 1);
    }
    write_number(&writer, TAG_FID, file->fid, 2);
    write_number(&writer, TAG_LIFE_CYCLE, ACTIVATED, 1);
    if (directory == DIRECTORY_MF)
        write_number(&writer, TAG_ACCESS_COMPACT, 0x0100, 2); /* read: always; no more */
    else                                                      /* EF.ARR and a record of it */
        write_number(&writer, TAG_ACCESS_REFERENCED,
                     UINT64_C(0x6f0600) | (file->is_guarded ? 2 : 1), 3);
    write_number(&writer, TAG_BYTES, body, 2);
    if (file->sfi != 0)
        write_number(&writer, TAG_SFI, (uint64_t)file->sfi << 3, 1);
    else
        wire_write_number(&writer, TAG_SFI << 8, 2); /* none (11.1.1.4.8) */
    end(&writer, out);
}

void fcp_name(struct apdu_answer *out)
{
    struct wire_writer writer = wire_writer_of(out->data, sizeof out->data);
    write_name(&writer);
    out->data_bytes = writer.used;
}
