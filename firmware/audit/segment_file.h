/*
 * The segment that is written: bytes are added at its end and made durable. Where room is made, the
 * file grows by zeros ahead of what is written: a sync of bytes in a file that does not grow is one
 * write to the disk; where the file grows it is the file system's journal as well. Zeros to the end
 * of the file are no record (cursor.h).
 */
#ifndef NISIM_AUDIT_SEGMENT_FILE_H
#define NISIM_AUDIT_SEGMENT_FILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "attributes.h"

struct segment_file {
    int descriptor; /* -1: none */
    bool makes_room;
    bool has_leftover; /* a failed write may have left bytes behind the end */
    uint64_t size;     /* of the file, room included; at least that */
};

/* A file that is there, cut to `end` bytes. False: errno. */
MUST_CHECK bool segment_file_open(struct segment_file *file, const char *path, uint64_t end);

/* A new one, empty. Its name in the folder is not durable yet. False: errno. */
MUST_CHECK bool segment_file_make(struct segment_file *file, const char *path);

/* Cuts off the room that is left, after `end`. */
void segment_file_close(struct segment_file *file, uint64_t end);

/* At `end`, which is what was written before. False: errno, and nothing of it counts; try again. */
MUST_CHECK bool segment_file_write(struct segment_file *file, uint64_t end, const uint8_t *data,
                                   size_t bytes);

#endif
