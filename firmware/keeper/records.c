#include "records.h"

#include <stdlib.h>
#include <string.h>

struct record_kept {
    int64_t edition; /* the last in which it was read */
    int64_t row;
    enum field_tag by;
    size_t name_bytes;
    size_t record_bytes;
    uint8_t seal[TOKEN_MAC_BYTES];
    uint8_t bytes[]; /* the name, then the record */
};

/*
 * FNV-1a, multiplied once more for its high bits: its low ones are those by which the front chose
 * this keeper, and names that differ in their last digit alone hardly differ in the others.
 */
static struct record_kept **place_of(struct records *records, const struct subscriber_name *name)
{
    uint64_t hash = UINT64_C(0xcbf29ce484222325);
    for (const char *c = name->text; *c != '\0'; c++)
        hash = (hash ^ (uint8_t)*c) * UINT64_C(0x100000001b3);
    return &records->kept[hash * UINT64_C(0x9e3779b97f4a7c15) >> (64 - RECORDS_KEPT_BITS)];
}

static bool is_of(const struct record_kept *kept, const struct subscriber_name *name)
{
    return kept->by == name->by && kept->name_bytes == strlen(name->text) &&
           memcmp(kept->bytes, name->text, kept->name_bytes) == 0;
}

static bool is_same(const struct record_kept *kept, const struct subscription *subscription)
{
    return kept->row == subscription->row && kept->record_bytes == subscription->record_bytes &&
           memcmp(kept->bytes + kept->name_bytes, subscription->record, kept->record_bytes) == 0 &&
           secret_equal(kept->seal, subscription->seal, sizeof kept->seal);
}

/* It was decoded before it was kept. */
static bool take(const struct record_kept *kept, struct subscription *out)
{
    out->row = kept->row;
    out->record_bytes = kept->record_bytes;
    memcpy(out->record, kept->bytes + kept->name_bytes, kept->record_bytes);
    memcpy(out->seal, kept->seal, sizeof out->seal);
    return subscription_decode(out);
}

void records_begin(struct records *records)
{
    records->has_edition = false;
}

enum store_result records_find(struct records *records, struct store *store,
                               const struct subscriber_name *name, struct subscription *out,
                               bool *out_is_proven)
{
    enum store_result rc = STORE_OK;
    *out_is_proven = false;
    if (!records->has_edition) {
        rc = store_edition(store, &records->edition);
        if (rc != STORE_OK)
            return rc;
        records->has_edition = true;
    }
    struct record_kept *kept = *place_of(records, name);
    if (kept != NULL && !is_of(kept, name))
        kept = NULL;
    if (kept != NULL && kept->edition == records->edition && take(kept, out)) {
        *out_is_proven = true;
        return STORE_OK;
    }
    rc = store_find(store, name, out);
    if (rc == STORE_OK && kept != NULL && is_same(kept, out)) {
        kept->edition = records->edition;
        *out_is_proven = true;
    }
    return rc;
}

void records_keep(struct records *records, const struct subscriber_name *name,
                  const struct subscription *subscription)
{
    struct record_kept **place = place_of(records, name);
    size_t name_bytes = strlen(name->text);
    free(*place);
    *place = malloc(sizeof **place + name_bytes + subscription->record_bytes);
    if (*place == NULL)
        return;
    (*place)->edition = records->edition;
    (*place)->row = subscription->row;
    (*place)->by = name->by;
    (*place)->name_bytes = name_bytes;
    (*place)->record_bytes = subscription->record_bytes;
    memcpy((*place)->seal, subscription->seal, sizeof(*place)->seal);
    memcpy((*place)->bytes, name->text, name_bytes);
    memcpy((*place)->bytes + name_bytes, subscription->record, subscription->record_bytes);
}

void records_free(struct records *records)
{
    for (size_t i = 0; i < RECORDS_KEPT; i++)
        free(records->kept[i]);
    *records = (struct records){.has_edition = false};
}
