/*
 * A backup file: a preamble (BACKUP_MAGIC, the MAC key wrapped under the backup key), then records,
 * each a kind, a length, a body and the HMAC-SHA-256 over the MAC before it and all that; the
 * last is BACKUP_END. So a record that is altered, removed, moved or missing at the end shows where
 * it stands. Numbers are big endian. Written and read in one pass, a record at a time.
 */
#ifndef NISIM_PROVISIONING_BACKUP_FILE_H
#define NISIM_PROVISIONING_BACKUP_FILE_H

#include <stdio.h>

#include "backup_key.h"

#define BACKUP_MAGIC "nisim backup 1\n"
#define BACKUP_SEQS_BYTES ((size_t)SQN_ENTRIES_MAX * 8)

enum backup_kind {
    BACKUP_SUBSCRIBER = 1, /* 8 bytes a SEQ, then the subscription's record, K under backup key */
    BACKUP_VALUE = 2,      /* 1 byte, length of the name; name; value */
    BACKUP_END = 3,        /* 8 bytes: how many records there were before */
};

#define BACKUP_BODY_BYTES_MAX (BACKUP_SEQS_BYTES + SUBSCRIPTION_RECORD_BYTES_MAX)
#define BACKUP_HEAD_BYTES (1 + 4)

struct backup_file {
    struct office *office; /* borrowed */
    const char *path;
    FILE *stream;
    struct backup_keys keys;
    uint64_t records;
    uint64_t at; /* bytes before this record */
    enum backup_kind kind;
    size_t body_bytes;
    /* The MAC before, kind and length, body, the MAC: as the HMAC wants it. */
    uint8_t bytes[TOKEN_MAC_BYTES + BACKUP_HEAD_BYTES + BACKUP_BODY_BYTES_MAX + TOKEN_MAC_BYTES];
};

/* Where the body of the record at hand stands. */
uint8_t *backup_body(struct backup_file *file);

/* Makes a new file; the keys must be there. */
MUST_CHECK enum outcome backup_create(struct backup_file *file);

/* The body is in its place already. */
MUST_CHECK enum outcome backup_write(struct backup_file *file, enum backup_kind kind,
                                     size_t body_bytes);

/* Writes the last record, and out to the disk. */
MUST_CHECK enum outcome backup_finish(struct backup_file *file);

/* Opens a file and reads its preamble: the MAC key is made ready. */
MUST_CHECK enum outcome backup_open(struct backup_file *file, const char *key_name);

/* The next record, whose MAC holds. After BACKUP_END the file is known to be whole. */
MUST_CHECK enum outcome backup_read(struct backup_file *file);

void backup_close(struct backup_file *file);

#endif
