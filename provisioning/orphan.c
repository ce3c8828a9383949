#include "orphan.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/random.h>
#include <unistd.h>

#include "digestfile.h"
#include "hex.h"
#include "officer_key.h"
#include "stored_value.h"

#define PREFIX "making/"
#define FOUND_MOST 16 /* more of one label are left for the next run */
#define LABEL_BYTES (NAME_BYTES_MAX + 32)

/* Whose objects are looked for, and what of them stays. */
struct sweep {
    struct office *office;
    struct stored_value note;
    char impi[NAME_BYTES_MAX + 1];
    struct subscription subscription; /* row 0: there is none, nothing stays */
    size_t destroyed;
    bool is_left; /* something could not be destroyed */
};

/* Of this tool alone: another's note about the same subscriber is not ours to forget. */
static bool name_note(const struct office *office, const char *impi,
                      char out_name[STORED_NAME_BYTES_MAX + 1])
{
    uint8_t hash[SHA256_BYTES];
    char of_impi[HEX_TEXT_BYTES(SHA256_BYTES)];
    char of_tool[HEX_TEXT_BYTES(sizeof office->making_mark)];
    if (!sha256_of(impi, strlen(impi), hash))
        return false;
    hex_encode(hash, sizeof hash, of_impi);
    hex_encode(office->making_mark, sizeof office->making_mark, of_tool);
    snprintf(out_name, STORED_NAME_BYTES_MAX + 1, PREFIX "%s/%s", of_impi, of_tool);
    return true;
}

/* Who makes objects shares it; who sweeps has it alone. */
static bool open_lock(struct office *office)
{
    char *path = NULL;
    if (office->making >= 0)
        return true;
    if (asprintf(&path, "%s-making", office->store_path) < 0)
        return false;
    office->making = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    free(path);
    return office->making >= 0;
}

/* A sweep that we wait for ends: each call of the module is bounded. */
static bool share(struct office *office)
{
    uint8_t *mark = office->making_mark;
    if (!open_lock(office) || (mark[0] == 0 && getrandom(mark, sizeof office->making_mark, 0) !=
                                                   sizeof office->making_mark))
        return false;
    mark[0] |= 1; /* made */
    while (flock(office->making, LOCK_SH) != 0) {
        if (errno != EINTR)
            return false;
    }
    return true;
}

enum outcome orphan_note(struct office *office, const char *impi)
{
    struct stored_value note = {.bytes = strlen(impi)};
    if (!share(office))
        return outcome_fail(OUTCOME_STORE, "%s-making: %s", office->store_path, strerror(errno));
    if (!name_note(office, impi, note.name))
        return outcome_fail(OUTCOME_FAILED, "SHA-256 failed");
    memcpy(note.value, impi, note.bytes);
    return office_write_sealed(office, &note, "sealing the note of what is made in the token");
}

enum store_result orphan_forget(struct office *office, const char *impi)
{
    char name[STORED_NAME_BYTES_MAX + 1];
    if (!name_note(office, impi, name))
        return STORE_FAILED;
    enum store_result result = store_value_remove(office->store, name);
    return result == STORE_NOT_FOUND ? STORE_OK : result;
}

void orphan_settle(struct office *office, const char *impi)
{
    if (orphan_forget(office, impi) != STORE_OK)
        outcome_warn("store %s: a note about %s stays: %s", office->store_path, impi,
                     store_why(office->store));
}

static bool is_same(const struct key_ref *a, const struct key_ref *b)
{
    return memcmp(a, b, sizeof *a) == 0;
}

static bool is_named(const struct subscription *subscription, const struct key_ref *ref)
{
    bool named = subscription->residence == RESIDENCE_RESIDENT && !subscription->digest.is_alone &&
                 is_same(&subscription->key_ref, ref);
    for (size_t i = 0; i < DIGEST_HASHES; i++)
        named = named || (digest_credential_has(&subscription->digest, (enum digest_hash)i) &&
                          is_same(&subscription->digest.refs[i], ref));
    return subscription->row != 0 && named;
}

/* Of a key CKA_ID; of data it ends CKA_APPLICATION. An object without one is none of ours. */
static enum hsm_result ref_of(struct token *token, CK_OBJECT_HANDLE object, bool is_key,
                              struct key_ref *out_ref)
{
    char text[sizeof KEYRING_OPC_PREFIX + KEY_REF_TEXT_BYTES];
    struct key_ref ref = {{0}};
    CK_ATTRIBUTE id = {CKA_ID, ref.bytes, sizeof ref.bytes};
    CK_ATTRIBUTE application = {CKA_APPLICATION, text, sizeof text};
    CK_ATTRIBUTE *wanted = is_key ? &id : &application;
    CK_ULONG before = sizeof KEYRING_OPC_PREFIX - 1;
    CK_RV rv = MODULE_CALL(token->module, C_GetAttributeValue, token->session, object, wanted, 1);
    if (rv == CKR_BUFFER_TOO_SMALL || rv == CKR_ATTRIBUTE_TYPE_INVALID)
        return HSM_NO_KEY;
    if (rv == CKR_OK && is_key && id.ulValueLen != sizeof ref.bytes)
        return HSM_NO_KEY;
    if (rv == CKR_OK && !is_key &&
        (application.ulValueLen <= before ||
         !key_ref_from_text(text + before, application.ulValueLen - before, &ref)))
        return HSM_NO_KEY;
    *out_ref = ref;
    return module_result(rv);
}

static enum hsm_result destroy_one(struct sweep *sweep, CK_OBJECT_HANDLE object, bool is_key)
{
    struct key_ref ref = {{0}};
    struct token *token = sweep->office->token;
    enum hsm_result rc = ref_of(token, object, is_key, &ref);
    if (rc == HSM_NO_KEY || (rc == HSM_OK && is_named(&sweep->subscription, &ref)))
        return HSM_OK;
    if (rc == HSM_OK)
        rc = token_destroy(token, object);
    sweep->destroyed += rc == HSM_OK ? 1 : 0;
    sweep->is_left = sweep->is_left || rc != HSM_OK;
    return rc;
}

static enum hsm_result destroy_labelled(struct sweep *sweep, CK_OBJECT_CLASS class, char *label)
{
    CK_OBJECT_HANDLE objects[FOUND_MOST];
    CK_ULONG found = 0;
    CK_BBOOL yes = CK_TRUE;
    CK_ATTRIBUTE fit[] = {{CKA_CLASS, &class, sizeof class},
                          {CKA_TOKEN, &yes, sizeof yes},
                          {CKA_LABEL, label, strlen(label)}};
    enum hsm_result rc = token_find(sweep->office->token, fit, sizeof fit / sizeof fit[0], objects,
                                    FOUND_MOST, &found);
    sweep->is_left = sweep->is_left || rc != HSM_OK || found == FOUND_MOST;
    for (CK_ULONG i = 0; rc == HSM_OK && i < found; i++)
        rc = destroy_one(sweep, objects[i], class == CKO_SECRET_KEY);
    return rc;
}

/* By the labels that enrol.c and enrol_digest.c give. */
static enum hsm_result destroy_all(struct sweep *sweep)
{
    char label[LABEL_BYTES];
    snprintf(label, sizeof label, "nisim K %s", sweep->impi);
    enum hsm_result rc = destroy_labelled(sweep, CKO_SECRET_KEY, label);
    snprintf(label, sizeof label, "nisim OPc %s", sweep->impi);
    if (rc == HSM_OK)
        rc = destroy_labelled(sweep, CKO_DATA, label);
    for (size_t i = 0; rc == HSM_OK && i < DIGEST_HASHES; i++) {
        snprintf(label, sizeof label, "nisim HA1 %s %s", digest_hash_name((enum digest_hash)i),
                 sweep->impi);
        rc = destroy_labelled(sweep, CKO_SECRET_KEY, label);
        if (rc == HSM_OK)
            rc = destroy_labelled(sweep, CKO_DATA, label);
    }
    return rc;
}

/* False: an altered row, or note, says nothing about what may be destroyed. */
static bool find_subscription(struct sweep *sweep)
{
    struct subscriber_name name = {.by = FIELD_IMPI};
    struct office *office = sweep->office;
    struct subscription *subscription = &sweep->subscription;
    if (sweep->note.bytes > NAME_BYTES_MAX ||
        stored_value_check_seal(office->token, &sweep->note) != HSM_OK)
        return false;
    memcpy(sweep->impi, sweep->note.value, sweep->note.bytes);
    sweep->impi[sweep->note.bytes] = '\0';
    memcpy(name.text, sweep->impi, sizeof name.text);
    enum store_result found = store_find(office->store, &name, subscription);
    if (found == STORE_NOT_FOUND)
        subscription->row = 0;
    return found == STORE_NOT_FOUND ||
           (found == STORE_OK && subscription_is_named(subscription, &name) &&
            subscription_check_seal(office->token, subscription) == HSM_OK);
}

static enum outcome sweep_one(struct sweep *sweep)
{
    struct office *office = sweep->office;
    sweep->destroyed = 0;
    sweep->is_left = false;
    if (!find_subscription(sweep))
        return OUTCOME_DONE;
    enum hsm_result rc = destroy_all(sweep);
    if (sweep->destroyed > 0) {
        sync(); /* SoftHSM removes objects without an fsync */
        outcome_warn("%zu objects of %s that an earlier run left in the token are destroyed",
                     sweep->destroyed, sweep->impi);
    }
    if (rc == HSM_LOST)
        return office_fail_hsm(office, rc, "destroying what an earlier run left in the token");
    if (sweep->is_left)
        outcome_warn("what an earlier run left of %s in the token stays there: %s (%s)",
                     sweep->impi, hsm_result_text(rc), module_fault(office->module));
    else if (store_value_remove(office->store, sweep->note.name) != STORE_OK)
        return outcome_fail(OUTCOME_STORE, "store %s: %s", office->store_path,
                            store_why(office->store));
    return OUTCOME_DONE;
}

static enum outcome sweep_all(struct office *office)
{
    char after[STORED_NAME_BYTES_MAX + 1] = "";
    enum outcome outcome = OUTCOME_DONE;
    struct sweep *sweep = calloc(1, sizeof *sweep);
    if (sweep == NULL)
        return outcome_fail(OUTCOME_FAILED, "memory is short");
    sweep->office = office;
    while (outcome == OUTCOME_DONE &&
           store_value_next(office->store, PREFIX, after, &sweep->note) == STORE_OK) {
        memcpy(after, sweep->note.name, sizeof after);
        outcome = sweep_one(sweep);
    }
    free(sweep);
    return outcome;
}

enum outcome orphan_sweep(struct office *office)
{
    struct stored_value first;
    if (store_value_next(office->store, PREFIX, "", &first) != STORE_OK || !open_lock(office) ||
        flock(office->making, LOCK_EX | LOCK_NB) != 0)
        return OUTCOME_DONE;
    enum outcome outcome = sweep_all(office);
    (void)flock(office->making, LOCK_UN);
    return outcome;
}
