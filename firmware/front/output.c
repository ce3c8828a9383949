#include "output.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "secret.h"

#define LEAST_CAPACITY 1024
#define KEPT_CAPACITY 4096 /* a larger buffer is given back when it is empty */

static void release(struct output *output)
{
    if (output->bytes != NULL)
        secret_wipe(output->bytes, output->capacity);
    free(output->bytes);
    output->bytes = NULL;
    output->capacity = 0;
}

void output_free(struct output *output)
{
    release(output);
    *output = (struct output){0};
}

static bool grow(struct output *output, size_t needed)
{
    size_t used = output->end - output->start;
    size_t capacity = output->capacity > 0 ? output->capacity : LEAST_CAPACITY;
    while (capacity < needed)
        capacity *= 2;
    uint8_t *bytes = malloc(capacity);
    if (bytes == NULL)
        return false;
    if (used > 0)
        memcpy(bytes, output->bytes + output->start, used);
    release(output);
    output->bytes = bytes;
    output->capacity = capacity;
    output->start = 0;
    output->end = used;
    return true;
}

/* Moves what is unsent to the buffer's begin. */
static void compact(struct output *output)
{
    size_t used = output->end - output->start;
    memmove(output->bytes, output->bytes + output->start, used);
    secret_wipe(output->bytes + used, output->end - used);
    output->start = 0;
    output->end = used;
}

static bool make_room(struct output *output, size_t length)
{
    size_t used = output->end - output->start;
    if (length <= output->capacity - output->end)
        return true;
    if (used + length > output->capacity)
        return grow(output, used + length);
    compact(output);
    return true;
}

bool output_add(struct output *output, const struct frame_header *header, const uint8_t *body)
{
    if (!make_room(output, FRAME_HEADER_BYTES + header->body_bytes))
        return false;
    frame_header_write(header, output->bytes + output->end);
    output->end += FRAME_HEADER_BYTES;
    if (header->body_bytes > 0)
        memcpy(output->bytes + output->end, body, header->body_bytes);
    output->end += header->body_bytes;
    output->frames++;
    return true;
}

const uint8_t *output_next(const struct output *output, size_t *out_length)
{
    *out_length = output->end - output->start;
    return *out_length > 0 ? output->bytes + output->start : NULL;
}

/* Sends off at most one frame's bytes; returns how many. */
static size_t advance(struct output *output, size_t length)
{
    uint8_t *head = output->bytes + output->start;
    if (output->head_left == 0)
        output->head_left = FRAME_HEADER_BYTES + frame_header_read(head).body_bytes;
    size_t step = length < output->head_left ? length : output->head_left;
    secret_wipe(head, step);
    output->start += step;
    output->head_left -= step;
    return step;
}

size_t output_sent(struct output *output, size_t length)
{
    size_t completed = 0;
    assert(length <= output->end - output->start);
    while (length > 0) {
        length -= advance(output, length);
        completed += output->head_left == 0;
    }
    output->frames -= completed;
    if (output->start == output->end) {
        output->start = 0;
        output->end = 0;
        if (output->capacity > KEPT_CAPACITY)
            release(output);
    }
    return completed;
}
