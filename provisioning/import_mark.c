#include "import_mark.h"

#include <errno.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "hex.h"
#include "wire.h"

#define NAME_PREFIX "import/"
#define MARK_BYTES 17

static bool hash_all(EVP_MD_CTX *context, int descriptor, uint8_t out_hash[IMPORT_HASH_BYTES])
{
    uint8_t bytes[2048];
    ssize_t got = 1;
    if (EVP_DigestInit_ex(context, EVP_sha256(), NULL) != 1)
        return false;
    while (got > 0) {
        do {
            got = read(descriptor, bytes, sizeof bytes);
        } while (got < 0 && errno == EINTR);
        if (got > 0 && EVP_DigestUpdate(context, bytes, (size_t)got) != 1)
            return false;
    }
    secret_wipe(bytes, sizeof bytes);
    return got == 0 && EVP_DigestFinal_ex(context, out_hash, NULL) == 1 &&
           lseek(descriptor, 0, SEEK_SET) == 0;
}

enum outcome import_mark_hash(int descriptor, const char *path, struct import_mark *out_mark)
{
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    uint8_t hash[IMPORT_HASH_BYTES];
    errno = 0;
    bool good = context != NULL && hash_all(context, descriptor, hash);
    EVP_MD_CTX_free(context);
    if (!good)
        return outcome_fail(OUTCOME_USAGE, "%s can't be read: %s", path, strerror(errno));
    *out_mark = (struct import_mark){0};
    memcpy(out_mark->hash, hash, sizeof hash);
    return OUTCOME_DONE;
}

static void name_of(const struct import_mark *mark, char out_name[STORED_NAME_BYTES_MAX + 1])
{
    memcpy(out_name, NAME_PREFIX, sizeof NAME_PREFIX);
    hex_encode(mark->hash, sizeof mark->hash, out_name + sizeof NAME_PREFIX - 1);
}

static bool decode(const struct stored_value *value, struct import_mark *mark)
{
    struct wire_reader reader = wire_reader_of(value->value, value->bytes);
    uint64_t records = wire_read_number(&reader, 8);
    uint64_t imported = wire_read_number(&reader, 8);
    uint64_t complete = wire_read_number(&reader, 1);
    if (reader.failed || value->bytes != MARK_BYTES || complete > 1)
        return false;
    mark->records = records;
    mark->imported = imported;
    mark->complete = complete == 1;
    return true;
}

enum outcome import_mark_read(struct office *office, struct import_mark *mark)
{
    struct stored_value value;
    char name[STORED_NAME_BYTES_MAX + 1];
    name_of(mark, name);
    enum store_result result = store_value_read(office->store, name, &value);
    if (result == STORE_NOT_FOUND)
        return OUTCOME_DONE;
    if (result != STORE_OK)
        return office_fail_store(office, result);
    enum hsm_result sealed = stored_value_check_seal(office->token, &value);
    if (sealed == HSM_BAD_ANSWER || (sealed == HSM_OK && !decode(&value, mark)))
        return outcome_fail(OUTCOME_STORE,
                            "store %s: how far this file was imported was altered; with --again "
                            "the file is gone through from its beginning",
                            office->store_path);
    return sealed == HSM_OK ? OUTCOME_DONE
                            : office_fail_hsm(office, sealed, "checking how far the import came");
}

enum outcome import_mark_forget(struct office *office, const struct import_mark *mark)
{
    char name[STORED_NAME_BYTES_MAX + 1];
    name_of(mark, name);
    enum store_result result = store_value_remove(office->store, name);
    return result == STORE_OK || result == STORE_NOT_FOUND ? OUTCOME_DONE
                                                           : office_fail_store(office, result);
}

enum store_result import_mark_compare(struct office *office, const struct import_mark *before)
{
    struct stored_value value;
    struct import_mark now = {0};
    char name[STORED_NAME_BYTES_MAX + 1];
    name_of(before, name);
    enum store_result result = store_value_read(office->store, name, &value);
    if (result != STORE_OK && result != STORE_NOT_FOUND)
        return result;
    if (result == STORE_OK && !decode(&value, &now))
        return STORE_CONFLICT;
    return now.records == before->records && now.complete == before->complete ? STORE_OK
                                                                              : STORE_CONFLICT;
}

enum outcome import_mark_write(struct office *office, const struct import_mark *mark)
{
    struct stored_value value = {.bytes = MARK_BYTES};
    struct wire_writer writer = wire_writer_of(value.value, sizeof value.value);
    name_of(mark, value.name);
    wire_write_number(&writer, mark->records, 8);
    wire_write_number(&writer, mark->imported, 8);
    wire_write_number(&writer, mark->complete ? 1 : 0, 1);
    return office_write_sealed(office, &value, "sealing how far the import came");
}
