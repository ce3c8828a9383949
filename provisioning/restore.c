#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "backup_file.h"
#include "durable.h"
#include "token_kek.h"
#include "token_rewrap.h"
#include "verbs.h"

struct restore {
    struct office *office;
    const char *store_path; /* of the store to be */
    char *partial;          /* its name until it is whole */
    struct keyring *keyring;
    struct kek_id kek_id;
    CK_OBJECT_HANDLE kek;
    struct backup_file file;
    struct stored_value value;
    size_t subscriptions;
    size_t left_out;
    size_t values;
};

static enum outcome fail_content(const struct restore *restore)
{
    return outcome_fail(OUTCOME_USAGE, "%s: made by another nisim: a record is not of a known form",
                        restore->file.path);
}

static enum outcome rewrap_keys(struct restore *restore)
{
    struct token *token = restore->office->token;
    struct wrapped_keys *keys = &restore->office->subscription.wrapped;
    CK_OBJECT_HANDLE from = restore->file.keys.backup;
    keys->kek = restore->kek_id;
    enum hsm_result rc =
        token_rewrap(token, from, restore->kek, keys->k.bytes, sizeof keys->k.bytes, keys->k.bytes);
    if (rc == HSM_OK)
        return OUTCOME_DONE;
    return outcome_fail(OUTCOME_FAILED, "K of %s: %s (%s)",
                        restore->office->subscription.identity.impi, hsm_result_text(rc),
                        module_fault(token->module));
}

static bool holds_digests(const struct restore *restore, const struct digest_credential *digest)
{
    for (size_t i = 0; i < DIGEST_HASHES; i++) {
        if (digest_credential_has(digest, (enum digest_hash)i) &&
            keyring_digest_place(restore->keyring, &digest->refs[i]) == DIGEST_PLACE_NONE)
            return false;
    }
    return true;
}

/* A subscription whose secrets another token kept is nobody's here. */
static bool is_at_home(struct restore *restore)
{
    struct subscription *subscription = &restore->office->subscription;
    struct digest_credential *digest = &subscription->digest;
    const char *impi = subscription->identity.impi;
    bool has_digests = holds_digests(restore, digest);
    bool has_key = subscription->residence == RESIDENCE_WRAPPED ||
                   keyring_holds(restore->keyring, &subscription->key_ref);
    if (digest->is_alone ? has_digests : has_key) {
        if (has_digests)
            return true;
        outcome_warn("%s: restored without SIP digest, whose secrets rest in another token", impi);
        *digest = (struct digest_credential){0};
        return true;
    }
    outcome_warn("left out: %s, whose secrets rest in another token; add it anew", impi);
    restore->left_out++;
    return false;
}

static enum outcome add(struct restore *restore, const struct sqn_array *array)
{
    struct office *office = restore->office;
    struct subscription *subscription = &office->subscription;
    enum hsm_result sealed = subscription_seal(office->token, subscription);
    if (sealed != HSM_OK)
        return office_fail_hsm(office, sealed, "sealing a record");
    enum store_result stored = store_add_in_transaction(office->store, subscription);
    if (stored == STORE_OK)
        stored = store_sqn_swap(office->store, subscription->row, 0, array);
    restore->subscriptions++;
    return stored == STORE_OK ? OUTCOME_DONE : office_fail_store(office, stored);
}

static enum outcome take_subscription(struct restore *restore)
{
    struct subscription *subscription = &restore->office->subscription;
    struct backup_file *file = &restore->file;
    struct wire_reader reader = wire_reader_of(backup_body(file), file->body_bytes);
    struct sqn_array array = {{0}};
    for (size_t i = 0; i < SQN_ENTRIES_MAX; i++)
        array.seq[i] = wire_read_number(&reader, 8);
    if (reader.failed || file->body_bytes - BACKUP_SEQS_BYTES > sizeof subscription->record)
        return fail_content(restore);
    subscription->row = 0;
    subscription->record_bytes = file->body_bytes - BACKUP_SEQS_BYTES;
    memcpy(subscription->record, backup_body(file) + BACKUP_SEQS_BYTES, subscription->record_bytes);
    if (!subscription_decode(subscription))
        return fail_content(restore);
    if (!is_at_home(restore))
        return OUTCOME_DONE;
    enum outcome outcome = OUTCOME_DONE;
    if (subscription->residence == RESIDENCE_WRAPPED)
        outcome = rewrap_keys(restore);
    return outcome == OUTCOME_DONE ? add(restore, &array) : outcome;
}

static enum outcome take_value(struct restore *restore)
{
    struct stored_value *value = &restore->value;
    struct wire_reader reader =
        wire_reader_of(backup_body(&restore->file), restore->file.body_bytes);
    size_t name_bytes = (size_t)wire_read_number(&reader, 1);
    const uint8_t *name = wire_read_bytes(&reader, name_bytes);
    if (name == NULL || name_bytes >= sizeof value->name)
        return fail_content(restore);
    value->bytes = restore->file.body_bytes - 1 - name_bytes;
    if (value->bytes > sizeof value->value)
        return fail_content(restore);
    memcpy(value->name, name, name_bytes);
    value->name[name_bytes] = '\0';
    memcpy(value->value, name + name_bytes, value->bytes);
    restore->values++;
    return office_write_sealed(restore->office, value, "sealing a value");
}

/* Reads the file from its beginning; with `write`, into the store that is open. */
static enum outcome go_through(struct restore *restore, const char *key_name, bool write)
{
    struct backup_file *file = &restore->file;
    enum outcome outcome = backup_open(file, key_name);
    while (outcome == OUTCOME_DONE) {
        outcome = backup_read(file);
        if (outcome != OUTCOME_DONE || file->kind == BACKUP_END)
            break;
        if (write && file->kind == BACKUP_SUBSCRIBER)
            outcome = take_subscription(restore);
        else if (write && file->kind == BACKUP_VALUE)
            outcome = take_value(restore);
        else if (write)
            outcome = fail_content(restore);
    }
    backup_close(file);
    return outcome;
}

/* A mark that no token holds: the restored state is not taken before `state accept`. */
static enum outcome write_store(struct restore *restore, const char *key_name)
{
    struct office *office = restore->office;
    enum store_result stored = store_begin(office->store);
    if (stored != STORE_OK)
        return office_fail_store(office, stored);
    enum outcome outcome = go_through(restore, key_name, true);
    anchor_start(&office->anchor, office->token, office->store);
    if (outcome == OUTCOME_DONE && !anchor_disown(&office->anchor))
        outcome = office_fail_anchor(office);
    return office_end_transaction(office, outcome);
}

static enum outcome fail_path(const char *path)
{
    return outcome_fail(OUTCOME_STORE, "%s: %s", path, strerror(errno));
}

/* The file, and what SQLite and turn.h keep beside it. */
static void remove_store(const char *path)
{
    static const char *const ends[] = {"", "-wal", "-shm", "-turn", "-login-turn"};
    for (size_t i = 0; i < sizeof ends / sizeof ends[0]; i++) {
        char *name = NULL;
        if (asprintf(&name, "%s%s", path, ends[i]) >= 0)
            (void)unlink(name);
        free(name);
    }
}

static enum outcome must_be_absent(const char *path, const char *end)
{
    char *name = NULL;
    if (asprintf(&name, "%s%s", path, end) < 0)
        return outcome_fail(OUTCOME_FAILED, "memory is short");
    bool is_there = access(name, F_OK) == 0;
    enum outcome outcome =
        is_there ? outcome_fail(OUTCOME_TAKEN,
                                "%s is there already; it is left as it is: move it away to restore "
                                "in its place",
                                name)
                 : OUTCOME_DONE;
    free(name);
    return outcome;
}

/* Closed, SQLite has it all in the one file; link never replaces what came to be there. */
static enum outcome put_in_place(struct restore *restore)
{
    store_close(&restore->office->store);
    if (link(restore->partial, restore->store_path) != 0)
        return fail_path(restore->store_path);
    return durable_name(restore->store_path) ? OUTCOME_DONE : fail_path(restore->store_path);
}

/*
 * A store confirms a trail, so that of the new one begins with this act. There is no rule yet by
 * which officers would approve it.
 */
static enum outcome begin_trail(struct office *office)
{
    enum outcome outcome = act_make_folder(office, false);
    return outcome == OUTCOME_DONE ? act_begin(office) : outcome;
}

/*
 * A good end is recorded by main.c, as of every act, with the store that is in place. A bad one is
 * in the trail's files, which stay, though the store that confirms it is given up.
 */
static enum outcome end(struct restore *restore, enum outcome outcome)
{
    struct office *office = restore->office;
    if (outcome != OUTCOME_DONE) {
        if (office->act.intent != 0 && office_open_store(office, false) == OUTCOME_DONE)
            outcome = act_end(office, outcome);
        if (office->store != NULL)
            store_close(&office->store);
    }
    remove_store(restore->partial);
    office->store_path = restore->store_path;
    return outcome == OUTCOME_DONE ? office_open_store(office, false) : outcome;
}

static enum outcome make_store(struct restore *restore, const char *key_name)
{
    struct office *office = restore->office;
    remove_store(restore->partial); /* of a run that was ended */
    office->store_path = restore->partial;
    enum outcome outcome = office_open_store(office, true);
    if (outcome == OUTCOME_DONE)
        outcome = begin_trail(office);
    if (outcome == OUTCOME_DONE)
        outcome = write_store(restore, key_name);
    if (outcome == OUTCOME_DONE)
        outcome = put_in_place(restore);
    return end(restore, outcome);
}

static enum outcome prepare(struct restore *restore, const char *key_name)
{
    struct office *office = restore->office;
    if (office->store_path == NULL)
        return outcome_fail(OUTCOME_USAGE, "no store: give --config FILE or --store FILE");
    enum outcome outcome = must_be_absent(office->store_path, "");
    if (outcome == OUTCOME_DONE)
        outcome = must_be_absent(office->store_path, "-wal");
    if (outcome == OUTCOME_DONE)
        outcome = office_open_token(office, false);
    if (outcome == OUTCOME_DONE)
        outcome = office_prove_token(office);
    if (outcome == OUTCOME_DONE)
        outcome = backup_key_find(office, key_name, &restore->file.keys);
    if (outcome != OUTCOME_DONE)
        return outcome;
    enum hsm_result rc = keyring_new(office->token, &restore->keyring);
    if (rc == HSM_OK)
        rc = token_kek_newest(office->token, &restore->kek_id);
    if (rc == HSM_OK)
        rc = token_kek_find(office->token, &restore->kek_id, &restore->kek);
    return rc == HSM_OK ? OUTCOME_DONE : office_fail_hsm(office, rc, "the token's keys");
}

static enum outcome act(struct restore *restore, const char *key_name)
{
    enum outcome outcome = prepare(restore, key_name);
    restore->store_path = restore->office->store_path;
    if (outcome == OUTCOME_DONE &&
        asprintf(&restore->partial, "%s.partial", restore->store_path) < 0)
        outcome = outcome_fail(OUTCOME_FAILED, "memory is short");
    if (outcome == OUTCOME_DONE)
        outcome = go_through(restore, key_name, false);
    return outcome == OUTCOME_DONE ? make_store(restore, key_name) : outcome;
}

enum outcome backup_restore(struct office *office, const struct arguments *arguments)
{
    struct restore *restore = calloc(1, sizeof *restore);
    if (restore == NULL)
        return outcome_fail(OUTCOME_FAILED, "memory is short");
    restore->office = office;
    restore->file.office = office;
    restore->file.path = arguments->name;
    office->answers_for_anchor = true;
    enum outcome outcome = act(restore, arguments->backup_key);
    if (outcome == OUTCOME_DONE)
        printf("store %s: subscriptions %zu, left out %zu; officers and rules %zu\n"
               "No appliance takes it before nisim-token state accept.\n",
               office->store_path, restore->subscriptions, restore->left_out, restore->values);
    keyring_free(&restore->keyring);
    free(restore->partial);
    free(restore);
    return outcome;
}
