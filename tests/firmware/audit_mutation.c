#include "audit_mutation.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define FILE_BYTES_MAX ((size_t)1 << 20)
#define NONE SIZE_MAX

/* A file as it was, and where its records begin. */
struct original {
    char path[AUDIT_PATH_BYTES];
    size_t bytes;
    uint8_t content[FILE_BYTES_MAX];
    size_t count;
    size_t starts[FILE_BYTES_MAX / 32];
};

static void load(struct original *out)
{
    FILE *file = fopen(out->path, "r");
    assert(file != NULL);
    out->bytes = fread(out->content, 1, sizeof out->content, file);
    assert(out->bytes < sizeof out->content && fclose(file) == 0);
    out->count = 0;
    for (size_t at = 0; at < out->bytes; out->count++) {
        out->starts[out->count] = at;
        at += (size_t)(out->content[at] << 8 | out->content[at + 1]) + 2 + AUDIT_CHAIN_BYTES;
    }
    out->starts[out->count] = out->bytes;
}

static void store(const char *path, const uint8_t *content, size_t bytes)
{
    FILE *file = fopen(path, "w");
    assert(file != NULL);
    assert(fwrite(content, 1, bytes, file) == bytes);
    assert(fclose(file) == 0);
}

static size_t below(size_t limit)
{
    return (size_t)random() % limit;
}

static size_t put(uint8_t *to, size_t used, const struct original *from, size_t record)
{
    size_t bytes = from->starts[record + 1] - from->starts[record];
    memcpy(to + used, from->content + from->starts[record], bytes);
    return used + bytes;
}

/* The records, but `removed` left out, `doubled` twice, and `a` and `b` in each other's place. */
static void rearrange(const struct original *from, size_t removed, size_t doubled, size_t a,
                      size_t b)
{
    static uint8_t changed[2 * FILE_BYTES_MAX];
    size_t used = 0;
    for (size_t i = 0; i < from->count; i++) {
        if (i != removed)
            used = put(changed, used, from, i == a ? b : i == b ? a : i);
        if (i == doubled)
            used = put(changed, used, from, i);
    }
    store(from->path, changed, used);
}

static void turn_bit(const struct original *from, size_t at)
{
    static uint8_t changed[FILE_BYTES_MAX];
    memcpy(changed, from->content, from->bytes);
    changed[at] ^= (uint8_t)(1 << below(8));
    store(from->path, changed, from->bytes);
}

static void remove_byte(const struct original *from, size_t at)
{
    static uint8_t changed[FILE_BYTES_MAX];
    memcpy(changed, from->content, at);
    memcpy(changed + at, from->content + at + 1, from->bytes - at - 1);
    store(from->path, changed, from->bytes - 1);
}

/* Gives its name. */
static const char *mutate(const struct original *from)
{
    size_t at = below(from->bytes);
    size_t record = below(from->count);
    size_t other = (record + 1 + below(from->count - 1)) % from->count;
    switch (below(7)) {
    case 0:
        turn_bit(from, at);
        return "a bit turned";
    case 1:
        remove_byte(from, at);
        return "a byte removed";
    case 2:
        rearrange(from, record, NONE, NONE, NONE);
        return "a record removed";
    case 3:
        rearrange(from, NONE, NONE, record, other);
        return "two records swapped";
    case 4:
        store(from->path, from->content, at);
        return "cut short";
    case 5:
        assert(unlink(from->path) == 0);
        return "a file removed";
    default:
        rearrange(from, NONE, record, NONE, NONE);
        return "a record doubled";
    }
}

static void ignore(void *user, bool is_fault, const char *text)
{
    (void)user;
    (void)is_fault;
    (void)text;
}

bool mutation_is_found(const char *folder, const char *writer, const struct audit_head *head,
                       const struct audit_public_key *key)
{
    static struct original original;
    struct audit_report report = {.say = ignore};
    uint32_t segment = 1 + (uint32_t)below(head->segment);
    audit_segment_path(folder, writer, segment, original.path);
    load(&original);
    const char *what = mutate(&original);
    audit_verify(folder, writer, head, key, &report);
    store(original.path, original.content, original.bytes);
    if (report.faults == 0)
        fprintf(stderr, "not found: %s in %s\n", what, original.path);
    return report.faults > 0;
}
