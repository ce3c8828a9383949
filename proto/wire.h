/*
 * Bounded cursors: all reading and writing of wire bytes goes through these. A failed read or
 * write sticks: every later one fails too and yields zeros, so a caller checks once, at the end.
 * Numbers are big endian.
 */
#ifndef NISIM_PROTO_WIRE_H
#define NISIM_PROTO_WIRE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "attributes.h"

/* Does not own the bytes; they must outlive the reader and what it handed out. */
struct wire_reader {
    const uint8_t *at;
    size_t left;
    bool failed;
};

/* Does not own the buffer. `used` is what was written so far. */
struct wire_writer {
    uint8_t *start;
    size_t capacity;
    size_t used;
    bool failed;
};

struct wire_reader wire_reader_of(const void *bytes, size_t length);
uint64_t wire_read_number(struct wire_reader *reader, size_t bytes);       /* bytes: 1 to 8 */
const uint8_t *wire_read_bytes(struct wire_reader *reader, size_t length); /* NULL on failure */

/* True when nothing failed and nothing is left: a message is consumed exactly. */
MUST_CHECK bool wire_reader_done(const struct wire_reader *reader);

struct wire_writer wire_writer_of(void *buffer, size_t capacity);
void wire_write_number(struct wire_writer *writer, uint64_t value, size_t bytes); /* 1 to 8 */
void wire_write_bytes(struct wire_writer *writer, const void *bytes, size_t length);

#endif
