#include "key_cache.h"

#include <stdlib.h>
#include <string.h>

#define NONE UINT32_MAX

/* By its place in the array: of its bucket's chain, and of the list by age. */
struct cached {
    struct key_ref ref;
    struct wrapped_keys wrapped;
    CK_OBJECT_HANDLE k;
    uint32_t chain;
    uint32_t older;
    uint32_t newer;
};

struct key_cache {
    struct token *token;
    size_t room;
    size_t count;
    size_t unwrapped; /* since key_cache_new */
    uint32_t oldest;
    uint32_t newest;
    uint32_t free;  /* entries without a subscriber, by chain */
    size_t buckets; /* a power of two */
    uint32_t *heads;
    struct cached *entries;
    struct secret128 *opcs; /* locked pages; opcs[i] is of entries[i] */
};

enum hsm_result key_cache_new(struct token *token, size_t room, struct key_cache **out_cache)
{
    struct key_cache *cache = calloc(1, sizeof *cache);
    if (cache == NULL)
        return HSM_NO_MEMORY;
    *cache = (struct key_cache){
        .token = token, .room = room, .oldest = NONE, .newest = NONE, .free = NONE, .buckets = 1};
    while (cache->buckets < room)
        cache->buckets *= 2;
    cache->heads = malloc(cache->buckets * sizeof *cache->heads);
    cache->entries = calloc(room, sizeof *cache->entries);
    cache->opcs = secret_pages_new(room * sizeof *cache->opcs);
    if (cache->heads == NULL || cache->entries == NULL || cache->opcs == NULL) {
        key_cache_free(&cache);
        return HSM_NO_MEMORY;
    }
    for (size_t i = 0; i < cache->buckets; i++)
        cache->heads[i] = NONE;
    for (size_t i = room; i > 0; i--) {
        cache->entries[i - 1].chain = cache->free;
        cache->free = (uint32_t)(i - 1);
    }
    *out_cache = cache;
    return HSM_OK;
}

static void destroy_k(struct key_cache *cache, CK_OBJECT_HANDLE k)
{
    (void)MODULE_CALL(cache->token->module, C_DestroyObject, cache->token->session, k);
}

void key_cache_free(struct key_cache **cache)
{
    if (*cache == NULL)
        return;
    for (uint32_t i = (*cache)->oldest; i != NONE; i = (*cache)->entries[i].newer)
        destroy_k(*cache, (*cache)->entries[i].k);
    if ((*cache)->opcs != NULL)
        secret_pages_free((*cache)->opcs, (*cache)->room * sizeof *(*cache)->opcs);
    free((*cache)->entries);
    free((*cache)->heads);
    free(*cache);
    *cache = NULL;
}

/* A reference is random. */
static uint32_t *bucket_of(const struct key_cache *cache, const struct key_ref *ref)
{
    uint64_t number;
    memcpy(&number, ref->bytes, sizeof number);
    return &cache->heads[number & (cache->buckets - 1)];
}

static uint32_t find(const struct key_cache *cache, const struct key_ref *ref)
{
    uint32_t at = *bucket_of(cache, ref);
    while (at != NONE && memcmp(&cache->entries[at].ref, ref, sizeof *ref) != 0)
        at = cache->entries[at].chain;
    return at;
}

static void list_drop(struct key_cache *cache, uint32_t at)
{
    const struct cached *entry = &cache->entries[at];
    *(entry->older == NONE ? &cache->oldest : &cache->entries[entry->older].newer) = entry->newer;
    *(entry->newer == NONE ? &cache->newest : &cache->entries[entry->newer].older) = entry->older;
}

static void list_add(struct key_cache *cache, uint32_t at)
{
    cache->entries[at].older = cache->newest;
    cache->entries[at].newer = NONE;
    *(cache->newest == NONE ? &cache->oldest : &cache->entries[cache->newest].newer) = at;
    cache->newest = at;
}

/* The entry is free, its K destroyed, its OPc wiped. */
static void drop(struct key_cache *cache, uint32_t at)
{
    struct cached *entry = &cache->entries[at];
    uint32_t *link = bucket_of(cache, &entry->ref);
    while (*link != at)
        link = &cache->entries[*link].chain;
    *link = entry->chain;
    list_drop(cache, at);
    destroy_k(cache, entry->k);
    secret_wipe(&cache->opcs[at], sizeof cache->opcs[at]);
    *entry = (struct cached){.chain = cache->free};
    cache->free = at;
    cache->count--;
}

static void keep(struct key_cache *cache, const struct key_ref *ref,
                 const struct wrapped_keys *wrapped, CK_OBJECT_HANDLE k)
{
    uint32_t at = cache->free;
    uint32_t *head = bucket_of(cache, ref);
    struct cached *entry = &cache->entries[at];
    cache->free = entry->chain;
    *entry = (struct cached){.ref = *ref, .wrapped = *wrapped, .k = k, .chain = *head};
    *head = at;
    list_add(cache, at);
    cache->count++;
}

static enum hsm_result unwrap(struct key_cache *cache, const struct key_ref *ref,
                              const struct wrapped_keys *wrapped, struct token_cipher *state)
{
    CK_OBJECT_HANDLE k = CK_INVALID_HANDLE;
    if (cache->count == cache->room)
        drop(cache, cache->oldest);
    enum hsm_result rc = token_kek_unwrap_k(cache->token, wrapped, &k);
    if (rc != HSM_OK)
        return rc;
    cache->unwrapped++;
    struct cipher cipher = token_cipher_start(state, cache->token, k);
    rc = covered_opc_open(&cipher, &wrapped->opc, &cache->opcs[cache->free]);
    if (rc == HSM_OK)
        keep(cache, ref, wrapped, k);
    else
        destroy_k(cache, k);
    return rc;
}

/* True: it is the newest entry now. */
static bool look_up(struct key_cache *cache, const struct key_ref *ref,
                    const struct wrapped_keys *wrapped)
{
    uint32_t at = find(cache, ref);
    if (at == NONE)
        return false;
    if (memcmp(&cache->entries[at].wrapped, wrapped, sizeof *wrapped) != 0) {
        drop(cache, at);
        return false;
    }
    list_drop(cache, at);
    list_add(cache, at);
    return true;
}

enum hsm_result key_cache_open(struct key_cache *cache, const struct key_ref *ref,
                               const struct wrapped_keys *wrapped, struct token_cipher *out_state,
                               struct key *out_key)
{
    enum hsm_result rc = HSM_OK;
    *out_state = (struct token_cipher){.token = cache->token};
    if (look_up(cache, ref, wrapped))
        (void)token_cipher_start(out_state, cache->token, cache->entries[cache->newest].k);
    else
        rc = unwrap(cache, ref, wrapped, out_state);
    if (rc == HSM_OK)
        *out_key = (struct key){cache->entries[cache->newest].k, &cache->opcs[cache->newest]};
    return rc;
}

size_t key_cache_unwrapped(const struct key_cache *cache)
{
    return cache->unwrapped;
}

size_t key_cache_count(const struct key_cache *cache)
{
    return cache->count;
}
