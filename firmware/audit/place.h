/* Where trails are: a folder, in it a file a segment, WRITER.NUMBER, numbers from 1. */
#ifndef NISIM_AUDIT_PLACE_H
#define NISIM_AUDIT_PLACE_H

#include "record.h"

#define AUDIT_PATH_BYTES 1280
#define AUDIT_WRITER_BYTES 32 /* "keeper-12", "officer" */
#define AUDIT_WHY_BYTES 1600
#define AUDIT_OFFICER "officer"

/* How far a trail has come. */
struct audit_head {
    uint32_t segment;
    uint64_t offset; /* the segment's length */
    uint64_t sequence;
    uint8_t chain[AUDIT_CHAIN_BYTES];
};

void audit_segment_path(const char *folder, const char *writer, uint32_t segment,
                        char out_path[AUDIT_PATH_BYTES]);

/* The numbers of a writer's segments, 0: there is none. False: the folder can't be read. */
MUST_CHECK bool audit_first_segment(const char *folder, const char *writer, uint32_t *out_segment);
MUST_CHECK bool audit_last_segment(const char *folder, const char *writer, uint32_t *out_segment);

/*
 * The writer whose name comes next after `after` ("" to begin) among the folder's files; false at
 * the end, and when the folder can't be read (errno is not 0).
 */
MUST_CHECK bool audit_next_writer(const char *folder, const char *after,
                                  char out_writer[AUDIT_WRITER_BYTES]);

#endif
