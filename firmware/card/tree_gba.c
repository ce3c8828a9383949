/* EF.GBABP and EF.GBANL (TS 31.103 4.2.9, 4.2.10): as long as on a card, empty bytes are FF. */
#include <string.h>
#include <time.h>

#include "tree_source.h"

#define TAG_B_TID 0x81
#define RAND_BYTES 16
#define YEAR_9999_ENDS INT64_C(253402300799)

void tree_write_head(struct wire_writer *writer, uint8_t tag, size_t length)
{
    wire_write_number(writer, tag, 1);
    if (length > 127)
        wire_write_number(writer, 0x81, 1);
    wire_write_number(writer, length, 1);
}

size_t tree_count_gbabp(const struct tree_source *source)
{
    return source->has_gba ? 1 : 0;
}

size_t tree_count_gbanl(const struct tree_source *source)
{
    return source->has_gba ? CARD_NAFS_MAX : 0;
}

static void write_counted(struct wire_writer *writer, const void *bytes, size_t length)
{
    wire_write_number(writer, length, 1);
    wire_write_bytes(writer, bytes, length);
}

/* As the BSF writes it (TS 24.109 annex C): an xs:dateTime. Returns its length. */
static size_t lifetime_text(uint64_t lifetime, char out_text[32])
{
    struct tm parts;
    time_t when = lifetime < YEAR_9999_ENDS ? (time_t)lifetime : (time_t)YEAR_9999_ENDS;
    if (lifetime == 0 || gmtime_r(&when, &parts) == NULL)
        return 0;
    return strftime(out_text, 32, "%Y-%m-%dT%H:%M:%SZ", &parts);
}

void tree_write_gbabp(const struct tree_source *source, size_t index, struct wire_writer *writer)
{
    char lifetime[32];
    const struct card_gba *gba = &source->gba;
    (void)index;
    if (!source->has_gba || gba->rand == NULL)
        return;
    write_counted(writer, gba->rand, RAND_BYTES);
    write_counted(writer, gba->b_tid, strlen(gba->b_tid));
    write_counted(writer, lifetime, lifetime_text(gba->lifetime, lifetime));
}

void tree_write_gbanl(const struct tree_source *source, size_t index, struct wire_writer *writer)
{
    const struct card_gba *gba = &source->gba;
    if (!source->has_gba || index >= gba->naf_count)
        return;
    size_t b_tid_bytes = strlen(gba->b_tid);
    tree_write_head(writer, TAG_VALUE, gba->nafs[index].bytes);
    wire_write_bytes(writer, gba->nafs[index].naf_id, gba->nafs[index].bytes);
    tree_write_head(writer, TAG_B_TID, b_tid_bytes);
    wire_write_bytes(writer, gba->b_tid, b_tid_bytes);
}
