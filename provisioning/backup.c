#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "backup_file.h"
#include "token_kek.h"
#include "token_rewrap.h"
#include "verbs.h"

/* Who may do what; the rest of the stored values is of this store and this token alone. */
static const char *const carried_values[] = {"officer/", "rule/"};

struct backup {
    struct office *office;
    struct backup_file file;
    struct stored_value value;
    char *partial; /* the file's name until it is whole */
    size_t wrapped;
    size_t resident; /* subscriptions with a secret that only this token holds */
    size_t altered;
    size_t values;
};

static enum outcome rewrap_keys(struct backup *backup)
{
    struct token *token = backup->office->token;
    struct wrapped_keys *keys = &backup->office->subscription.wrapped;
    CK_OBJECT_HANDLE kek = CK_INVALID_HANDLE;
    CK_OBJECT_HANDLE to = backup->file.keys.backup;
    enum hsm_result rc = token_kek_find(token, &keys->kek, &kek);
    if (rc == HSM_OK)
        rc = token_rewrap(token, kek, to, keys->k.bytes, sizeof keys->k.bytes, keys->k.bytes);
    memset(&keys->kek, 0, sizeof keys->kek);
    if (rc == HSM_OK)
        return OUTCOME_DONE;
    return outcome_fail(OUTCOME_FAILED, "K of %s: %s (%s)",
                        backup->office->subscription.identity.impi, hsm_result_text(rc),
                        module_fault(token->module));
}

/* SEQs and record into the body. The seal is this token's and not carried. */
static enum outcome write_subscription(struct backup *backup)
{
    struct office *office = backup->office;
    struct subscription *subscription = &office->subscription;
    struct sqn_array array = {{0}};
    int64_t version = 0;
    enum store_result stored = store_sqn_read(office->store, subscription->row, &array, &version);
    if (stored != STORE_OK)
        return office_fail_store(office, stored);
    enum hsm_result sealed = subscription_seal(office->token, subscription);
    if (sealed != HSM_OK)
        return office_fail_hsm(office, sealed, "coding a record");
    struct wire_writer writer = wire_writer_of(backup_body(&backup->file), BACKUP_BODY_BYTES_MAX);
    for (size_t i = 0; i < SQN_ENTRIES_MAX; i++)
        wire_write_number(&writer, array.seq[i], 8);
    wire_write_bytes(&writer, subscription->record, subscription->record_bytes);
    return backup_write(&backup->file, BACKUP_SUBSCRIBER, writer.used);
}

static enum outcome take_subscription(struct backup *backup, enum store_result read)
{
    struct office *office = backup->office;
    struct subscription *subscription = &office->subscription;
    enum outcome outcome = OUTCOME_DONE;
    enum hsm_result sealed = HSM_BAD_ANSWER;
    if (read == STORE_OK)
        sealed = subscription_check_seal(office->token, subscription);
    if (sealed == HSM_BAD_ANSWER) {
        outcome_warn("left out: row %" PRId64 ", whose record was altered", subscription->row);
        backup->altered++;
        return OUTCOME_DONE;
    }
    if (sealed != HSM_OK)
        return office_fail_hsm(office, sealed, "checking a record's seal");
    bool is_wrapped = subscription->residence == RESIDENCE_WRAPPED;
    if (is_wrapped)
        outcome = rewrap_keys(backup);
    if (is_wrapped && subscription->digest.algorithms == 0)
        backup->wrapped++;
    else
        backup->resident++;
    return outcome == OUTCOME_DONE ? write_subscription(backup) : outcome;
}

static enum outcome write_subscriptions(struct backup *backup)
{
    struct office *office = backup->office;
    struct subscription *subscription = &office->subscription;
    subscription->row = 0;
    while (true) {
        enum store_result read = store_next(office->store, subscription->row, subscription);
        if (read == STORE_NOT_FOUND)
            return OUTCOME_DONE;
        enum outcome outcome = read == STORE_OK || read == STORE_BAD_RECORD
                                   ? take_subscription(backup, read)
                                   : office_fail_store(office, read);
        if (outcome != OUTCOME_DONE)
            return outcome;
    }
}

static enum outcome write_value(struct backup *backup)
{
    struct stored_value *value = &backup->value;
    struct office *office = backup->office;
    enum hsm_result sealed = stored_value_check_seal(office->token, value);
    if (sealed == HSM_BAD_ANSWER) {
        outcome_warn("left out: \"%s\", which was altered", value->name);
        backup->altered++;
        return OUTCOME_DONE;
    }
    if (sealed != HSM_OK)
        return office_fail_hsm(office, sealed, "checking a value's seal");
    struct wire_writer writer = wire_writer_of(backup_body(&backup->file), BACKUP_BODY_BYTES_MAX);
    wire_write_number(&writer, strlen(value->name), 1);
    wire_write_bytes(&writer, value->name, strlen(value->name));
    wire_write_bytes(&writer, value->value, value->bytes);
    backup->values++;
    return backup_write(&backup->file, BACKUP_VALUE, writer.used);
}

static enum outcome write_values(struct backup *backup, const char *prefix)
{
    char after[STORED_NAME_BYTES_MAX + 1] = "";
    while (true) {
        enum store_result read =
            store_value_next(backup->office->store, prefix, after, &backup->value);
        if (read == STORE_NOT_FOUND)
            return OUTCOME_DONE;
        if (read != STORE_OK)
            return office_fail_store(backup->office, read);
        memcpy(after, backup->value.name, sizeof after);
        enum outcome outcome = write_value(backup);
        if (outcome != OUTCOME_DONE)
            return outcome;
    }
}

/* One view of the store: what is committed meanwhile is not in it. */
static enum outcome write_all(struct backup *backup)
{
    struct store *store = backup->office->store;
    enum outcome outcome = backup_create(&backup->file);
    store_view_begin(store);
    if (outcome == OUTCOME_DONE)
        outcome = write_subscriptions(backup);
    for (size_t i = 0; i < sizeof carried_values / sizeof carried_values[0]; i++) {
        if (outcome == OUTCOME_DONE)
            outcome = write_values(backup, carried_values[i]);
    }
    store_view_end(store);
    return outcome == OUTCOME_DONE ? backup_finish(&backup->file) : outcome;
}

static enum outcome write_file(struct backup *backup, const char *path)
{
    backup->file.path = backup->partial;
    enum outcome outcome = write_all(backup);
    if (outcome == OUTCOME_DONE && rename(backup->partial, path) != 0)
        outcome = outcome_fail(OUTCOME_FAILED, "%s: %s", path, strerror(errno));
    if (outcome != OUTCOME_DONE && backup->file.stream != NULL)
        (void)unlink(backup->partial);
    return outcome;
}

static enum outcome open_all(struct office *office, const struct arguments *arguments,
                             struct backup *backup)
{
    struct stat there = {0};
    if (lstat(arguments->name, &there) == 0)
        return outcome_fail(OUTCOME_TAKEN, "%s is there already; it is left as it is",
                            arguments->name);
    enum outcome outcome = office_open_store(office, false);
    if (outcome == OUTCOME_DONE)
        outcome = office_open_token(office, false);
    if (outcome == OUTCOME_DONE)
        outcome = office_prove_token(office);
    if (outcome == OUTCOME_DONE)
        outcome = backup_key_find(office, arguments->backup_key, &backup->file.keys);
    if (outcome == OUTCOME_DONE)
        outcome = backup_key_make_mac(office, &backup->file.keys);
    return outcome;
}

static enum outcome report(const struct backup *backup, const char *path)
{
    act_tell(backup->office, "%zu subscribers, of them for this token alone %zu, left out %zu",
             backup->wrapped + backup->resident, backup->resident, backup->altered);
    printf("%s: subscriptions %zu, of them for this token alone %zu; officers and rules %zu\n",
           path, backup->wrapped + backup->resident, backup->resident, backup->values);
    if (backup->resident > 0)
        outcome_warn("for this token alone: K, or the secrets of SIP digest, of %zu subscribers "
                     "rest in the token and can't leave it; restored elsewhere they are left out",
                     backup->resident);
    if (backup->altered > 0)
        return outcome_fail(OUTCOME_STORE, "records altered in store %s, left out: %zu",
                            backup->office->store_path, backup->altered);
    return OUTCOME_DONE;
}

enum outcome backup_make(struct office *office, const struct arguments *arguments)
{
    struct backup *backup = calloc(1, sizeof *backup);
    if (backup == NULL || asprintf(&backup->partial, "%s.partial", arguments->name) < 0) {
        free(backup);
        return outcome_fail(OUTCOME_FAILED, "memory is short");
    }
    backup->office = office;
    backup->file.office = office;
    enum outcome outcome = open_all(office, arguments, backup);
    if (outcome == OUTCOME_DONE)
        outcome = write_file(backup, arguments->name);
    backup_close(&backup->file);
    if (outcome == OUTCOME_DONE)
        outcome = report(backup, arguments->name);
    free(backup->partial);
    free(backup);
    return outcome;
}
