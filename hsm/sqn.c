#include "sqn.h"

#include "wire.h"

#define SQN_LIMIT (UINT64_C(1) << SQN_BITS)

bool sqn_profile_is_valid(const struct sqn_profile *profile)
{
    return profile->ind_bits <= SQN_IND_BITS_MAX && profile->delta >= 1 &&
           profile->delta < SQN_LIMIT && profile->age_limit < SQN_LIMIT;
}

static uint64_t entries(const struct sqn_profile *profile)
{
    return UINT64_C(1) << profile->ind_bits;
}

/* Of entries with one SEQ the last: its SQN is the highest. */
static uint64_t highest_ind(const struct sqn_profile *profile, const struct sqn_array *array)
{
    uint64_t highest = 0;
    for (uint64_t ind = 1; ind < entries(profile); ind++) {
        if (array->seq[ind] >= array->seq[highest])
            highest = ind;
    }
    return highest;
}

uint64_t sqn_highest(const struct sqn_profile *profile, const struct sqn_array *array)
{
    uint64_t ind = highest_ind(profile, array);
    return array->seq[ind] << profile->ind_bits | (array->seq[ind] == 0 ? 0 : ind);
}

bool sqn_accept(const struct sqn_profile *profile, const struct sqn_array *array, uint64_t sqn,
                struct sqn_array *out_array)
{
    uint64_t seq = sqn >> profile->ind_bits;
    uint64_t ind = sqn & (entries(profile) - 1);
    uint64_t seq_ms = array->seq[highest_ind(profile, array)];

    /* The difference is signed: a late vector of another IND lies below SEQ_MS (C.2.2). */
    if (seq > seq_ms && seq - seq_ms > profile->delta)
        return false;
    if (profile->age_limit != 0 && seq < seq_ms && seq_ms - seq >= profile->age_limit)
        return false;
    if (seq <= array->seq[ind])
        return false;
    *out_array = *array;
    out_array->seq[ind] = seq;
    return true;
}

bool sqn_skip(const struct sqn_profile *profile, const struct sqn_array *array, uint64_t advance,
              struct sqn_array *out_array)
{
    uint64_t seq_limit = SQN_LIMIT >> profile->ind_bits;
    uint64_t highest = 0;
    for (size_t i = 0; i < SQN_ENTRIES_MAX; i++)
        highest = array->seq[i] > highest ? array->seq[i] : highest;
    if (highest >= seq_limit || advance >= seq_limit - highest)
        return false;
    for (size_t i = 0; i < SQN_ENTRIES_MAX; i++)
        out_array->seq[i] = highest + advance;
    return true;
}

uint64_t sqn_from_bytes(const uint8_t bytes[6])
{
    struct wire_reader reader = wire_reader_of(bytes, 6);
    return wire_read_number(&reader, 6);
}

void sqn_to_bytes(uint64_t sqn, uint8_t out_bytes[6])
{
    struct wire_writer writer = wire_writer_of(out_bytes, 6);
    wire_write_number(&writer, sqn, 6);
}
