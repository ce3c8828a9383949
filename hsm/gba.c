#include "gba.h"

#include <string.h>

#define KDF_FC 0x01 /* TS 33.220 B.3 */
#define RAND_BYTES 16

void gba_ks(const struct secret128 *ck, const struct secret128 *ik, struct gba_key *out_ks)
{
    memcpy(out_ks->bytes, ck->bytes, sizeof ck->bytes);
    memcpy(out_ks->bytes + sizeof ck->bytes, ik->bytes, sizeof ik->bytes);
}

/* A parameter and its length (TS 33.220 B.2). */
static size_t append(uint8_t *input, size_t at, const void *bytes, size_t length)
{
    memcpy(input + at, bytes, length);
    input[at + length] = (uint8_t)(length >> 8);
    input[at + length + 1] = (uint8_t)length;
    return at + length + 2;
}

size_t gba_naf_input(enum gba_key_kind kind, const struct gba_naf *naf,
                     uint8_t out_input[GBA_INPUT_BYTES_MAX])
{
    const char *p0 = kind == GBA_KS_EXT_NAF ? "gba-me" : "gba-u";
    size_t impi_bytes = strlen(naf->impi);
    if (impi_bytes > GBA_NAME_BYTES_MAX || naf->id_bytes > GBA_NAME_BYTES_MAX)
        return 0;
    out_input[0] = KDF_FC;
    size_t at = append(out_input, 1, p0, strlen(p0));
    at = append(out_input, at, naf->rand, RAND_BYTES);
    at = append(out_input, at, naf->impi, impi_bytes);
    return append(out_input, at, naf->id, naf->id_bytes);
}
