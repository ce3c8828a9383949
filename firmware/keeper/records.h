/*
 * Records that this process has found in the store by a name, whose seals were right. While the
 * store's edition stays, one is answered from here: no look into an index, whose pages the other
 * keepers' commits drop from SQLite's cache. Under another edition it is read again, but its seal
 * (two token calls) is computed again only if a byte has changed.
 */
#ifndef NISIM_KEEPER_RECORDS_H
#define NISIM_KEEPER_RECORDS_H

#include "store.h"

/* Two names a place; a third one pushes out the older. With usual records 5 MiB when full. */
#define RECORDS_PLACE_BITS 13
#define RECORDS_A_PLACE 2

struct records {
    bool has_edition; /* false until it was read in this batch's view of the store */
    int64_t edition;
    struct record_kept *places[1 << RECORDS_PLACE_BITS][RECORDS_A_PLACE];
};

/* Before each view of the store: it may be of another edition. */
void records_begin(struct records *records);

/*
 * The record of `name`, out of what was kept or of the store. out_is_proven: its seal has been
 * found right before, for these bytes, and the name is one of its names.
 */
MUST_CHECK enum store_result records_find(struct records *records, struct store *store,
                                          const struct subscriber_name *name,
                                          struct subscription *out, bool *out_is_proven);

/* The caller has checked both. Short memory only means that it will be read and checked again. */
void records_keep(struct records *records, const struct subscriber_name *name,
                  const struct subscription *subscription);

void records_free(struct records *records);

#endif
