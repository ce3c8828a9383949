#include "seals.h"

#include <stdlib.h>
#include <string.h>

struct seal_kept {
    int64_t row;
    size_t record_bytes;
    uint8_t seal[TOKEN_MAC_BYTES];
    uint8_t record[];
};

static size_t place_of(int64_t row)
{
    return (size_t)row & (SEALS_KEPT - 1);
}

bool seals_know(const struct seals *seals, const struct subscription *subscription)
{
    const struct seal_kept *kept = seals->kept[place_of(subscription->row)];
    return kept != NULL && kept->row == subscription->row &&
           kept->record_bytes == subscription->record_bytes &&
           memcmp(kept->record, subscription->record, kept->record_bytes) == 0 &&
           secret_equal(kept->seal, subscription->seal, sizeof kept->seal);
}

void seals_keep(struct seals *seals, const struct subscription *subscription)
{
    struct seal_kept **place = &seals->kept[place_of(subscription->row)];
    free(*place);
    *place = malloc(sizeof **place + subscription->record_bytes);
    if (*place == NULL)
        return;
    (*place)->row = subscription->row;
    (*place)->record_bytes = subscription->record_bytes;
    memcpy((*place)->seal, subscription->seal, sizeof(*place)->seal);
    memcpy((*place)->record, subscription->record, subscription->record_bytes);
}

void seals_free(struct seals *seals)
{
    for (size_t i = 0; i < SEALS_KEPT; i++)
        free(seals->kept[i]);
    *seals = (struct seals){0};
}
