/*
 * The body of a frame as a list of fields, checked against messages.def: known, not too many, not
 * too few, of a right length, consumed exactly. What the values mean is message.h's subject.
 */
#ifndef NISIM_PROTO_FIELDS_H
#define NISIM_PROTO_FIELDS_H

#include "status.h"
#include "wire.h"

#define USER_ID_BYTES_MAX 128
#define NAME_BYTES_MAX 255
#define USER_IDS_MAX 8
#define IMPUS_MAX 8
#define P_CSCFS_MAX 8
#define SERVICE_TABLE_BYTES_MAX 16
#define NONCE_BYTES_MAX 1024
#define METHOD_BYTES_MAX 32
#define DIGEST_URI_BYTES_MAX 1024
#define CNONCE_BYTES_MAX 128
#define NAF_ID_BYTES_MAX 255        /* as TS 31.103 7.1.2.4 can tell its length */
#define DIGEST_HEX_BYTES_MAX 64     /* of SHA-256, SHA-512-256 */
#define COMMAND_APDU_BYTES_MAX 261  /* short form: header, Lc, 255 bytes, Le */
#define RESPONSE_APDU_BYTES_MAX 258 /* 256 bytes and the status word */
#define ATR_BYTES_MAX 33
#define FILE_DATA_BYTES_MAX 2048
#define FILE_RECORDS_MAX 8
#define FIELD_OPTIONAL_BIT 0x8000
#define FIELDS_MAX 64 /* more fields than this in one body are MALFORMED */

enum message_type {
#define MESSAGE(name, code) MESSAGE_##name = (code),
#include "messages.def"
};

enum field_tag {
#define FIELD(name, tag, kind, least, most) FIELD_##name = (tag),
#include "messages.def"
};

enum field_kind {
    FIELD_KIND_TEXT,   /* UTF-8 without control characters and without a NUL */
    FIELD_KIND_BYTES,  /* octets that may be shown */
    FIELD_KIND_SECRET, /* octets that may not */
    FIELD_KIND_NUMBER, /* unsigned, big endian */
};

enum body_kind {
    BODY_REQUEST,
    BODY_ANSWER_OK,
    BODY_ANSWER_SYNC_FAILURE,
    BODY_ANSWER_FAILURE, /* every other status: empty, or AT_FIELD alone */
};

/* What is wrong with a body, STATUS_OK if nothing; at_field is 0 where no field is at fault. */
struct fault {
    enum status status;
    uint16_t at_field;
};

struct field {
    uint16_t tag;
    uint16_t length;
    const uint8_t *bytes; /* inside the body that was read */
};

struct fields {
    size_t count;
    struct field list[FIELDS_MAX];
};

/* NULL for a code not in the table. */
const char *message_name(uint8_t type);
const char *field_name(uint16_t tag);

/* Which kind of body an answer with this status has. */
enum body_kind body_kind_of_answer(uint8_t status);

/* The fields of the body; optional ones that are not known are left out. */
MUST_CHECK struct fault fields_read(uint8_t type, enum body_kind kind, const uint8_t *body,
                                    size_t body_bytes, struct fields *out_fields);

/* The nth (from 0) field with this tag, or NULL. */
const struct field *fields_find(const struct fields *fields, enum field_tag tag, size_t nth);

uint64_t field_number(const struct field *field);

/* Copies the text and ends it with a NUL. `room` counts the NUL and must suffice. */
void field_copy_text(const struct field *field, char *out_text, size_t room);

void fields_write(struct wire_writer *writer, enum field_tag tag, const void *bytes, size_t length);
void fields_write_text(struct wire_writer *writer, enum field_tag tag, const char *text);
void fields_write_number(struct wire_writer *writer, enum field_tag tag, uint64_t value,
                         size_t bytes);

#endif
