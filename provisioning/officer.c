#include "officer.h"

#include <stdio.h>
#include <string.h>

#define OFFICER_VERSION 1

const char *officer_check_name(const char *name)
{
    static const char allowed[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-";
    size_t length = strlen(name);
    if (length == 0 || length > OFFICER_NAME_BYTES_MAX)
        return "not 1 to 32 characters";
    if (strspn(name, allowed) != length)
        return "an officer's name has letters, digits, full stops, - and _ only";
    return NULL;
}

static void encode(const struct officer *officer, struct stored_value *out)
{
    struct wire_writer writer = wire_writer_of(out->value, sizeof out->value);
    snprintf(out->name, sizeof out->name, OFFICER_PREFIX "%s", officer->name);
    wire_write_number(&writer, OFFICER_VERSION, 1);
    wire_write_number(&writer, officer->enrolled, 8);
    wire_write_number(&writer, strlen(officer->by), 1);
    wire_write_bytes(&writer, officer->by, strlen(officer->by));
    wire_write_number(&writer, officer->key.bytes, 2);
    wire_write_bytes(&writer, officer->key.der, officer->key.bytes);
    out->bytes = writer.used;
}

static bool decode(const struct stored_value *value, struct officer *out)
{
    struct wire_reader reader = wire_reader_of(value->value, value->bytes);
    const char *name = value->name + strlen(OFFICER_PREFIX);
    uint64_t version = wire_read_number(&reader, 1);
    out->enrolled = wire_read_number(&reader, 8);
    size_t by_bytes = (size_t)wire_read_number(&reader, 1);
    const uint8_t *by = wire_read_bytes(&reader, by_bytes);
    out->key.bytes = (size_t)wire_read_number(&reader, 2);
    const uint8_t *der = wire_read_bytes(&reader, out->key.bytes);
    if (!wire_reader_done(&reader) || version != OFFICER_VERSION || by_bytes >= sizeof out->by ||
        out->key.bytes > sizeof out->key.der || officer_check_name(name) != NULL)
        return false;
    snprintf(out->name, sizeof out->name, "%s", name);
    memcpy(out->by, by, by_bytes);
    out->by[by_bytes] = '\0';
    memcpy(out->key.der, der, out->key.bytes);
    return true;
}

static enum store_result take(struct office *office, enum store_result result,
                              const struct stored_value *value, struct officer *out)
{
    if (result != STORE_OK)
        return result;
    if (stored_value_check_seal(office->token, value) != HSM_OK || !decode(value, out))
        return STORE_BAD_RECORD;
    return STORE_OK;
}

enum store_result officer_find(struct office *office, const char *name, struct officer *out_officer)
{
    struct stored_value value = {0};
    char full[sizeof value.name];
    if (officer_check_name(name) != NULL)
        return STORE_NOT_FOUND;
    snprintf(full, sizeof full, OFFICER_PREFIX "%s", name);
    return take(office, store_value_read(office->store, full, &value), &value, out_officer);
}

enum store_result officer_next(struct office *office, const char *after,
                               struct officer *out_officer)
{
    struct stored_value value = {0};
    char full[sizeof value.name];
    snprintf(full, sizeof full, OFFICER_PREFIX "%s", after);
    return take(office, store_value_next(office->store, OFFICER_PREFIX, full, &value), &value,
                out_officer);
}

enum outcome officer_fail(struct office *office, const char *name, enum store_result result)
{
    if (result == STORE_NOT_FOUND)
        return outcome_fail(OUTCOME_UNKNOWN, "no officer \"%s\" in store %s", name,
                            office->store_path);
    if (result == STORE_BAD_RECORD)
        return outcome_fail(OUTCOME_STORE, "store %s: the record of an officer was altered",
                            office->store_path);
    return office_fail_store(office, result);
}

enum outcome officers_count(struct office *office, size_t *out_count)
{
    struct officer officer = {0};
    enum store_result result = STORE_OK;
    *out_count = 0;
    while ((result = officer_next(office, officer.name, &officer)) == STORE_OK)
        (*out_count)++;
    return result == STORE_NOT_FOUND ? OUTCOME_DONE : officer_fail(office, "", result);
}

/* hash = SHA-256(hash so far, SHA-256(name), SHA-256(value)): needs no more than one at a time. */
static bool take_in(const struct stored_value *value, uint8_t hash[SHA256_BYTES])
{
    uint8_t all[3][SHA256_BYTES];
    memcpy(all[0], hash, SHA256_BYTES);
    return sha256_of(value->name, strlen(value->name), all[1]) &&
           sha256_of(value->value, value->bytes, all[2]) && sha256_of(all, sizeof all, hash);
}

enum outcome officers_hash(struct office *office, uint8_t out_hash[SHA256_BYTES])
{
    struct stored_value value = {.name = OFFICER_PREFIX};
    enum store_result result = STORE_OK;
    memset(out_hash, 0, SHA256_BYTES);
    while ((result = store_value_next(office->store, OFFICER_PREFIX, value.name, &value)) ==
           STORE_OK) {
        if (!take_in(&value, out_hash))
            return outcome_fail(OUTCOME_FAILED, "SHA-256 failed");
    }
    return result == STORE_NOT_FOUND ? OUTCOME_DONE : officer_fail(office, "", result);
}

enum outcome officer_write(struct office *office, const struct officer *officer)
{
    struct stored_value value = {0};
    encode(officer, &value);
    return office_write_sealed(office, &value, "sealing the officer's record");
}

enum outcome officer_erase(struct office *office, const char *name)
{
    char full[STORED_NAME_BYTES_MAX + 1];
    snprintf(full, sizeof full, OFFICER_PREFIX "%s", name);
    enum store_result stored = store_value_remove(office->store, full);
    return stored == STORE_OK ? OUTCOME_DONE : officer_fail(office, name, stored);
}
