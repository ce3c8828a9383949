#include "pending.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#include "stored_value.h"

#define PENDING_PREFIX "pending/"
#define PENDING_VERSION 1

void pending_name(struct pending *pending)
{
    for (size_t i = 0; i < PENDING_ID_BYTES / 2; i++)
        snprintf(pending->id + 2 * i, 3, "%02x", pending->mark.nonce[i]);
}

static void encode(const struct pending *pending, struct stored_value *out)
{
    struct wire_writer writer = wire_writer_of(out->value, sizeof out->value);
    snprintf(out->name, sizeof out->name, PENDING_PREFIX "%s", pending->id);
    wire_write_number(&writer, PENDING_VERSION, 1);
    wire_write_bytes(&writer, pending->mark.nonce, sizeof pending->mark.nonce);
    wire_write_number(&writer, pending->mark.made, 8);
    wire_write_number(&writer, pending->mark.expires, 8);
    wire_write_bytes(&writer, pending->text_hash, sizeof pending->text_hash);
    out->bytes = writer.used;
}

static bool decode(const struct stored_value *value, struct pending *out)
{
    struct wire_reader reader = wire_reader_of(value->value, value->bytes);
    uint64_t version = wire_read_number(&reader, 1);
    const uint8_t *nonce = wire_read_bytes(&reader, sizeof out->mark.nonce);
    out->mark.made = wire_read_number(&reader, 8);
    out->mark.expires = wire_read_number(&reader, 8);
    const uint8_t *hash = wire_read_bytes(&reader, sizeof out->text_hash);
    if (!wire_reader_done(&reader) || version != PENDING_VERSION)
        return false;
    memcpy(out->mark.nonce, nonce, sizeof out->mark.nonce);
    memcpy(out->text_hash, hash, sizeof out->text_hash);
    pending_name(out);
    return true;
}

/* One that can't be read is of no use either. `value` is room to work in. */
static enum store_result forget_expired(struct office *office, struct stored_value *value)
{
    enum store_result result = STORE_OK;
    value->name[0] = '\0';
    while ((result = store_value_next(office->store, PENDING_PREFIX, value->name, value)) ==
           STORE_OK) {
        struct pending pending = {0};
        if (decode(value, &pending) && pending.mark.expires > (uint64_t)time(NULL))
            continue;
        result = store_value_remove(office->store, value->name);
        if (result != STORE_OK && result != STORE_NOT_FOUND)
            return result;
    }
    return result == STORE_NOT_FOUND ? STORE_OK : result;
}

enum outcome pending_write(struct office *office, const struct pending *pending)
{
    struct stored_value value = {0};
    enum store_result stored = forget_expired(office, &value);
    if (stored != STORE_OK)
        return office_fail_store(office, stored);
    encode(pending, &value);
    return office_write_sealed(office, &value, "sealing the request");
}

static enum outcome fail_unknown(const struct office *office, const char *id)
{
    return outcome_fail(OUTCOME_NOT_APPROVED,
                        "request %s: there is none in store %s, it was used already or has expired",
                        id, office->store_path);
}

enum outcome pending_read(struct office *office, const char *id, struct pending *out_pending)
{
    struct stored_value value = {0};
    char name[sizeof value.name];
    if (strlen(id) != PENDING_ID_BYTES)
        return fail_unknown(office, id);
    snprintf(name, sizeof name, PENDING_PREFIX "%s", id);
    enum store_result stored = store_value_read(office->store, name, &value);
    if (stored == STORE_NOT_FOUND)
        return fail_unknown(office, id);
    if (stored != STORE_OK && stored != STORE_BAD_RECORD)
        return office_fail_store(office, stored);
    enum hsm_result result = stored_value_check_seal(office->token, &value);
    if (result != HSM_OK && result != HSM_BAD_ANSWER)
        return office_fail_hsm(office, result, "checking the seal of the request");
    if (stored == STORE_BAD_RECORD || result == HSM_BAD_ANSWER || !decode(&value, out_pending))
        return outcome_fail(OUTCOME_STORE, "store %s: request %s was altered", office->store_path,
                            id);
    return out_pending->mark.expires > (uint64_t)time(NULL) ? OUTCOME_DONE
                                                            : fail_unknown(office, id);
}

enum outcome pending_use(struct office *office, const struct pending *pending)
{
    char name[STORED_NAME_BYTES_MAX + 1];
    snprintf(name, sizeof name, PENDING_PREFIX "%s", pending->id);
    enum store_result stored = store_value_remove(office->store, name);
    if (stored == STORE_NOT_FOUND)
        return fail_unknown(office, pending->id);
    return stored == STORE_OK ? OUTCOME_DONE : office_fail_store(office, stored);
}
