#include "keyring.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "hex.h"
#include "keyring_scan.h"

#define SCAN_PAUSE_MS 1000

struct keyring {
    struct token *token;
    struct key_list list;
    struct secret128 *opcs; /* locked pages; opcs[i] is of list.entries[i] once that is usable */
    size_t opcs_bytes;
    int64_t vain_ms; /* when the last scan that did not find was; 0: none */
};

static int64_t now_ms(void)
{
    struct timespec now = {0};
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static void release_copy(struct keyring *keyring, CK_OBJECT_HANDLE usable, CK_OBJECT_HANDLE object)
{
    if (usable == CK_INVALID_HANDLE || usable == object)
        return;
    (void)MODULE_CALL(keyring->token->module, C_DestroyObject, keyring->token->session, usable);
}

/* Keys already in use stay so; a pair whose objects are gone or new loses its session copy. */
static void take_over(struct keyring *keyring, const struct key_list *list, struct secret128 *opcs)
{
    for (size_t i = 0; i < keyring->list.count; i++) {
        const struct key_entry *old = &keyring->list.entries[i];
        struct key_entry *new = key_list_find(list, &old->ref);
        if (new == NULL || new->key != old->key || new->opc != old->opc) {
            release_copy(keyring, old->usable, old->key);
            continue;
        }
        new->usable = old->usable;
        opcs[new - list->entries] = keyring->opcs[i];
    }
}

static void take_over_digests(struct keyring *keyring, const struct key_list *list)
{
    for (size_t i = 0; i < keyring->list.digest_count; i++) {
        const struct digest_entry *old = &keyring->list.digests[i];
        struct digest_entry *new = key_list_find_digest(list, &old->ref);
        if (new == NULL || new->object != old->object)
            release_copy(keyring, old->usable, old->object);
        else
            new->usable = old->usable;
    }
}

static enum hsm_result scan(struct keyring *keyring)
{
    struct key_list list = {0};
    enum hsm_result rc = key_list_scan(keyring->token, &list);
    if (rc != HSM_OK)
        return rc;
    size_t bytes = (list.count + 1) * sizeof *keyring->opcs;
    struct secret128 *opcs = secret_pages_new(bytes);
    if (opcs == NULL) {
        key_list_free(&list);
        return HSM_NO_MEMORY;
    }
    take_over(keyring, &list, opcs);
    take_over_digests(keyring, &list);
    key_list_free(&keyring->list);
    secret_pages_free(keyring->opcs, keyring->opcs_bytes);
    keyring->list = list;
    keyring->opcs = opcs;
    keyring->opcs_bytes = bytes;
    return HSM_OK;
}

enum hsm_result keyring_new(struct token *token, struct keyring **out_keyring)
{
    struct keyring *keyring = calloc(1, sizeof *keyring);
    if (keyring == NULL)
        return HSM_NO_MEMORY;
    keyring->token = token;
    enum hsm_result rc = scan(keyring);
    if (rc != HSM_OK) {
        keyring_free(&keyring);
        return rc;
    }
    *out_keyring = keyring;
    return HSM_OK;
}

void keyring_free(struct keyring **keyring)
{
    if (*keyring == NULL)
        return;
    const struct key_list *list = &(*keyring)->list;
    for (size_t i = 0; i < list->count; i++)
        release_copy(*keyring, list->entries[i].usable, list->entries[i].key);
    for (size_t i = 0; i < list->digest_count; i++)
        release_copy(*keyring, list->digests[i].usable, list->digests[i].object);
    key_list_free(&(*keyring)->list);
    secret_pages_free((*keyring)->opcs, (*keyring)->opcs_bytes);
    free(*keyring);
    *keyring = NULL;
}

/* A key that could leave the token is not used (DESIGN 2.1). */
static enum hsm_result check_rights(struct token *token, CK_OBJECT_HANDLE key)
{
    CK_BBOOL sensitive = CK_FALSE;
    CK_BBOOL extractable = CK_TRUE;
    CK_ATTRIBUTE rights[] = {{CKA_SENSITIVE, &sensitive, sizeof sensitive},
                             {CKA_EXTRACTABLE, &extractable, sizeof extractable}};
    enum hsm_result rc = module_result(
        MODULE_CALL(token->module, C_GetAttributeValue, token->session, key, rights, 2));
    if (rc != HSM_OK)
        return rc;
    return sensitive == CK_TRUE && extractable == CK_FALSE ? HSM_OK : HSM_REFUSED;
}

static enum hsm_result read_opc(struct token *token, CK_OBJECT_HANDLE object,
                                struct secret128 *out_opc)
{
    CK_ATTRIBUTE value = {CKA_VALUE, out_opc->bytes, sizeof out_opc->bytes};
    enum hsm_result rc = module_result(
        MODULE_CALL(token->module, C_GetAttributeValue, token->session, object, &value, 1));
    if (rc == HSM_OK && value.ulValueLen != sizeof out_opc->bytes)
        return HSM_REFUSED;
    return rc;
}

static enum hsm_result make_usable(struct keyring *keyring, struct key_entry *entry,
                                   struct secret128 *opc)
{
    struct token *token = keyring->token;
    CK_OBJECT_HANDLE usable = entry->key;
    enum hsm_result rc = check_rights(token, entry->key);
    if (rc == HSM_OK)
        rc = read_opc(token, entry->opc, opc);
    if (rc == HSM_OK && token->abilities.session_copy)
        rc = token_copy_to_session(token, entry->key, &usable);
    if (rc == HSM_OK)
        entry->usable = usable;
    return rc;
}

/* A new scan, for what the last one did not find. */
static enum hsm_result scan_again(struct keyring *keyring)
{
    if (keyring->vain_ms != 0 && now_ms() - keyring->vain_ms < SCAN_PAUSE_MS)
        return HSM_LATER;
    return scan(keyring);
}

static enum hsm_result note_vain(struct keyring *keyring)
{
    keyring->vain_ms = now_ms();
    return HSM_NO_KEY;
}

/* The entry, after a new scan if need be. */
static enum hsm_result find(struct keyring *keyring, const struct key_ref *ref,
                            struct key_entry **out_entry)
{
    *out_entry = key_list_find(&keyring->list, ref);
    if (*out_entry != NULL)
        return HSM_OK;
    enum hsm_result rc = scan_again(keyring);
    if (rc != HSM_OK)
        return rc;
    *out_entry = key_list_find(&keyring->list, ref);
    return *out_entry != NULL ? HSM_OK : note_vain(keyring);
}

enum hsm_result keyring_open(struct keyring *keyring, const struct key_ref *ref,
                             struct key *out_key)
{
    struct key_entry *entry = NULL;
    enum hsm_result rc = find(keyring, ref, &entry);
    if (rc != HSM_OK)
        return rc;
    struct secret128 *opc = &keyring->opcs[entry - keyring->list.entries];
    if (entry->usable == CK_INVALID_HANDLE)
        rc = make_usable(keyring, entry, opc);
    if (rc != HSM_OK)
        return rc;
    *out_key = (struct key){entry->usable, opc};
    return HSM_OK;
}

static enum hsm_result find_digest(struct keyring *keyring, const struct key_ref *ref,
                                   struct digest_entry **out_entry)
{
    *out_entry = key_list_find_digest(&keyring->list, ref);
    if (*out_entry != NULL)
        return HSM_OK;
    enum hsm_result rc = scan_again(keyring);
    if (rc != HSM_OK)
        return rc;
    *out_entry = key_list_find_digest(&keyring->list, ref);
    return *out_entry != NULL ? HSM_OK : note_vain(keyring);
}

enum hsm_result keyring_open_digest(struct keyring *keyring, const struct key_ref *ref,
                                    struct digest_key *out_key)
{
    struct token *token = keyring->token;
    struct digest_entry *entry = NULL;
    enum hsm_result rc = find_digest(keyring, ref, &entry);
    if (rc != HSM_OK)
        return rc;
    if (entry->usable == CK_INVALID_HANDLE) {
        CK_OBJECT_HANDLE usable = entry->object;
        if (entry->inside)
            rc = check_rights(token, entry->object);
        if (rc == HSM_OK && entry->inside && token->abilities.session_copy)
            rc = token_copy_to_session(token, entry->object, &usable);
        if (rc != HSM_OK)
            return rc;
        entry->usable = usable;
    }
    *out_key = (struct digest_key){entry->usable, entry->inside};
    return HSM_OK;
}

size_t keyring_count(const struct keyring *keyring)
{
    return keyring->list.count + keyring->list.digest_count;
}

enum digest_place keyring_digest_place(const struct keyring *keyring, const struct key_ref *ref)
{
    const struct digest_entry *entry = key_list_find_digest(&keyring->list, ref);
    if (entry == NULL)
        return DIGEST_PLACE_NONE;
    return entry->inside ? DIGEST_PLACE_KEY : DIGEST_PLACE_DATA;
}

bool keyring_holds(const struct keyring *keyring, const struct key_ref *ref)
{
    return key_list_find(&keyring->list, ref) != NULL;
}

bool key_ref_from_text(const char *text, size_t length, struct key_ref *out_ref)
{
    return hex_decode(text, length, out_ref->bytes, KEY_REF_BYTES);
}

void key_ref_to_text(const struct key_ref *ref, char out_text[KEY_REF_TEXT_BYTES])
{
    hex_encode(ref->bytes, KEY_REF_BYTES, out_text);
}
