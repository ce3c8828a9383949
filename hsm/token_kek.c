#include "token_kek.h"

#include <string.h>
#include <time.h>

#define SEARCH_PAUSE_MS 1000

static int64_t now_ms(void)
{
    struct timespec now = {0};
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static struct token_kek *known(struct token *token, const struct kek_id *id)
{
    for (size_t i = 0; i < token->kek_count; i++) {
        if (memcmp(&token->keks[i].id, id, sizeof *id) == 0)
            return &token->keks[i];
    }
    return NULL;
}

static enum hsm_result find_objects(struct token *token, CK_OBJECT_HANDLE *objects, CK_ULONG most,
                                    CK_ULONG *out_count)
{
    CK_OBJECT_CLASS class = CKO_SECRET_KEY;
    CK_BBOOL yes = CK_TRUE;
    char label[] = TOKEN_KEK_LABEL;
    CK_ATTRIBUTE fit[] = {{CKA_CLASS, &class, sizeof class},
                          {CKA_TOKEN, &yes, sizeof yes},
                          {CKA_LABEL, label, sizeof label - 1}};
    return token_find(token, fit, sizeof fit / sizeof fit[0], objects, most, out_count);
}

/* An object without a number is no KEK of ours. */
static enum hsm_result read_id(struct token *token, CK_OBJECT_HANDLE object, struct kek_id *out_id)
{
    CK_ATTRIBUTE id = {CKA_ID, out_id->bytes, sizeof out_id->bytes};
    enum hsm_result rc = module_result(
        MODULE_CALL(token->module, C_GetAttributeValue, token->session, object, &id, 1));
    if (rc == HSM_OK && id.ulValueLen != sizeof out_id->bytes)
        return HSM_REFUSED;
    return rc;
}

static enum hsm_result keep(struct token *token, CK_OBJECT_HANDLE object)
{
    struct token_kek new = {.object = object, .usable = object};
    enum hsm_result rc = read_id(token, object, &new.id);
    if (rc != HSM_OK)
        return rc == HSM_LOST ? rc : HSM_OK;
    const struct token_kek *old = known(token, &new.id);
    if (old != NULL)
        return old->object == object ? HSM_OK : HSM_REFUSED;
    if (token->kek_count == TOKEN_KEKS_MAX)
        return HSM_REFUSED;
    rc = token_copy_to_session(token, object, &new.usable);
    if (rc == HSM_LOST)
        return rc;
    token->keks[token->kek_count++] = new;
    return HSM_OK;
}

/* To make room: a destroyed one may still be wanted for what was read from the store before. */
static void drop_gone(struct token *token, const CK_OBJECT_HANDLE *objects, CK_ULONG count)
{
    size_t kept = 0;
    for (size_t i = 0; i < token->kek_count; i++) {
        const struct token_kek kek = token->keks[i];
        bool is_there = false;
        for (CK_ULONG at = 0; at < count; at++)
            is_there = is_there || objects[at] == kek.object;
        if (is_there)
            token->keks[kept++] = kek;
        else if (kek.usable != kek.object)
            token_discard(token, kek.usable);
    }
    token->kek_count = kept;
}

static enum hsm_result search(struct token *token)
{
    CK_OBJECT_HANDLE objects[TOKEN_KEKS_MAX + 1] = {0};
    CK_ULONG count = 0;
    enum hsm_result rc = find_objects(token, objects, TOKEN_KEKS_MAX + 1, &count);
    if (rc == HSM_OK && token->kek_count == TOKEN_KEKS_MAX)
        drop_gone(token, objects, count);
    for (CK_ULONG i = 0; rc == HSM_OK && i < count; i++)
        rc = keep(token, objects[i]);
    token->keks_searched_ms = now_ms();
    return rc;
}

enum hsm_result token_kek_newest(struct token *token, struct kek_id *out_id)
{
    enum hsm_result rc = token->kek_count == 0 ? search(token) : HSM_OK;
    if (rc != HSM_OK)
        return rc;
    if (token->kek_count == 0)
        return HSM_NO_KEY;
    struct kek_id newest = token->keks[0].id;
    for (size_t i = 1; i < token->kek_count; i++) {
        if (memcmp(&token->keks[i].id, &newest, sizeof newest) > 0)
            newest = token->keks[i].id;
    }
    *out_id = newest;
    return HSM_OK;
}

enum hsm_result token_kek_find(struct token *token, const struct kek_id *id,
                               CK_OBJECT_HANDLE *out_kek)
{
    const struct token_kek *kek = known(token, id);
    if (kek == NULL && token->keks_searched_ms != 0 &&
        now_ms() - token->keks_searched_ms < SEARCH_PAUSE_MS)
        return HSM_LATER;
    enum hsm_result rc = kek == NULL ? search(token) : HSM_OK;
    if (rc != HSM_OK)
        return rc;
    kek = known(token, id);
    if (kek == NULL)
        return HSM_NO_KEY;
    token->keks_searched_ms = 0; /* only what was in vain is not done again at once */
    *out_kek = kek->usable;
    return HSM_OK;
}

void token_kek_forget(struct token *token)
{
    for (size_t i = 0; i < token->kek_count; i++) {
        const struct token_kek *kek = &token->keks[i];
        if (kek->usable != kek->object)
            token_discard(token, kek->usable);
    }
    token->kek_count = 0;
    token->keks_searched_ms = 0;
}

enum hsm_result token_kek_wrap(struct token *token, const struct kek_id *id, CK_OBJECT_HANDLE key,
                               struct wrapped_key *out_wrapped)
{
    CK_MECHANISM mechanism = {.mechanism = CKM_AES_KEY_WRAP};
    struct wrapped_key wrapped = {{0}};
    CK_ULONG bytes = sizeof wrapped.bytes;
    CK_OBJECT_HANDLE kek = CK_INVALID_HANDLE;
    enum hsm_result rc = token_kek_find(token, id, &kek);
    if (rc != HSM_OK)
        return rc;
    CK_RV rv = MODULE_CALL(token->module, C_WrapKey, token->session, &mechanism, kek, key,
                           wrapped.bytes, &bytes);
    if (rv != CKR_OK)
        return module_result(rv);
    if (bytes != sizeof wrapped.bytes)
        return HSM_UNSUPPORTED;
    *out_wrapped = wrapped;
    return HSM_OK;
}

enum hsm_result token_kek_unwrap_result(struct token *token, CK_RV rv)
{
    enum hsm_result rc = module_result(rv);
    return rc == HSM_LOST && token_alive(token) == HSM_OK ? HSM_REFUSED : rc;
}

enum hsm_result token_kek_unwrap(struct token *token, const struct kek_id *id,
                                 const struct wrapped_key *wrapped, CK_ATTRIBUTE *attributes,
                                 CK_ULONG count, CK_OBJECT_HANDLE *out_object)
{
    CK_MECHANISM mechanism = {.mechanism = CKM_AES_KEY_WRAP};
    struct wrapped_key copy = *wrapped; /* PKCS#11 has no const */
    CK_OBJECT_HANDLE kek = CK_INVALID_HANDLE;
    enum hsm_result rc = token_kek_find(token, id, &kek);
    if (rc != HSM_OK)
        return rc;
    CK_RV rv = MODULE_CALL(token->module, C_UnwrapKey, token->session, &mechanism, kek, copy.bytes,
                           sizeof copy.bytes, attributes, count, out_object);
    return token_kek_unwrap_result(token, rv);
}

enum hsm_result token_kek_unwrap_k(struct token *token, const struct wrapped_keys *keys,
                                   CK_OBJECT_HANDLE *out_k)
{
    CK_OBJECT_CLASS class = CKO_SECRET_KEY;
    CK_KEY_TYPE type = CKK_AES;
    CK_MECHANISM_TYPE allowed[] = {CKM_AES_ECB};
    CK_BBOOL yes = CK_TRUE;
    CK_BBOOL no = CK_FALSE;
    CK_ATTRIBUTE k[] = {
        {CKA_CLASS, &class, sizeof class}, {CKA_KEY_TYPE, &type, sizeof type},
        {CKA_TOKEN, &no, sizeof no},       {CKA_PRIVATE, &yes, sizeof yes},
        {CKA_SENSITIVE, &yes, sizeof yes}, {CKA_EXTRACTABLE, &no, sizeof no},
        {CKA_ENCRYPT, &yes, sizeof yes},   {CKA_DECRYPT, &no, sizeof no},
        {CKA_SIGN, &no, sizeof no},        {CKA_VERIFY, &no, sizeof no},
        {CKA_WRAP, &no, sizeof no},        {CKA_UNWRAP, &no, sizeof no},
        {CKA_DERIVE, &no, sizeof no},      {CKA_ALLOWED_MECHANISMS, allowed, sizeof allowed}};
    return token_kek_unwrap(token, &keys->kek, &keys->k, k, sizeof k / sizeof k[0], out_k);
}
