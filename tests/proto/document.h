/* PROTOCOL.md as a text, and the examples in it. */
#ifndef NISIM_TESTS_PROTO_DOCUMENT_H
#define NISIM_TESTS_PROTO_DOCUMENT_H

#include <stdbool.h>

#include "message.h"

#define EXAMPLE_BYTES_MAX 512
#define EXAMPLE_ROWS_MAX 16
#define EXAMPLE_COMMENT_BYTES 96

struct example_row {
    size_t start; /* of the row's bytes in the frame */
    char comment[EXAMPLE_COMMENT_BYTES];
};

struct example {
    size_t bytes;
    uint8_t frame[EXAMPLE_BYTES_MAX];
    size_t row_count;
    struct example_row rows[EXAMPLE_ROWS_MAX];
};

/* The whole text, to be freed. All of these fail the test on an error. */
char *document_load(void);

/* The block "```hex name=NAME". */
void document_example(const char *document, const char *name, struct example *out);

/* How many such blocks there are. */
size_t document_example_count(const char *document);

#endif
