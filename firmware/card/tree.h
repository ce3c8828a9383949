/* The card's directories and what is in them: EF.DIR in the MF, the subscription's EFs in the ISIM.
 */
#ifndef NISIM_CARD_TREE_H
#define NISIM_CARD_TREE_H

#include "card.h"

#define FID_MF 0x3f00
#define FID_DIR 0x2f00
#define FID_CURRENT_ADF 0x7fff /* TS 102 221 8.4.1 */
#define TREE_AID_BYTES 16
#define TREE_BODY_BYTES_MAX 2048 /* of a transparent EF; a record has at most 255 */

struct tree_file {
    uint16_t fid;
    uint8_t sfi; /* 0: none */
    bool is_linear;
    bool is_guarded; /* read after the PIN only */
    size_t bytes;    /* of the body, or of one record */
    size_t records;  /* 0 when transparent */
};

/* ADF.ISIM's name (TS 101 220 annex E): the ISIM's RID and PIX, no country, no issuer. */
const uint8_t *tree_aid(void);

MUST_CHECK bool tree_find(const struct card *card, enum card_directory directory, uint16_t fid,
                          struct tree_file *out);
MUST_CHECK bool tree_find_short(const struct card *card, enum card_directory directory, uint8_t sfi,
                                struct tree_file *out);

/* file->bytes bytes: the body, or record `number` (from 1). `out` has room for them. */
void tree_read(const struct card *card, enum card_directory directory, const struct tree_file *file,
               size_t number, uint8_t *out);

#endif
