#include "apdu.h"

#include <assert.h>
#include <string.h>

#define HEADER_BYTES 4

/* Le of one byte: 00 stands for 256 (ISO/IEC 7816-4 5.1). */
static void take_le(uint8_t byte, struct apdu *out)
{
    out->has_le = true;
    out->le = byte == 0 ? 256 : byte;
}

/* Cases 3 and 4. */
static bool take_data(const uint8_t *command, size_t length, struct apdu *out)
{
    size_t lc = command[HEADER_BYTES];
    size_t with_data = HEADER_BYTES + 1 + lc;
    if (lc == 0 || (length != with_data && length != with_data + 1))
        return false;
    out->data_bytes = lc;
    out->data = command + HEADER_BYTES + 1;
    if (length > with_data)
        take_le(command[with_data], out);
    return true;
}

bool apdu_parse(const uint8_t *command, size_t length, struct apdu *out)
{
    *out = (struct apdu){0};
    if (length < HEADER_BYTES)
        return false;
    out->cla = command[0];
    out->ins = command[1];
    out->p1 = command[2];
    out->p2 = command[3];
    if (length == HEADER_BYTES)
        return true;
    if (length > HEADER_BYTES + 1)
        return take_data(command, length, out);
    take_le(command[HEADER_BYTES], out);
    return true;
}

void apdu_answer_tag(struct apdu_answer *answer, enum apdu_tag tag)
{
    answer->data[0] = (uint8_t)tag;
    answer->data_bytes = 1;
}

void apdu_answer_value(struct apdu_answer *answer, const void *bytes, size_t length)
{
    assert(length <= UINT8_MAX && answer->data_bytes + 1 + length <= sizeof answer->data);
    answer->data[answer->data_bytes++] = (uint8_t)length;
    memcpy(answer->data + answer->data_bytes, bytes, length);
    answer->data_bytes += length;
}
