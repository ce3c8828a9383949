#include "records.h"

#include <stdlib.h>
#include <string.h>

#include "name_hash.h"

struct record_kept {
    int64_t edition; /* the last in which it was read */
    int64_t row;
    enum field_tag by;
    size_t name_bytes;
    size_t record_bytes;
    uint8_t seal[TOKEN_MAC_BYTES];
    uint8_t bytes[]; /* the name, then the record */
};

/* The hash's high bits, once more multiplied: by its low ones the front chose this keeper. */
static struct record_kept **place_of(struct records *records, const struct subscriber_name *name)
{
    uint64_t mixed = name_hash(name) * UINT64_C(0x9e3779b97f4a7c15);
    return records->places[mixed >> (64 - RECORDS_PLACE_BITS)];
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

/* Where it is, or NULL. */
static struct record_kept **find(struct records *records, const struct subscriber_name *name)
{
    struct record_kept **place = place_of(records, name);
    for (size_t i = 0; i < RECORDS_A_PLACE; i++) {
        if (place[i] != NULL && is_of(place[i], name))
            return &place[i];
    }
    return NULL;
}

static void forget(struct record_kept **kept)
{
    free(*kept);
    *kept = NULL;
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

static enum store_result read_edition(struct records *records, struct store *store)
{
    if (records->has_edition)
        return STORE_OK;
    enum store_result rc = store_edition(store, &records->edition);
    records->has_edition = rc == STORE_OK;
    return rc;
}

void records_begin(struct records *records)
{
    records->has_edition = false;
}

enum store_result records_find(struct records *records, struct store *store,
                               const struct subscriber_name *name, struct subscription *out,
                               bool *out_is_proven)
{
    *out_is_proven = false;
    enum store_result rc = read_edition(records, store);
    if (rc != STORE_OK)
        return rc;
    struct record_kept **kept = find(records, name);
    if (kept != NULL && (*kept)->edition == records->edition && take(*kept, out)) {
        *out_is_proven = true;
        return STORE_OK;
    }
    rc = store_find(store, name, out);
    if (kept == NULL)
        return rc;
    *out_is_proven = rc == STORE_OK && is_same(*kept, out);
    if (*out_is_proven)
        (*kept)->edition = records->edition;
    else
        forget(kept);
    return rc;
}

static struct record_kept *make(const struct subscriber_name *name,
                                const struct subscription *subscription)
{
    size_t name_bytes = strlen(name->text);
    struct record_kept *kept = malloc(sizeof *kept + name_bytes + subscription->record_bytes);
    if (kept == NULL)
        return NULL;
    kept->row = subscription->row;
    kept->by = name->by;
    kept->name_bytes = name_bytes;
    kept->record_bytes = subscription->record_bytes;
    memcpy(kept->seal, subscription->seal, sizeof kept->seal);
    memcpy(kept->bytes, name->text, name_bytes);
    memcpy(kept->bytes + name_bytes, subscription->record, subscription->record_bytes);
    return kept;
}

void records_keep(struct records *records, const struct subscriber_name *name,
                  const struct subscription *subscription)
{
    struct record_kept *kept = make(name, subscription);
    if (kept == NULL)
        return;
    kept->edition = records->edition;
    struct record_kept **place = place_of(records, name);
    forget(&place[RECORDS_A_PLACE - 1]);
    for (size_t i = RECORDS_A_PLACE - 1; i > 0; i--)
        place[i] = place[i - 1];
    place[0] = kept;
}

void records_free(struct records *records)
{
    for (size_t i = 0; i < sizeof records->places / sizeof records->places[0]; i++) {
        for (size_t k = 0; k < RECORDS_A_PLACE; k++)
            forget(&records->places[i][k]);
    }
    *records = (struct records){.has_edition = false};
}
