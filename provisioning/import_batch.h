/*
 * Subscribers ready to go in, some hundred to a transaction: all token work is done before it
 * begins, so that keepers beside it wait for milliseconds.
 */
#ifndef NISIM_PROVISIONING_IMPORT_BATCH_H
#define NISIM_PROVISIONING_IMPORT_BATCH_H

#include "import_keys.h"
#include "import_report.h"
#include "name_log.h"

#define IMPORT_BATCH_ROWS 256

struct import_batch {
    struct office *office;    /* borrowed, as are the others */
    struct import_keys *keys; /* NULL: a dry run */
    struct import_report *report;
    struct import_mark *mark; /* as the store has it */
    size_t count;
    size_t lines[IMPORT_BATCH_ROWS];
    struct subscription rows[IMPORT_BATCH_ROWS]; /* sealed */
};

/*
 * All of it, each row with a record in the audit trail, and the mark as it is after `records` of
 * the file; or nothing, and says why. Rows whose names somebody took meanwhile are refused.
 */
MUST_CHECK enum outcome import_batch_commit(struct import_batch *batch, uint64_t records,
                                            bool complete);

/* What was not committed leaves nothing in the token. */
void import_batch_drop(struct import_batch *batch);

#endif
