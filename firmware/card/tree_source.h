/* Where the contents of files come from, and those of GBA. For tree*.c only. */
#ifndef NISIM_CARD_TREE_SOURCE_H
#define NISIM_CARD_TREE_SOURCE_H

#include "card.h"
#include "wire.h"

#define TAG_VALUE 0x80 /* of IMPI, DOMAIN, IMPU, P-CSCF and NAF_ID (TS 31.103 4.2) */
#define FID_GBABP 0x6fd5
#define FID_GBANL 0x6fd7
/* RAND, B-TID and key lifetime at their longest, a length before each. */
#define TREE_GBABP_BYTES (1 + 16 + 1 + 255 + 1 + 20)

struct tree_source {
    const struct card *card;
    const struct identity *identity;
    bool has_gba; /* `gba` is filled: for FID_GBABP and FID_GBANL only */
    struct card_gba gba;
};

/* BER-TLV: from 128 bytes on the length takes two bytes (ISO/IEC 8825-1 8.1.3). */
void tree_write_head(struct wire_writer *writer, uint8_t tag, size_t length);

size_t tree_count_gbabp(const struct tree_source *source);
size_t tree_count_gbanl(const struct tree_source *source);
void tree_write_gbabp(const struct tree_source *source, size_t index, struct wire_writer *writer);
void tree_write_gbanl(const struct tree_source *source, size_t index, struct wire_writer *writer);

#endif
