#include "tree.h"

#include <arpa/inet.h>
#include <string.h>

#include "message.h"

#define TAG_VALUE 0x80 /* of IMPI, DOMAIN, IMPU and P-CSCF (TS 31.103 4.2) */
#define RECORD_BYTES_MAX 255

enum address_type { /* EF.P-CSCF (4.2.8) */
                    ADDRESS_FQDN = 0x00,
                    ADDRESS_IPV4 = 0x01,
                    ADDRESS_IPV6 = 0x02,
};

/* The file's n-th value (from 0) is written into `writer`; what the writer can't hold, fails. */
struct file_kind {
    enum card_directory directory;
    uint16_t fid;
    uint8_t sfi;
    bool is_linear;
    size_t (*count)(const struct identity *identity);
    void (*write)(const struct identity *identity, size_t index, struct wire_writer *writer);
};

static size_t count_one(const struct identity *identity)
{
    (void)identity;
    return 1;
}

static size_t count_impus(const struct identity *identity)
{
    return identity->impu_count;
}

static size_t count_p_cscfs(const struct identity *identity)
{
    return identity->p_cscf_count;
}

/* BER-TLV: from 128 bytes on the length takes two bytes (ISO/IEC 8825-1 8.1.3). */
static void write_head(struct wire_writer *writer, size_t length)
{
    wire_write_number(writer, TAG_VALUE, 1);
    if (length > 127)
        wire_write_number(writer, 0x81, 1);
    wire_write_number(writer, length, 1);
}

static void write_text(struct wire_writer *writer, const char *text)
{
    size_t length = strlen(text);
    write_head(writer, length);
    wire_write_bytes(writer, text, length);
}

/* TS 102 221 13.1: the template of an application, its AID and its label. */
static void write_dir(const struct identity *identity, size_t index, struct wire_writer *writer)
{
    (void)identity;
    (void)index;
    wire_write_number(writer, 0x61, 1);
    wire_write_number(writer, 2 + TREE_AID_BYTES + 2 + 4, 1);
    wire_write_number(writer, 0x4f, 1);
    wire_write_number(writer, TREE_AID_BYTES, 1);
    wire_write_bytes(writer, tree_aid(), TREE_AID_BYTES);
    wire_write_number(writer, 0x5004, 2);
    wire_write_bytes(writer, "ISIM", 4);
}

static void write_impi(const struct identity *identity, size_t index, struct wire_writer *writer)
{
    (void)index;
    write_text(writer, identity->impi);
}

static void write_domain(const struct identity *identity, size_t index, struct wire_writer *writer)
{
    (void)index;
    write_text(writer, identity->domain);
}

static void write_impu(const struct identity *identity, size_t index, struct wire_writer *writer)
{
    write_text(writer, identity->impus[index]);
}

static size_t count_webrtc_uris(const struct identity *identity)
{
    return identity->webrtc_uri[0] != '\0' ? 1 : 0;
}

static void write_webrtc_uri(const struct identity *identity, size_t index,
                             struct wire_writer *writer)
{
    (void)index;
    write_text(writer, identity->webrtc_uri);
}

/* Normal operation (4.2.9). */
static void write_ad(const struct identity *identity, size_t index, struct wire_writer *writer)
{
    (void)identity;
    (void)index;
    wire_write_number(writer, 0, 3);
}

/* Record 1: reading is always allowed, nothing else ever (TS 102 221 9.2.4). */
static void write_arr(const struct identity *identity, size_t index, struct wire_writer *writer)
{
    (void)identity;
    (void)index;
    wire_write_number(writer, UINT64_C(0x8001019000), 5);
}

static void write_ist(const struct identity *identity, size_t index, struct wire_writer *writer)
{
    (void)index;
    wire_write_bytes(writer, identity->service_table, identity->service_table_bytes);
}

static void write_address(struct wire_writer *writer, enum address_type type, const void *bytes,
                          size_t length)
{
    write_head(writer, 1 + length);
    wire_write_number(writer, type, 1);
    wire_write_bytes(writer, bytes, length);
}

static void write_p_cscf(const struct identity *identity, size_t index, struct wire_writer *writer)
{
    struct in_addr four;
    struct in6_addr six;
    const char *text = identity->p_cscfs[index];
    if (inet_pton(AF_INET, text, &four) == 1)
        write_address(writer, ADDRESS_IPV4, &four, sizeof four);
    else if (inet_pton(AF_INET6, text, &six) == 1)
        write_address(writer, ADDRESS_IPV6, &six, sizeof six);
    else
        write_address(writer, ADDRESS_FQDN, text, strlen(text));
}

static const struct file_kind kinds[] = {
    {DIRECTORY_MF, FID_DIR, 0x1e, true, count_one, write_dir},
    {DIRECTORY_ISIM, 0x6f02, 0x02, false, count_one, write_impi},
    {DIRECTORY_ISIM, 0x6f03, 0x05, false, count_one, write_domain},
    {DIRECTORY_ISIM, 0x6f04, 0x04, true, count_impus, write_impu},
    {DIRECTORY_ISIM, 0x6fad, 0x03, false, count_one, write_ad},
    {DIRECTORY_ISIM, 0x6f06, 0x06, true, count_one, write_arr},
    {DIRECTORY_ISIM, 0x6f07, 0x07, false, count_one, write_ist},
    {DIRECTORY_ISIM, 0x6f09, 0x00, true, count_p_cscfs, write_p_cscf},
    {DIRECTORY_ISIM, 0x6ffa, 0x00, true, count_webrtc_uris, write_webrtc_uri},
};
#define KINDS (sizeof kinds / sizeof kinds[0])

const uint8_t *tree_aid(void)
{
    static const uint8_t aid[TREE_AID_BYTES] = {0xa0, 0x00, 0x00, 0x00, 0x87, 0x10, 0x04, 0xff,
                                                0xff, 0xff, 0xff, 0x89, 0x00, 0x00, 0x00, 0x00};
    return aid;
}

/* A value too long for a record can't be given: it counts as none. */
static size_t bytes_of(const struct file_kind *kind, const struct identity *identity, size_t index)
{
    uint8_t body[TREE_BODY_BYTES_MAX];
    struct wire_writer writer =
        wire_writer_of(body, kind->is_linear ? RECORD_BYTES_MAX : sizeof body);
    kind->write(identity, index, &writer);
    return writer.failed ? 0 : writer.used;
}

/* Records are as long as the longest. An EF with no value is not there. */
static bool describe(const struct file_kind *kind, const struct identity *identity,
                     struct tree_file *out)
{
    size_t count = kind->count(identity);
    size_t bytes = 0;
    for (size_t i = 0; i < count; i++) {
        size_t length = bytes_of(kind, identity, i);
        if (length > bytes)
            bytes = length;
    }
    *out = (struct tree_file){.fid = kind->fid,
                              .sfi = kind->sfi,
                              .is_linear = kind->is_linear,
                              .bytes = bytes,
                              .records = kind->is_linear ? count : 0};
    return bytes > 0;
}

bool tree_find(const struct card *card, enum card_directory directory, uint16_t fid,
               struct tree_file *out)
{
    for (size_t i = 0; i < KINDS; i++) {
        if (kinds[i].directory == directory && kinds[i].fid == fid)
            return describe(&kinds[i], card->identity, out);
    }
    return false;
}

bool tree_find_short(const struct card *card, enum card_directory directory, uint8_t sfi,
                     struct tree_file *out)
{
    for (size_t i = 0; i < KINDS; i++) {
        if (sfi != 0 && kinds[i].directory == directory && kinds[i].sfi == sfi)
            return describe(&kinds[i], card->identity, out);
    }
    return false;
}

void tree_read(const struct card *card, enum card_directory directory, const struct tree_file *file,
               size_t number, uint8_t *out)
{
    struct wire_writer writer = wire_writer_of(out, file->bytes);
    memset(out, 0xff, file->bytes);
    for (size_t i = 0; i < KINDS; i++) {
        if (kinds[i].directory == directory && kinds[i].fid == file->fid)
            kinds[i].write(card->identity, number == 0 ? 0 : number - 1, &writer);
    }
    if (writer.failed) /* a record that no value fits into stays empty */
        memset(out, 0xff, file->bytes);
}
