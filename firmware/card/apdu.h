/* Command APDUs (ISO/IEC 7816-4, TS 102 221 10.1), short form only, and status words. */
#ifndef NISIM_CARD_APDU_H
#define NISIM_CARD_APDU_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "attributes.h"

#define APDU_COMMAND_BYTES_MAX 261 /* CLA INS P1 P2 Lc, 255 bytes, Le */
#define APDU_DATA_BYTES_MAX 256    /* of an answer, without its status word */

/* SW1 SW2 (TS 102 221 10.2, TS 31.103 7.1.4). 61xx, 63Cx and 6Cxx are built with a number. */
enum apdu_sw {
    SW_DONE = 0x9000,
    SW_MORE = 0x6100,         /* | bytes that GET RESPONSE brings, 00 for 256 */
    SW_TRIES = 0x63c0,        /* | tries left */
    SW_WRONG_LENGTH = 0x6700, /* Lc and Le are not what the command has */
    SW_NO_CHANNEL = 0x6881,   /* the logical channel is not open, or there is none such */
    SW_NO_SECURE_MESSAGING = 0x6882,
    SW_NOT_OF_THIS_KIND = 0x6981, /* the command does not go with the structure of the file */
    SW_PIN_NEEDED = 0x6982,
    SW_PIN_BLOCKED = 0x6983,
    SW_PIN_DISABLED = 0x6984,
    SW_NOT_NOW = 0x6985, /* conditions of use not satisfied */
    SW_NO_FILE_SELECTED = 0x6986,
    SW_BAD_DATA = 0x6a80,
    SW_NO_ROOM = 0x6a81, /* MANAGE CHANNEL: no channel is left */
    SW_NO_FILE = 0x6a82,
    SW_NO_RECORD = 0x6a83,
    SW_BAD_PARAMETERS = 0x6a86,
    SW_NO_REFERENCE = 0x6a88,
    SW_BEYOND_THE_END = 0x6b00,
    SW_EXACT_LENGTH = 0x6c00, /* | the Le that fits, 00 for 256 */
    SW_BAD_INSTRUCTION = 0x6d00,
    SW_BAD_CLASS = 0x6e00,
    SW_WRONG_MAC = 0x9862,
    SW_NO_CONTEXT = 0x9864,
};

struct apdu {
    uint8_t cla;
    uint8_t ins;
    uint8_t p1;
    uint8_t p2;
    size_t data_bytes;   /* Lc */
    const uint8_t *data; /* inside the command; NULL without Lc */
    bool has_le;
    size_t le; /* 1 to 256 */
};

/* What goes back. Holds secrets when the command was AUTHENTICATE or GET RESPONSE. */
struct apdu_answer {
    uint16_t sw;
    size_t data_bytes;
    uint8_t data[APDU_DATA_BYTES_MAX];
};

/* What AUTHENTICATE answers begin with (TS 31.103 7.1.2). */
enum apdu_tag {
    TAG_SUCCESS = 0xdb,
    TAG_SYNC_FAILURE = 0xdc,
};

/* Appends a length and so many bytes; at first `tag`. They fit: their sum is the caller's to know.
 */
void apdu_answer_tag(struct apdu_answer *answer, enum apdu_tag tag);
void apdu_answer_value(struct apdu_answer *answer, const void *bytes, size_t length);

/* False when Lc and Le do not add up to `length`, or are of the extended form: 6700. */
MUST_CHECK bool apdu_parse(const uint8_t *command, size_t length, struct apdu *out);

#endif
