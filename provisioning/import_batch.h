/*
 * Subscribers ready to go in, some hundred to a transaction: all token work is done before it
 * begins, so that keepers beside it wait for milliseconds.
 */
#ifndef NISIM_PROVISIONING_IMPORT_BATCH_H
#define NISIM_PROVISIONING_IMPORT_BATCH_H

#include "import_report.h"
#include "import_slot.h"

struct import_batch {
    struct office *office; /* borrowed, as are the others */
    struct import_keys *keys;
    struct import_report *report;
    struct import_mark *mark;  /* as the store has it */
    struct import_slot *slots; /* IMPORT_SLOTS, none GIVEN; those to be stored are MADE */
    size_t count;              /* of the slots: records of the file, refused ones too */
};

/* Reports those that are refused by now, in the order of the file. How many are to be stored? */
size_t import_batch_judge(struct import_batch *batch);

/*
 * All of it, each row with a record in the audit trail, and the mark as it is after `records` of
 * the file; or nothing, and says why. Rows whose names somebody took meanwhile are refused.
 */
MUST_CHECK enum outcome import_batch_commit(struct import_batch *batch, uint64_t records,
                                            bool complete);

/* What was not committed leaves nothing in the token. */
void import_batch_drop(struct import_batch *batch);

#endif
