/* Reads a writer's trail from the first record to the last, over all segments, and its chain. */
#ifndef NISIM_AUDIT_CURSOR_H
#define NISIM_AUDIT_CURSOR_H

#include <stdio.h>

#include "chain.h"
#include "place.h"

enum audit_step {
    AUDIT_READ,  /* cursor->read is the next record, and its chain fits */
    AUDIT_WRONG, /* why says what; what follows can be read on */
    AUDIT_TORN,  /* the last segment ends within a record, or with one that was written in part:
                    cursor->left bytes from its beginning on */
    AUDIT_END,   /* nothing follows, or zeros alone: room that the writer made */
    AUDIT_UNREADABLE, /* a file, or memory, is not to be had: why */
};

struct audit_cursor {
    const char *folder; /* borrowed, as is the next */
    const char *writer;
    FILE *file;
    bool is_lost; /* after a record without an end: what comes next has no chain before it */
    struct audit_head at;   /* the end of what was read; offset is in the segment */
    uint64_t record_offset; /* where the record in hand begins */
    uint64_t left;
    struct audit_chain chain;
    struct audit_read_record read;
    uint8_t bytes[AUDIT_RECORD_BYTES_MAX];
    char why[AUDIT_WHY_BYTES];
};

/*
 * From `from`, or from the first segment where it is NULL. False: why. Close it then too. A start
 * at offset 0 of a segment above 1 takes the chain before it on trust, unless it has a sequence.
 */
MUST_CHECK bool audit_cursor_open(struct audit_cursor *cursor, const char *folder,
                                  const char *writer, const struct audit_head *from);
void audit_cursor_close(struct audit_cursor *cursor);

MUST_CHECK enum audit_step audit_cursor_next(struct audit_cursor *cursor);

#endif
