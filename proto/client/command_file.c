#include "command_file.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "hex.h"
#include "text.h"
#include "wire.h"

#define TAG_VALUE 0x80

enum shown {
    SHOWN_HEX, /* as hex only */
    SHOWN_TEXT,
    SHOWN_ADDRESS,
    SHOWN_SERVICES,
};

enum address_type { /* of EF_P-CSCF (TS 31.103 4.2.8) */
                    ADDRESS_FQDN = 0x00,
                    ADDRESS_IPV4 = 0x01,
                    ADDRESS_IPV6 = 0x02,
};

static const struct {
    const char *name;
    uint16_t fid;
    enum shown shown;
} files[] = {
#define EF(name, fid, shown) {name, fid, shown},
#include "files.def"
};
#define FILES (sizeof files / sizeof files[0])

bool file_from_name(const char *name, uint16_t *out_fid)
{
    uint8_t fid[2];
    for (size_t i = 0; i < FILES; i++) {
        if (strcasecmp(files[i].name, name) == 0) {
            *out_fid = files[i].fid;
            return true;
        }
    }
    if (!hex_decode(name, strlen(name), fid, sizeof fid))
        return false;
    *out_fid = (uint16_t)(fid[0] << 8 | fid[1]);
    return true;
}

/* The value of the TLV; what is behind it is padding. NULL when there is none. */
static const uint8_t *open_tlv(const uint8_t *bytes, size_t length, size_t *out_length)
{
    struct wire_reader reader = wire_reader_of(bytes, length);
    uint64_t tag = wire_read_number(&reader, 1);
    uint64_t size = wire_read_number(&reader, 1);
    if (size == 0x81)
        size = wire_read_number(&reader, 1);
    else if (size > 127)
        return NULL;
    *out_length = (size_t)size;
    return tag == TAG_VALUE && size > 0 ? wire_read_bytes(&reader, (size_t)size) : NULL;
}

static bool say_text(const uint8_t *bytes, size_t length, char out_text[FILE_VALUE_BYTES])
{
    if (length >= FILE_VALUE_BYTES || !text_is_clean((const char *)bytes, length))
        return false;
    memcpy(out_text, bytes, length);
    out_text[length] = '\0';
    return true;
}

static bool say_address(const uint8_t *bytes, size_t length, char out_text[FILE_VALUE_BYTES])
{
    struct wire_reader reader = wire_reader_of(bytes, length);
    uint64_t type = wire_read_number(&reader, 1);
    if (type == ADDRESS_IPV4 && reader.left == sizeof(struct in_addr))
        return inet_ntop(AF_INET, reader.at, out_text, FILE_VALUE_BYTES) != NULL;
    if (type == ADDRESS_IPV6 && reader.left == sizeof(struct in6_addr))
        return inet_ntop(AF_INET6, reader.at, out_text, FILE_VALUE_BYTES) != NULL;
    return type == ADDRESS_FQDN && say_text(reader.at, reader.left, out_text);
}

static bool say_services(const uint8_t *bytes, size_t length, char out_text[FILE_VALUE_BYTES])
{
    int used = 0;
    out_text[0] = '\0';
    for (size_t i = 0; i < 8 * length && used < FILE_VALUE_BYTES - 8; i++) {
        if ((bytes[i / 8] >> i % 8 & 1) != 0)
            used += snprintf(out_text + used, FILE_VALUE_BYTES - (size_t)used, "%s%zu",
                             used == 0 ? "services " : ", ", i + 1);
    }
    if (used == 0)
        snprintf(out_text, FILE_VALUE_BYTES, "no services");
    return true;
}

bool file_value(uint16_t fid, const uint8_t *bytes, size_t length, char out_text[FILE_VALUE_BYTES])
{
    enum shown shown = SHOWN_HEX;
    size_t size = 0;
    for (size_t i = 0; i < FILES; i++) {
        if (files[i].fid == fid)
            shown = files[i].shown;
    }
    if (shown == SHOWN_HEX)
        return false;
    if (shown == SHOWN_SERVICES)
        return say_services(bytes, length, out_text);
    const uint8_t *value = open_tlv(bytes, length, &size);
    if (value == NULL)
        return false;
    return shown == SHOWN_TEXT ? say_text(value, size, out_text)
                               : say_address(value, size, out_text);
}
