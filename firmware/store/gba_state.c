#include "gba_state.h"

#include <string.h>

/* A subscription's record, sealed by the same key, begins with its version, 1. */
static const uint8_t magic[4] = {'G', 'B', 'A', '1'};

void gba_state_renew(struct gba_state *state, const uint8_t rand[RAND_BYTES],
                     const struct token_wrapped_ks *ks)
{
    memcpy(state->rand, rand, sizeof state->rand);
    state->ks = *ks;
    state->b_tid[0] = '\0';
    state->lifetime = 0;
    state->naf_count = 0;
}

static bool is_naf(const struct gba_naf_id *naf, const uint8_t *naf_id, size_t naf_id_bytes)
{
    return naf->length == naf_id_bytes && memcmp(naf->bytes, naf_id, naf_id_bytes) == 0;
}

bool gba_state_use_naf(struct gba_state *state, const uint8_t *naf_id, size_t naf_id_bytes)
{
    size_t at = 0;
    while (at < state->naf_count && !is_naf(&state->nafs[at], naf_id, naf_id_bytes))
        at++;
    if (at == 0 && state->naf_count > 0)
        return false;
    if (at == state->naf_count && state->naf_count < GBA_NAFS_MAX)
        state->naf_count++;
    if (at == GBA_NAFS_MAX)
        at--;
    memmove(&state->nafs[1], &state->nafs[0], at * sizeof state->nafs[0]);
    state->nafs[0].length = naf_id_bytes;
    memcpy(state->nafs[0].bytes, naf_id, naf_id_bytes);
    return true;
}

static void write_record(struct wire_writer *writer, const struct gba_state *state)
{
    size_t b_tid_bytes = strlen(state->b_tid);
    wire_write_bytes(writer, magic, sizeof magic);
    wire_write_number(writer, (uint64_t)state->row, 8);
    wire_write_bytes(writer, state->rand, sizeof state->rand);
    wire_write_bytes(writer, state->ks.kek.bytes, sizeof state->ks.kek.bytes);
    wire_write_bytes(writer, state->ks.bytes, sizeof state->ks.bytes);
    wire_write_number(writer, b_tid_bytes, 2);
    wire_write_bytes(writer, state->b_tid, b_tid_bytes);
    wire_write_number(writer, state->lifetime, 8);
    wire_write_number(writer, state->naf_count, 1);
    for (size_t i = 0; i < state->naf_count; i++) {
        wire_write_number(writer, state->nafs[i].length, 2);
        wire_write_bytes(writer, state->nafs[i].bytes, state->nafs[i].length);
    }
}

/* Returns the length, at most `room`. */
static size_t read_counted(struct wire_reader *reader, void *out, size_t room)
{
    size_t length = (size_t)wire_read_number(reader, 2);
    const uint8_t *bytes = wire_read_bytes(reader, length);
    if (bytes == NULL || length > room) {
        reader->failed = true;
        return 0;
    }
    memcpy(out, bytes, length);
    return length;
}

static void read_fixed(struct wire_reader *reader, void *out, size_t length)
{
    const uint8_t *bytes = wire_read_bytes(reader, length);
    if (bytes != NULL)
        memcpy(out, bytes, length);
}

static void read_nafs(struct wire_reader *reader, struct gba_state *state)
{
    state->naf_count = (size_t)wire_read_number(reader, 1);
    if (state->naf_count > GBA_NAFS_MAX) {
        state->naf_count = 0;
        reader->failed = true;
    }
    for (size_t i = 0; i < state->naf_count; i++)
        state->nafs[i].length =
            read_counted(reader, state->nafs[i].bytes, sizeof state->nafs[i].bytes);
}

bool gba_state_decode(struct gba_state *state)
{
    struct wire_reader reader = wire_reader_of(state->record, state->record_bytes);
    uint8_t begin[sizeof magic] = {0};
    read_fixed(&reader, begin, sizeof begin);
    uint64_t row = wire_read_number(&reader, 8);
    read_fixed(&reader, state->rand, sizeof state->rand);
    read_fixed(&reader, state->ks.kek.bytes, sizeof state->ks.kek.bytes);
    read_fixed(&reader, state->ks.bytes, sizeof state->ks.bytes);
    state->b_tid[read_counted(&reader, state->b_tid, sizeof state->b_tid - 1)] = '\0';
    state->lifetime = wire_read_number(&reader, 8);
    read_nafs(&reader, state);
    return wire_reader_done(&reader) && memcmp(begin, magic, sizeof magic) == 0 &&
           row == (uint64_t)state->row;
}

enum hsm_result gba_state_seal(struct token *token, struct gba_state *state)
{
    struct wire_writer writer = wire_writer_of(state->record, sizeof state->record);
    write_record(&writer, state);
    if (writer.failed)
        return HSM_REFUSED;
    state->record_bytes = writer.used;
    return token_mac(token, state->record, writer.used, state->seal);
}

enum hsm_result gba_state_check_seal(struct token *token, const struct gba_state *state)
{
    uint8_t seal[TOKEN_MAC_BYTES] = {0};
    enum hsm_result rc = token_mac(token, state->record, state->record_bytes, seal);
    if (rc != HSM_OK)
        return rc;
    return secret_equal(seal, state->seal, sizeof seal) ? HSM_OK : HSM_BAD_ANSWER;
}
