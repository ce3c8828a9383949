#include "digest_credential.h"

#include <string.h>

#include "text.h"

#define ALGORITHMS_ALL ((1u << DIGEST_HASHES) - 1)

#define FLAG_ALONE 1u
/* Where the flags have the origin. 0, also of records from before it was kept, is clear text. */
#define ORIGIN_SHIFT 1
static const enum key_origin origins[] = {KEY_ORIGIN_CLEAR_LABORATORY, KEY_ORIGIN_WRAPPED_AES,
                                          KEY_ORIGIN_WRAPPED_RSA};
#define ORIGINS (sizeof origins / sizeof origins[0])

bool digest_credential_has(const struct digest_credential *credential, enum digest_hash hash)
{
    return (credential->algorithms >> hash & 1) == 1;
}

static uint64_t flags_of(const struct digest_credential *credential)
{
    uint64_t origin = ORIGINS - 1;
    while (origin > 0 && origins[origin] != credential->origin)
        origin--;
    return origin << ORIGIN_SHIFT | (credential->is_alone ? FLAG_ALONE : 0);
}

void digest_credential_write(struct wire_writer *writer, const struct digest_credential *credential)
{
    size_t count = 0;
    size_t realm_bytes = strlen(credential->realm);
    if (credential->algorithms == 0)
        return;
    for (enum digest_hash hash = 0; hash < DIGEST_HASHES; hash++)
        count += digest_credential_has(credential, hash);
    wire_write_number(writer, DIGEST_CREDENTIAL_TAG, 1);
    wire_write_number(writer, 1 + 1 + 2 + realm_bytes + count * KEY_REF_BYTES, 2);
    wire_write_number(writer, flags_of(credential), 1);
    wire_write_number(writer, credential->algorithms, 1);
    wire_write_number(writer, realm_bytes, 2);
    wire_write_bytes(writer, credential->realm, realm_bytes);
    for (enum digest_hash hash = 0; hash < DIGEST_HASHES; hash++) {
        if (digest_credential_has(credential, hash))
            wire_write_bytes(writer, credential->refs[hash].bytes, KEY_REF_BYTES);
    }
}

static bool read_realm(struct wire_reader *value, char out_realm[NAME_BYTES_MAX + 1])
{
    size_t length = (size_t)wire_read_number(value, 2);
    const uint8_t *bytes = wire_read_bytes(value, length);
    if (bytes == NULL || length == 0 || length > NAME_BYTES_MAX ||
        !text_is_quotable((const char *)bytes, length))
        return false;
    memcpy(out_realm, bytes, length);
    out_realm[length] = '\0';
    return true;
}

bool digest_credential_read(struct wire_reader *value, struct digest_credential *out)
{
    struct digest_credential read = {0};
    uint64_t flags = wire_read_number(value, 1);
    uint64_t origin = flags >> ORIGIN_SHIFT;
    read.is_alone = (flags & FLAG_ALONE) != 0;
    read.algorithms = (uint8_t)wire_read_number(value, 1);
    if (out->algorithms != 0 || origin >= ORIGINS || read.algorithms == 0 ||
        read.algorithms > ALGORITHMS_ALL || !read_realm(value, read.realm))
        return false;
    read.origin = origins[origin];
    for (enum digest_hash hash = 0; hash < DIGEST_HASHES; hash++) {
        const uint8_t *ref =
            digest_credential_has(&read, hash) ? wire_read_bytes(value, KEY_REF_BYTES) : NULL;
        if (ref != NULL)
            memcpy(read.refs[hash].bytes, ref, KEY_REF_BYTES);
    }
    *out = read;
    return !value->failed;
}
