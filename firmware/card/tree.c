#include "tree.h"

#include <arpa/inet.h>
#include <string.h>

#include "message.h"
#include "tree_source.h"

#define RECORD_BYTES_MAX 255

enum address_type { /* EF.P-CSCF (4.2.8) */
                    ADDRESS_FQDN = 0x00,
                    ADDRESS_IPV4 = 0x01,
                    ADDRESS_IPV6 = 0x02,
};

/* What must be before the file is read (TS 31.103 4.2; TS 102 221 9.2.4). */
enum guard {
    GUARD_NONE,
    GUARD_PIN, /* where the card asks for one */
};

/* The file's n-th value (from 0) is written into `writer`; what the writer can't hold, fails. */
struct file_kind {
    enum card_directory directory;
    uint16_t fid;
    uint8_t sfi;
    bool is_linear;
    enum guard guard;
    size_t bytes; /* of the body, or of a record; 0: as its values need */
    size_t (*count)(const struct tree_source *source);
    void (*write)(const struct tree_source *source, size_t index, struct wire_writer *writer);
};

static size_t count_one(const struct tree_source *source)
{
    (void)source;
    return 1;
}

static size_t count_impus(const struct tree_source *source)
{
    return source->identity->impu_count;
}

static size_t count_p_cscfs(const struct tree_source *source)
{
    return source->identity->p_cscf_count;
}

static void write_text(struct wire_writer *writer, const char *text)
{
    size_t length = strlen(text);
    tree_write_head(writer, TAG_VALUE, length);
    wire_write_bytes(writer, text, length);
}

/* TS 102 221 13.1: the template of an application, its AID and its label. */
static void write_dir(const struct tree_source *source, size_t index, struct wire_writer *writer)
{
    (void)source;
    (void)index;
    wire_write_number(writer, 0x61, 1);
    wire_write_number(writer, 2 + TREE_AID_BYTES + 2 + 4, 1);
    wire_write_number(writer, 0x4f, 1);
    wire_write_number(writer, TREE_AID_BYTES, 1);
    wire_write_bytes(writer, tree_aid(), TREE_AID_BYTES);
    wire_write_number(writer, 0x5004, 2);
    wire_write_bytes(writer, "ISIM", 4);
}

static void write_impi(const struct tree_source *source, size_t index, struct wire_writer *writer)
{
    (void)index;
    write_text(writer, source->identity->impi);
}

static void write_domain(const struct tree_source *source, size_t index, struct wire_writer *writer)
{
    (void)index;
    write_text(writer, source->identity->domain);
}

static void write_impu(const struct tree_source *source, size_t index, struct wire_writer *writer)
{
    write_text(writer, source->identity->impus[index]);
}

static size_t count_webrtc_uris(const struct tree_source *source)
{
    return source->identity->webrtc_uri[0] != '\0' ? 1 : 0;
}

static void write_webrtc_uri(const struct tree_source *source, size_t index,
                             struct wire_writer *writer)
{
    (void)index;
    write_text(writer, source->identity->webrtc_uri);
}

/* Normal operation (4.2.9). */
static void write_ad(const struct tree_source *source, size_t index, struct wire_writer *writer)
{
    (void)source;
    (void)index;
    wire_write_number(writer, 0, 3);
}

static size_t count_rules(const struct tree_source *source)
{
    return source->card->asks_pin ? 2 : 1;
}

/* Record 1: reading is always allowed, nothing else ever. Record 2: reading after the PIN. */
static void write_arr(const struct tree_source *source, size_t index, struct wire_writer *writer)
{
    (void)source;
    wire_write_number(writer, 0x800101, 3);
    if (index == 0)
        wire_write_number(writer, 0x9000, 2);
    else
        wire_write_number(writer, UINT64_C(0xa406830101950108), 8);
}

static void write_ist(const struct tree_source *source, size_t index, struct wire_writer *writer)
{
    (void)index;
    wire_write_bytes(writer, source->identity->service_table,
                     source->identity->service_table_bytes);
}

static void write_address(struct wire_writer *writer, enum address_type type, const void *bytes,
                          size_t length)
{
    tree_write_head(writer, TAG_VALUE, 1 + length);
    wire_write_number(writer, type, 1);
    wire_write_bytes(writer, bytes, length);
}

static void write_p_cscf(const struct tree_source *source, size_t index, struct wire_writer *writer)
{
    struct in_addr four;
    struct in6_addr six;
    const char *text = source->identity->p_cscfs[index];
    if (inet_pton(AF_INET, text, &four) == 1)
        write_address(writer, ADDRESS_IPV4, &four, sizeof four);
    else if (inet_pton(AF_INET6, text, &six) == 1)
        write_address(writer, ADDRESS_IPV6, &six, sizeof six);
    else
        write_address(writer, ADDRESS_FQDN, text, strlen(text));
}

static const struct file_kind kinds[] = {
    {DIRECTORY_MF, FID_DIR, 0x1e, true, GUARD_NONE, 0, count_one, write_dir},
    {DIRECTORY_ISIM, 0x6f02, 0x02, false, GUARD_PIN, 0, count_one, write_impi},
    {DIRECTORY_ISIM, 0x6f03, 0x05, false, GUARD_PIN, 0, count_one, write_domain},
    {DIRECTORY_ISIM, 0x6f04, 0x04, true, GUARD_PIN, 0, count_impus, write_impu},
    {DIRECTORY_ISIM, 0x6fad, 0x03, false, GUARD_NONE, 0, count_one, write_ad},
    {DIRECTORY_ISIM, 0x6f06, 0x06, true, GUARD_NONE, 0, count_rules, write_arr},
    {DIRECTORY_ISIM, 0x6f07, 0x07, false, GUARD_PIN, 0, count_one, write_ist},
    {DIRECTORY_ISIM, 0x6f09, 0x00, true, GUARD_PIN, 0, count_p_cscfs, write_p_cscf},
    {DIRECTORY_ISIM, FID_GBABP, 0x00, false, GUARD_PIN, TREE_GBABP_BYTES, tree_count_gbabp,
     tree_write_gbabp},
    {DIRECTORY_ISIM, FID_GBANL, 0x00, true, GUARD_PIN, RECORD_BYTES_MAX, tree_count_gbanl,
     tree_write_gbanl},
    {DIRECTORY_ISIM, 0x6ffa, 0x00, true, GUARD_PIN, 0, count_webrtc_uris, write_webrtc_uri},
};
#define KINDS (sizeof kinds / sizeof kinds[0])

const uint8_t *tree_aid(void)
{
    static const uint8_t aid[TREE_AID_BYTES] = {0xa0, 0x00, 0x00, 0x00, 0x87, 0x10, 0x04, 0xff,
                                                0xff, 0xff, 0xff, 0x89, 0x00, 0x00, 0x00, 0x00};
    return aid;
}

static struct tree_source source_of(const struct card *card, uint16_t fid)
{
    struct tree_source source = {.card = card, .identity = card->identity};
    if (fid == FID_GBABP || fid == FID_GBANL)
        source.has_gba = card->functions->gba_files != NULL &&
                         card->functions->gba_files(card->user, &source.gba);
    return source;
}

/* A value too long for a record can't be given: it counts as none. */
static size_t bytes_of(const struct file_kind *kind, const struct tree_source *source, size_t index)
{
    uint8_t body[TREE_BODY_BYTES_MAX];
    struct wire_writer writer =
        wire_writer_of(body, kind->is_linear ? RECORD_BYTES_MAX : sizeof body);
    if (kind->bytes != 0)
        return kind->bytes;
    kind->write(source, index, &writer);
    return writer.failed ? 0 : writer.used;
}

/* Records are as long as the longest. An EF with no value is not there. */
static bool describe(const struct file_kind *kind, const struct card *card, struct tree_file *out)
{
    const struct tree_source source = source_of(card, kind->fid);
    size_t count = kind->count(&source);
    size_t bytes = 0;
    for (size_t i = 0; i < count; i++) {
        size_t length = bytes_of(kind, &source, i);
        if (length > bytes)
            bytes = length;
    }
    *out = (struct tree_file){.fid = kind->fid,
                              .sfi = kind->sfi,
                              .is_linear = kind->is_linear,
                              .is_guarded = kind->guard == GUARD_PIN && card->asks_pin,
                              .bytes = bytes,
                              .records = kind->is_linear ? count : 0};
    return bytes > 0;
}

bool tree_find(const struct card *card, enum card_directory directory, uint16_t fid,
               struct tree_file *out)
{
    for (size_t i = 0; i < KINDS; i++) {
        if (kinds[i].directory == directory && kinds[i].fid == fid)
            return describe(&kinds[i], card, out);
    }
    return false;
}

bool tree_find_short(const struct card *card, enum card_directory directory, uint8_t sfi,
                     struct tree_file *out)
{
    for (size_t i = 0; i < KINDS; i++) {
        if (sfi != 0 && kinds[i].directory == directory && kinds[i].sfi == sfi)
            return describe(&kinds[i], card, out);
    }
    return false;
}

void tree_read(const struct card *card, enum card_directory directory, const struct tree_file *file,
               size_t number, uint8_t *out)
{
    const struct tree_source source = source_of(card, file->fid);
    struct wire_writer writer = wire_writer_of(out, file->bytes);
    memset(out, 0xff, file->bytes);
    for (size_t i = 0; i < KINDS; i++) {
        if (kinds[i].directory == directory && kinds[i].fid == file->fid)
            kinds[i].write(&source, number == 0 ? 0 : number - 1, &writer);
    }
    if (writer.failed) /* a record that no value fits into stays empty */
        memset(out, 0xff, file->bytes);
}
