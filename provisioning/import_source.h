/* A file of subscribers, read from its beginning to its end, one at a time. */
#ifndef NISIM_PROVISIONING_IMPORT_SOURCE_H
#define NISIM_PROVISIONING_IMPORT_SOURCE_H

#include "import_row.h"

enum import_got {
    IMPORT_GOT_ROW,
    IMPORT_GOT_BAD, /* this one can't be read, and out_why says why: go on with the next */
    IMPORT_GOT_END,
    IMPORT_GOT_BROKEN, /* give up: nothing behind row->line can be read; out_why says why */
};

struct import_source {
    /* row->line is set whatever comes back. */
    enum import_got (*next)(void *context, struct import_row *row, char out_why[IMPORT_WHY_BYTES]);
    /* Bytes of the file behind us, near enough for a progress bar. */
    uint64_t (*position)(void *context);
    void (*close)(void *context); /* not the descriptor */
    void *context;
};

/*
 * From a descriptor at the beginning of the file, which stays the caller's. False: out_why says
 * what and where.
 */
MUST_CHECK bool import_csv_open(int descriptor, struct import_source *out_source,
                                char out_why[IMPORT_WHY_BYTES]);
MUST_CHECK bool import_pskc_open(int descriptor, struct import_source *out_source,
                                 char out_why[IMPORT_WHY_BYTES]);

#endif
