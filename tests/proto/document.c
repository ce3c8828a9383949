#include "document.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "hex.h"

#define FENCE "```hex name="

char *document_load(void)
{
    FILE *file = fopen(NISIM_SOURCE_DIR "/proto/PROTOCOL.md", "r");
    char *text = NULL;
    size_t room = 0;
    assert_non_null(file);
    assert_true(getdelim(&text, &room, '\0', file) > 0);
    fclose(file);
    return text;
}

size_t document_example_count(const char *document)
{
    size_t count = 0;
    while ((document = strstr(document, FENCE)) != NULL) {
        document += strlen(FENCE);
        count++;
    }
    return count;
}

/* The first line inside the block. */
static const char *begin_of(const char *document, const char *name)
{
    char fence[128];
    snprintf(fence, sizeof fence, "\n" FENCE "%s\n", name);
    const char *block = strstr(document, fence);
    if (block == NULL)
        fail_msg("PROTOCOL.md has no example %s", name);
    return block + strlen(fence);
}

/* "0010 0002 a1b2  # RAND" */
static void take_row(const char *line, size_t length, struct example *out)
{
    const char *comment = memchr(line, '#', length);
    assert_non_null(comment);
    assert_true(out->row_count < EXAMPLE_ROWS_MAX);
    struct example_row *row = &out->rows[out->row_count++];
    row->start = out->bytes;
    snprintf(row->comment, sizeof row->comment, "%.*s", (int)(line + length - comment - 2),
             comment + 2);
    for (const char *at = line; at < comment; at++) {
        if (*at == ' ')
            continue;
        assert_true(out->bytes < sizeof out->frame);
        assert_true(hex_decode(at, 2, &out->frame[out->bytes++], 1));
        at++;
    }
}

void document_example(const char *document, const char *name, struct example *out)
{
    const char *line = begin_of(document, name);
    memset(out, 0, sizeof *out);
    while (strncmp(line, "```", 3) != 0) {
        size_t length = strcspn(line, "\n");
        take_row(line, length, out);
        line += length + 1;
    }
}
