#include "subscription.h"

#include <string.h>

/* Service numbers (TS 31.103 4.2.7). */
#define SERVICE_P_CSCF_ADDRESS 1
#define SERVICE_GBA 2
#define SERVICE_WEBRTC_URI 20

/* Tags of extensions, and the bits of EXTENSION_GBA. */
#define EXTENSION_WEBRTC_URI 1
#define EXTENSION_GBA 4
#define EXTENSION_WRAPPED 5
#define GBA_ON 0x01
#define GBA_U_MAC 0x02

static void set_service(struct identity *identity, unsigned number)
{
    size_t at = (number - 1) / 8;
    identity->service_table[at] |= (uint8_t)(1u << (number - 1) % 8);
    if (at >= identity->service_table_bytes)
        identity->service_table_bytes = at + 1;
}

void subscription_set_services(struct subscription *subscription)
{
    struct identity *identity = &subscription->identity;
    memset(identity->service_table, 0, sizeof identity->service_table);
    identity->service_table_bytes = 1;
    if (identity->p_cscf_count > 0)
        set_service(identity, SERVICE_P_CSCF_ADDRESS);
    if (subscription->gba)
        set_service(identity, SERVICE_GBA);
    if (identity->webrtc_uri[0] != '\0')
        set_service(identity, SERVICE_WEBRTC_URI);
}

static void write_text(struct wire_writer *writer, const char *text)
{
    size_t length = strlen(text);
    wire_write_number(writer, length, 2);
    wire_write_bytes(writer, text, length);
}

static void write_extension_byte(struct wire_writer *writer, uint8_t tag, uint64_t value)
{
    wire_write_number(writer, tag, 1);
    wire_write_number(writer, 1, 2);
    wire_write_number(writer, value, 1);
}

static bool read_gba(struct subscription *subscription, struct wire_reader *value)
{
    uint64_t bits = wire_read_number(value, 1);
    subscription->gba = (bits & GBA_ON) != 0;
    subscription->gba_u_mac = (bits & GBA_U_MAC) != 0;
    return subscription->gba && (bits & ~(uint64_t)(GBA_ON | GBA_U_MAC)) == 0;
}

static void write_wrapped(struct wire_writer *writer, const struct wrapped_keys *wrapped)
{
    wire_write_number(writer, EXTENSION_WRAPPED, 1);
    wire_write_number(writer, sizeof *wrapped, 2);
    wire_write_bytes(writer, wrapped->kek.bytes, sizeof wrapped->kek.bytes);
    wire_write_bytes(writer, wrapped->k.bytes, sizeof wrapped->k.bytes);
    wire_write_bytes(writer, wrapped->opc.salt, sizeof wrapped->opc.salt);
    wire_write_bytes(writer, wrapped->opc.bytes, sizeof wrapped->opc.bytes);
}

static bool read_piece(struct wire_reader *reader, uint8_t *out_bytes, size_t length)
{
    const uint8_t *bytes = wire_read_bytes(reader, length);
    if (bytes == NULL)
        return false;
    memcpy(out_bytes, bytes, length);
    return true;
}

static bool read_wrapped(struct subscription *subscription, struct wire_reader *value)
{
    struct wrapped_keys *wrapped = &subscription->wrapped;
    bool is_first = subscription->residence != RESIDENCE_WRAPPED;
    subscription->residence = RESIDENCE_WRAPPED;
    return is_first && read_piece(value, wrapped->kek.bytes, sizeof wrapped->kek.bytes) &&
           read_piece(value, wrapped->k.bytes, sizeof wrapped->k.bytes) &&
           read_piece(value, wrapped->opc.salt, sizeof wrapped->opc.salt) &&
           read_piece(value, wrapped->opc.bytes, sizeof wrapped->opc.bytes);
}

static void write_text_extension(struct wire_writer *writer, uint8_t tag, const char *text)
{
    if (text[0] == '\0')
        return;
    wire_write_number(writer, tag, 1);
    write_text(writer, text);
}

/* The text is all of the value. False also when it is empty or stood there before. */
static bool read_text_extension(struct wire_reader *value, char *out_text, size_t room)
{
    size_t length = value->left;
    const uint8_t *bytes = wire_read_bytes(value, length);
    if (bytes == NULL || length == 0 || length >= room || out_text[0] != '\0')
        return false;
    memcpy(out_text, bytes, length);
    out_text[length] = '\0';
    return true;
}

/* What only some subscriptions have. A tag that is not known makes the record unreadable. */
static void write_extensions(struct wire_writer *writer, const struct subscription *subscription)
{
    write_text_extension(writer, EXTENSION_WEBRTC_URI, subscription->identity.webrtc_uri);
    digest_credential_write(writer, &subscription->digest);
    if (subscription->gba)
        write_extension_byte(writer, EXTENSION_GBA,
                             GBA_ON | (subscription->gba_u_mac ? GBA_U_MAC : 0));
    if (subscription->residence == RESIDENCE_WRAPPED)
        write_wrapped(writer, &subscription->wrapped);
}

static void clear_extensions(struct subscription *subscription)
{
    subscription->digest = (struct digest_credential){0};
    subscription->gba = false;
    subscription->gba_u_mac = false;
    subscription->residence = RESIDENCE_RESIDENT;
    subscription->wrapped = (struct wrapped_keys){0};
    subscription->identity.webrtc_uri[0] = '\0';
}

static bool read_extension(struct subscription *subscription, uint8_t tag,
                           struct wire_reader *value)
{
    switch (tag) {
    case EXTENSION_WEBRTC_URI:
        return read_text_extension(value, subscription->identity.webrtc_uri,
                                   sizeof subscription->identity.webrtc_uri);
    case DIGEST_CREDENTIAL_TAG:
        return digest_credential_read(value, &subscription->digest);
    case EXTENSION_GBA:
        return read_gba(subscription, value);
    case EXTENSION_WRAPPED:
        return read_wrapped(subscription, value);
    default:
        return false;
    }
}

static void write_record(struct wire_writer *writer, const struct subscription *subscription)
{
    const struct identity *identity = &subscription->identity;
    const struct sqn_profile *profile = &subscription->profile;
    wire_write_number(writer, SUBSCRIPTION_RECORD_VERSION, 1);
    wire_write_number(writer, subscription->enabled ? 1 : 0, 1);
    wire_write_number(writer, subscription->origin, 1);
    wire_write_number(writer, profile->ind_bits, 1);
    wire_write_number(writer, profile->delta, 8);
    wire_write_number(writer, profile->age_limit, 8);
    wire_write_bytes(writer, subscription->key_ref.bytes, KEY_REF_BYTES);
    write_text(writer, identity->impi);
    write_text(writer, identity->domain);
    wire_write_number(writer, subscription->user_id_count, 1);
    for (size_t i = 0; i < subscription->user_id_count; i++)
        write_text(writer, subscription->user_ids[i]);
    wire_write_number(writer, identity->impu_count, 1);
    for (size_t i = 0; i < identity->impu_count; i++)
        write_text(writer, identity->impus[i]);
    wire_write_number(writer, identity->p_cscf_count, 1);
    for (size_t i = 0; i < identity->p_cscf_count; i++)
        write_text(writer, identity->p_cscfs[i]);
    write_extensions(writer, subscription);
}

static void read_text(struct wire_reader *reader, char *out_text, size_t room)
{
    size_t length = (size_t)wire_read_number(reader, 2);
    const uint8_t *bytes = wire_read_bytes(reader, length);
    if (bytes == NULL || length >= room) {
        reader->failed = true;
        return;
    }
    memcpy(out_text, bytes, length);
    out_text[length] = '\0';
}

/* `texts` is an array of `most` texts, each of `room` bytes. Returns how many were read. */
static size_t read_texts(struct wire_reader *reader, char *texts, size_t most, size_t room)
{
    size_t count = (size_t)wire_read_number(reader, 1);
    if (count > most)
        reader->failed = true;
    for (size_t i = 0; i < count && !reader->failed; i++)
        read_text(reader, texts + i * room, room);
    return reader->failed ? 0 : count;
}

static void read_extensions(struct wire_reader *reader, struct subscription *subscription)
{
    clear_extensions(subscription);
    while (!reader->failed && reader->left > 0) {
        uint8_t tag = (uint8_t)wire_read_number(reader, 1);
        size_t length = (size_t)wire_read_number(reader, 2);
        const uint8_t *bytes = wire_read_bytes(reader, length);
        if (bytes == NULL)
            return;
        struct wire_reader value = wire_reader_of(bytes, length);
        if (!read_extension(subscription, tag, &value) || !wire_reader_done(&value))
            reader->failed = true;
    }
}

bool subscription_decode(struct subscription *subscription)
{
    struct identity *identity = &subscription->identity;
    struct sqn_profile *profile = &subscription->profile;
    struct wire_reader reader = wire_reader_of(subscription->record, subscription->record_bytes);
    if (wire_read_number(&reader, 1) != SUBSCRIPTION_RECORD_VERSION)
        return false;
    subscription->enabled = wire_read_number(&reader, 1) == 1;
    subscription->origin = (enum key_origin)wire_read_number(&reader, 1);
    profile->ind_bits = (uint8_t)wire_read_number(&reader, 1);
    profile->delta = wire_read_number(&reader, 8);
    profile->age_limit = wire_read_number(&reader, 8);
    const uint8_t *key_ref = wire_read_bytes(&reader, KEY_REF_BYTES);
    if (key_ref != NULL)
        memcpy(subscription->key_ref.bytes, key_ref, KEY_REF_BYTES);
    read_text(&reader, identity->impi, sizeof identity->impi);
    read_text(&reader, identity->domain, sizeof identity->domain);
    subscription->user_id_count = read_texts(&reader, subscription->user_ids[0], USER_IDS_MAX,
                                             sizeof subscription->user_ids[0]);
    identity->impu_count =
        read_texts(&reader, identity->impus[0], IMPUS_MAX, sizeof identity->impus[0]);
    identity->p_cscf_count =
        read_texts(&reader, identity->p_cscfs[0], P_CSCFS_MAX, sizeof identity->p_cscfs[0]);
    read_extensions(&reader, subscription);
    subscription_set_services(subscription);
    return wire_reader_done(&reader) && sqn_profile_is_valid(profile);
}

enum hsm_result subscription_seal(struct token *token, struct subscription *subscription)
{
    struct wire_writer writer = wire_writer_of(subscription->record, sizeof subscription->record);
    write_record(&writer, subscription);
    if (writer.failed)
        return HSM_REFUSED;
    subscription->record_bytes = writer.used;
    return token_mac(token, subscription->record, writer.used, subscription->seal);
}

enum hsm_result subscription_check_seal(struct token *token,
                                        const struct subscription *subscription)
{
    uint8_t seal[TOKEN_MAC_BYTES] = {0};
    enum hsm_result rc = token_mac(token, subscription->record, subscription->record_bytes, seal);
    if (rc != HSM_OK)
        return rc;
    return secret_equal(seal, subscription->seal, sizeof seal) ? HSM_OK : HSM_BAD_ANSWER;
}

bool subscription_is_named(const struct subscription *subscription,
                           const struct subscriber_name *name)
{
    if (name->by == FIELD_IMPI)
        return strcmp(subscription->identity.impi, name->text) == 0;
    for (size_t i = 0; i < subscription->user_id_count; i++) {
        if (strcmp(subscription->user_ids[i], name->text) == 0)
            return true;
    }
    return false;
}
