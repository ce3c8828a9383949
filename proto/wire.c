#include "wire.h"

#include <assert.h>
#include <string.h>

struct wire_reader wire_reader_of(const void *bytes, size_t length)
{
    return (struct wire_reader){.at = bytes, .left = length};
}

const uint8_t *wire_read_bytes(struct wire_reader *reader, size_t length)
{
    if (reader->failed || length > reader->left) {
        reader->failed = true;
        return NULL;
    }
    const uint8_t *bytes = reader->at;
    reader->at += length;
    reader->left -= length;
    return bytes;
}

uint64_t wire_read_number(struct wire_reader *reader, size_t bytes)
{
    assert(bytes >= 1 && bytes <= 8);
    const uint8_t *at = wire_read_bytes(reader, bytes);
    uint64_t value = 0;
    for (size_t i = 0; at != NULL && i < bytes; i++)
        value = value << 8 | at[i];
    return value;
}

bool wire_reader_done(const struct wire_reader *reader)
{
    return !reader->failed && reader->left == 0;
}

struct wire_writer wire_writer_of(void *buffer, size_t capacity)
{
    return (struct wire_writer){.start = buffer, .capacity = capacity};
}

void wire_write_bytes(struct wire_writer *writer, const void *bytes, size_t length)
{
    if (writer->failed || length > writer->capacity - writer->used) {
        writer->failed = true;
        return;
    }
    if (length > 0)
        memcpy(writer->start + writer->used, bytes, length);
    writer->used += length;
}

void wire_write_number(struct wire_writer *writer, uint64_t value, size_t bytes)
{
    assert(bytes >= 1 && bytes <= 8);
    uint8_t octets[8];
    for (size_t i = 0; i < bytes; i++)
        octets[i] = (uint8_t)(value >> (8 * (bytes - 1 - i)));
    wire_write_bytes(writer, octets, bytes);
}
