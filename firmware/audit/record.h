/*
 * One record of an audit trail. In a file: 2 bytes, length of the body; the body; 32 bytes, the
 * chain: SHA-256 of the chain before and the body. The body: kind (1), sequence (8), time (8), then
 * fields, each tag (1), length (2), bytes. Numbers are big endian. Nothing secret has a field here.
 */
#ifndef NISIM_AUDIT_RECORD_H
#define NISIM_AUDIT_RECORD_H

#include "wire.h"

#define AUDIT_CHAIN_BYTES 32
#define AUDIT_LENGTH_BYTES 2
#define AUDIT_BODY_BYTES_MAX 2048
#define AUDIT_RECORD_BYTES_MAX (AUDIT_LENGTH_BYTES + AUDIT_BODY_BYTES_MAX + AUDIT_CHAIN_BYTES)
#define AUDIT_TEXT_BYTES_MAX 255 /* a longer text is cut */
#define AUDIT_SIGNATURE_BYTES 64
#define AUDIT_OFFICERS_MAX 3
#define AUDIT_NO_STATUS 0xffff

/* Numbers are on disk: never renumber. */
enum audit_kind {
    AUDIT_SEGMENT = 1,    /* a file begins; detail is the writer, range_first the segment */
    AUDIT_START = 2,      /* the writer begins to work */
    AUDIT_STOP = 3,       /* and ends */
    AUDIT_REQUEST = 4,    /* a client asked a keeper, and how that ended */
    AUDIT_WITHDRAWN = 5,  /* for each bit i of range_mask, record range_first + i was not so */
    AUDIT_RESUMED = 6,    /* range_mask records before this one are not confirmed by the store */
    AUDIT_CHECKPOINT = 7, /* signature of the chain before it */
    AUDIT_INTENT = 8,     /* an officer begins an act */
    AUDIT_OUTCOME = 9,    /* how the act range_first ended */
    AUDIT_PART = 10,      /* a subscriber that the act range_first is about, of many */
};

/* Texts are borrowed; NULL where there is none. */
struct audit_record {
    enum audit_kind kind;
    uint64_t sequence;  /* from 1, without a gap, over all segments of a writer */
    uint64_t time_ms;   /* since 1970, UTC */
    const char *person; /* a client's name; of the tool, who sat before it */
    const char *operation;
    const char *subscriber; /* IMPI; the name asked for where no subscription is known by it */
    const char *detail;
    uint16_t status; /* of a request, enum status; of an act, its exit status */
    const char *officers[AUDIT_OFFICERS_MAX]; /* who approved */
    bool has_range;
    uint64_t range_first;
    uint64_t range_mask;
    const uint8_t *signature; /* AUDIT_SIGNATURE_BYTES of a checkpoint */
};

/* A record as read, and the texts it borrows. */
struct audit_read_record {
    struct audit_record record;
    char texts[4 + AUDIT_OFFICERS_MAX][AUDIT_TEXT_BYTES_MAX + 1];
    uint8_t signature[AUDIT_SIGNATURE_BYTES];
};

void audit_body_write(struct wire_writer *writer, const struct audit_record *record);

/* False when it is no body that audit_body_write makes. */
MUST_CHECK bool audit_body_read(const uint8_t *body, size_t bytes, struct audit_read_record *out);

/* "request", "checkpoint" */
const char *audit_kind_name(enum audit_kind kind);

#endif
