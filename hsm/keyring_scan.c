#include "keyring_scan.h"

#include <stdlib.h>
#include <string.h>

#define FIND_AT_ONCE 512

/* Handles that grew by finding; freed by the caller. */
struct handles {
    size_t count;
    CK_OBJECT_HANDLE *list;
};

/* A reference and the object that bears it. */
struct bearer {
    struct key_ref ref;
    CK_OBJECT_HANDLE object;
    bool is_digest; /* of a digest secret; else K or OPc */
};

struct bearers {
    size_t count;
    struct bearer *list;
};

typedef bool (*read_bearer)(struct token *token, struct bearer *bearer);

static enum hsm_result find_more(struct token *token, struct handles *handles, size_t *out_found)
{
    CK_ULONG found = 0;
    size_t room = handles->count + FIND_AT_ONCE;
    CK_OBJECT_HANDLE *grown = reallocarray(handles->list, room, sizeof *grown);
    if (grown == NULL)
        return HSM_NO_MEMORY;
    handles->list = grown;
    CK_RV rv = MODULE_CALL(token->module, C_FindObjects, token->session, grown + handles->count,
                           FIND_AT_ONCE, &found);
    handles->count += rv == CKR_OK ? found : 0;
    *out_found = found;
    return module_result(rv);
}

/* All token objects of a class. The search is ended before any of them is read. */
static enum hsm_result find_all(struct token *token, CK_OBJECT_CLASS class, struct handles *handles)
{
    CK_BBOOL yes = CK_TRUE;
    CK_ATTRIBUTE fit[] = {{CKA_CLASS, &class, sizeof class}, {CKA_TOKEN, &yes, sizeof yes}};
    size_t found = 1;
    enum hsm_result rc =
        module_result(MODULE_CALL(token->module, C_FindObjectsInit, token->session, fit, 2));
    if (rc != HSM_OK)
        return rc;
    while (rc == HSM_OK && found > 0)
        rc = find_more(token, handles, &found);
    enum hsm_result final =
        module_result(MODULE_CALL(token->module, C_FindObjectsFinal, token->session));
    return rc != HSM_OK ? rc : final;
}

/* CKA_ID of a K or of a digest secret: the type of the key tells which. */
static bool read_key(struct token *token, struct bearer *bearer)
{
    CK_KEY_TYPE type = CKK_AES;
    CK_ATTRIBUTE key[] = {{CKA_ID, bearer->ref.bytes, KEY_REF_BYTES},
                          {CKA_KEY_TYPE, &type, sizeof type}};
    CK_RV rv =
        MODULE_CALL(token->module, C_GetAttributeValue, token->session, bearer->object, key, 2);
    bearer->is_digest = type == CKK_GENERIC_SECRET;
    return rv == CKR_OK && key[0].ulValueLen == KEY_REF_BYTES;
}

/* The hex digits behind the prefix of CKA_APPLICATION. */
static bool read_data(struct token *token, struct bearer *bearer)
{
    char text[sizeof KEYRING_OPC_PREFIX + KEY_REF_TEXT_BYTES];
    const size_t prefix = sizeof KEYRING_OPC_PREFIX - 1;
    CK_ATTRIBUTE application = {CKA_APPLICATION, text, sizeof text};
    CK_RV rv = MODULE_CALL(token->module, C_GetAttributeValue, token->session, bearer->object,
                           &application, 1);
    if (rv != CKR_OK || application.ulValueLen != prefix + KEY_REF_TEXT_BYTES - 1)
        return false;
    bearer->is_digest = memcmp(text, KEYRING_DIGEST_PREFIX, prefix) == 0;
    if (!bearer->is_digest && memcmp(text, KEYRING_OPC_PREFIX, prefix) != 0)
        return false;
    return key_ref_from_text(text + prefix, KEY_REF_TEXT_BYTES - 1, &bearer->ref);
}

static int compare_refs(const void *a, const void *b)
{
    return memcmp(a, b, KEY_REF_BYTES); /* a reference stands first in both structs */
}

static void drop_repeated(struct bearers *bearers)
{
    size_t kept = 0;
    for (size_t i = 0, next = 0; i < bearers->count; i = next) {
        next = i + 1;
        while (next < bearers->count && compare_refs(&bearers->list[i], &bearers->list[next]) == 0)
            next++;
        if (next == i + 1)
            bearers->list[kept++] = bearers->list[i];
    }
    bearers->count = kept;
}

/* Objects that are not ours, or went away since they were found, are left out. */
static enum hsm_result find_bearers(struct token *token, CK_OBJECT_CLASS class, read_bearer read,
                                    struct bearers *out)
{
    struct handles handles = {0};
    enum hsm_result rc = find_all(token, class, &handles);
    struct bearers result = {0};
    if (rc == HSM_OK)
        result.list = calloc(handles.count + 1, sizeof *result.list);
    if (rc == HSM_OK && result.list == NULL)
        rc = HSM_NO_MEMORY;
    for (size_t i = 0; rc == HSM_OK && i < handles.count; i++) {
        struct bearer *next = &result.list[result.count];
        next->object = handles.list[i];
        result.count += read(token, next);
    }
    free(handles.list);
    if (rc != HSM_OK)
        return rc;
    qsort(result.list, result.count, sizeof *result.list, compare_refs);
    drop_repeated(&result);
    *out = result;
    return HSM_OK;
}

/* Both sorted: the references that have a K and an OPc. */
static void pair(const struct bearers *keys, const struct bearers *opcs, struct key_list *list)
{
    size_t at = 0;
    for (size_t i = 0; i < keys->count; i++) {
        const struct bearer *key = &keys->list[i];
        while (at < opcs->count && compare_refs(&opcs->list[at], key) < 0)
            at++;
        if (at == opcs->count || compare_refs(&opcs->list[at], key) != 0 || key->is_digest ||
            opcs->list[at].is_digest)
            continue;
        list->entries[list->count++] =
            (struct key_entry){key->ref, key->object, opcs->list[at].object, CK_INVALID_HANDLE};
    }
}

static void take_digests(const struct bearers *bearers, bool inside, struct key_list *list)
{
    for (size_t i = 0; i < bearers->count; i++) {
        const struct bearer *bearer = &bearers->list[i];
        if (bearer->is_digest)
            list->digests[list->digest_count++] =
                (struct digest_entry){bearer->ref, bearer->object, inside, CK_INVALID_HANDLE};
    }
}

static enum hsm_result fill(const struct bearers *keys, const struct bearers *data,
                            struct key_list *out)
{
    struct key_list list = {0};
    list.entries = calloc(keys->count + 1, sizeof *list.entries);
    list.digests = calloc(keys->count + data->count + 1, sizeof *list.digests);
    if (list.entries == NULL || list.digests == NULL) {
        key_list_free(&list);
        return HSM_NO_MEMORY;
    }
    pair(keys, data, &list);
    take_digests(keys, true, &list);
    take_digests(data, false, &list);
    qsort(list.digests, list.digest_count, sizeof *list.digests, compare_refs);
    *out = list;
    return HSM_OK;
}

enum hsm_result key_list_scan(struct token *token, struct key_list *out_list)
{
    struct bearers keys = {0};
    struct bearers data = {0};
    enum hsm_result rc = find_bearers(token, CKO_SECRET_KEY, read_key, &keys);
    if (rc == HSM_OK)
        rc = find_bearers(token, CKO_DATA, read_data, &data);
    if (rc == HSM_OK)
        rc = fill(&keys, &data, out_list);
    free(keys.list);
    free(data.list);
    return rc;
}

void key_list_free(struct key_list *list)
{
    free(list->entries);
    free(list->digests);
    *list = (struct key_list){0};
}

struct key_entry *key_list_find(const struct key_list *list, const struct key_ref *ref)
{
    if (list->count == 0)
        return NULL;
    return bsearch(ref, list->entries, list->count, sizeof *list->entries, compare_refs);
}

struct digest_entry *key_list_find_digest(const struct key_list *list, const struct key_ref *ref)
{
    if (list->digest_count == 0)
        return NULL;
    return bsearch(ref, list->digests, list->digest_count, sizeof *list->digests, compare_refs);
}
