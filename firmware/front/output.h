/*
 * Frames on their way to a client, oldest first, in one buffer that grows. Answers hold RES, CK
 * and IK: whatever leaves the buffer is wiped.
 */
#ifndef NISIM_FRONT_OUTPUT_H
#define NISIM_FRONT_OUTPUT_H

#include "frame.h"

/* All zero is empty. */
struct output {
    uint8_t *bytes;
    size_t capacity;
    size_t start; /* of what is not yet sent */
    size_t end;
    size_t frames;    /* not yet wholly sent */
    size_t head_left; /* bytes of the oldest frame still to send; 0 when none of it was sent */
};

/* body has header->body_bytes bytes. False when memory runs out. */
MUST_CHECK bool output_add(struct output *output, const struct frame_header *header,
                           const uint8_t *body);

/* The bytes to send next; *out_length is 0 when there are none. */
const uint8_t *output_next(const struct output *output, size_t *out_length);

/* That many of them were sent. Returns how many frames this completed. */
size_t output_sent(struct output *output, size_t length);

void output_free(struct output *output);

#endif
