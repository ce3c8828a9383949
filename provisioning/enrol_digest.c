#include "enrol_digest.h"

#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

#include "token_digest.h"

#define LABEL_BYTES (NAME_BYTES_MAX + 32) /* "nisim HA1 SHA-512-256 " and an IMPI */
#define APPLICATION_BYTES (sizeof KEYRING_DIGEST_PREFIX + KEY_REF_TEXT_BYTES)

static CK_ULONG application_of(const struct key_ref *ref, char out_text[APPLICATION_BYTES])
{
    char text[KEY_REF_TEXT_BYTES];
    key_ref_to_text(ref, text);
    return (CK_ULONG)snprintf(out_text, APPLICATION_BYTES, "%s%s", KEYRING_DIGEST_PREFIX, text);
}

static enum hsm_result create_data(struct token *token, const struct digest_object *object,
                                   CK_OBJECT_HANDLE *out_object)
{
    ERASED(secret_ha1) struct secret_ha1 value = *object->ha1; /* PKCS#11 has no const */
    char application[APPLICATION_BYTES];
    CK_ULONG application_bytes = application_of(object->ref, application);
    CK_OBJECT_CLASS class = CKO_DATA;
    CK_BBOOL yes = CK_TRUE;
    CK_BBOOL no = CK_FALSE;
    CK_BBOOL resident = object->resident ? CK_TRUE : CK_FALSE;
    CK_ATTRIBUTE data[] = {{CKA_CLASS, &class, sizeof class},
                           {CKA_TOKEN, &resident, sizeof resident},
                           {CKA_PRIVATE, &yes, sizeof yes},
                           {CKA_MODIFIABLE, &no, sizeof no},
                           {CKA_LABEL, (void *)(uintptr_t)object->label, strlen(object->label)},
                           {CKA_APPLICATION, application, application_bytes},
                           {CKA_VALUE, value.text, strlen(value.text)}};
    return module_result(MODULE_CALL(token->module, C_CreateObject, token->session, data,
                                     sizeof data / sizeof data[0], out_object));
}

static enum hsm_result check_rights(struct token *token, CK_OBJECT_HANDLE key)
{
    CK_BBOOL sensitive = CK_FALSE;
    CK_BBOOL private = CK_FALSE;
    CK_BBOOL extractable = CK_TRUE;
    CK_ATTRIBUTE rights[] = {{CKA_SENSITIVE, &sensitive, sizeof sensitive},
                             {CKA_PRIVATE, &private, sizeof private},
                             {CKA_EXTRACTABLE, &extractable, sizeof extractable}};
    enum hsm_result rc = module_result(
        MODULE_CALL(token->module, C_GetAttributeValue, token->session, key, rights, 3));
    if (rc != HSM_OK)
        return rc;
    return sensitive == CK_TRUE && private == CK_TRUE && extractable == CK_FALSE ? HSM_OK
                                                                                 : HSM_BAD_ANSWER;
}

/* The object answers as H(A1) in memory does: the token has stored it. */
static enum hsm_result try_object(struct token *token, const struct digest_key *key,
                                  enum digest_hash hash, const struct secret_ha1 *ha1)
{
    const struct digest_terms terms = {
        .hash = hash, .qop = DIGEST_QOP_NONE, .nonce = "trial", .method = "X", .uri = "x"};
    char expected[DIGEST_TEXT_BYTES] = "";
    char answer[DIGEST_TEXT_BYTES] = "";
    enum hsm_result rc = key->inside ? check_rights(token, key->handle) : HSM_OK;
    if (rc == HSM_OK)
        rc = digest_response(&terms, ha1, expected);
    if (rc == HSM_OK)
        rc = token_digest_response(token, key, &terms, answer);
    return rc == HSM_OK && strcmp(answer, expected) != 0 ? HSM_BAD_ANSWER : rc;
}

static enum hsm_result create_clear(struct token *token, enum digest_hash hash, bool inside,
                                    const struct digest_object *object,
                                    CK_OBJECT_HANDLE *out_object)
{
    struct digest_key key = {CK_INVALID_HANDLE, inside};
    enum hsm_result rc = inside ? token_digest_key_new(token, object, &key.handle)
                                : create_data(token, object, &key.handle);
    if (rc != HSM_OK)
        return rc;
    rc = try_object(token, &key, hash, object->ha1);
    if (rc == HSM_OK)
        *out_object = key.handle;
    else
        token_discard(token, key.handle);
    return rc;
}

/* Nobody sees it: that it is these digits, in lower case and no fewer, the check value says. */
static enum hsm_result create_unwrapped(struct token *token, enum digest_hash hash,
                                        const struct digest_source *source,
                                        const struct digest_object *object, struct kcv *out_kcv,
                                        CK_OBJECT_HANDLE *out_object)
{
    struct digest_template template;
    CK_OBJECT_HANDLE key = CK_INVALID_HANDLE;
    size_t bytes = 0;
    enum hsm_result rc = transport_measure(token, &source->wrapped, &bytes);
    if (rc == HSM_OK && bytes != 2 * digest_hash_bytes(hash))
        rc = HSM_BAD_HA1;
    if (rc != HSM_OK)
        return rc;
    token_digest_template(object, &template);
    rc = transport_unwrap(token, &source->wrapped, template.attributes, TOKEN_DIGEST_ATTRIBUTES,
                          &key);
    if (rc != HSM_OK)
        return rc;
    rc = check_rights(token, key);
    if (rc == HSM_OK)
        rc = kcv_take_digest_key(token, key, &source->kcv, out_kcv);
    if (rc == HSM_OK)
        *out_object = key;
    else
        token_discard(token, key);
    return rc;
}

/* The token would not hash a key of it: it is read, as it will be for each answer. */
static enum hsm_result create_read(struct token *token, enum digest_hash hash,
                                   const struct digest_source *source, struct digest_object object,
                                   struct kcv *out_kcv, CK_OBJECT_HANDLE *out_object)
{
    struct secret_ha1 *ha1 = secret_pages_new(sizeof *ha1);
    if (ha1 == NULL)
        return HSM_NO_MEMORY;
    enum hsm_result rc =
        transport_read_ha1(token, &source->wrapped, 2 * digest_hash_bytes(hash), ha1);
    if (rc == HSM_OK && !digest_ha1_is_text(hash, ha1))
        rc = HSM_BAD_HA1;
    if (rc == HSM_OK)
        rc = kcv_take_ha1(ha1, &source->kcv, out_kcv);
    object.ha1 = ha1;
    if (rc == HSM_OK)
        rc = create_clear(token, hash, false, &object, out_object);
    secret_pages_free(ha1, sizeof *ha1);
    return rc;
}

static enum hsm_result create(struct token *token, enum digest_hash hash,
                              const struct digest_source *source,
                              const struct digest_object *object, struct kcv *out_kcv,
                              CK_OBJECT_HANDLE *out_object)
{
    enum hsm_result stays = token_digest_prove(token, hash);
    enum hsm_result rc = HSM_OK;
    if (stays == HSM_LOST || stays == HSM_FULL) /* says nothing of what the token can do */
        return stays;
    if (source->clear == NULL)
        return stays == HSM_OK ? create_unwrapped(token, hash, source, object, out_kcv, out_object)
                               : create_read(token, hash, source, *object, out_kcv, out_object);
    rc = kcv_take_ha1(source->clear, &source->kcv, out_kcv);
    return rc == HSM_OK ? create_clear(token, hash, stays == HSM_OK, object, out_object) : rc;
}

static bool is_given(const struct digest_source *source)
{
    return source->clear != NULL || source->wrapped.length > 0;
}

/* `loading->last`. */
static enum hsm_result load_one(struct token *token, struct digest_loading *loading,
                                struct digest_credential *out)
{
    enum digest_hash hash = loading->last;
    const struct digest_source *source = &loading->sources[hash];
    char label[LABEL_BYTES];
    CK_OBJECT_HANDLE made = CK_INVALID_HANDLE;
    const struct digest_object object = {source->clear, &out->refs[hash], label,
                                         !loading->is_trial};
    snprintf(label, sizeof label, "nisim HA1 %s %s", digest_hash_name(hash), loading->impi);
    if (getrandom(out->refs[hash].bytes, KEY_REF_BYTES, 0) != KEY_REF_BYTES)
        return HSM_LOST;
    enum hsm_result rc = create(token, hash, source, &object, &loading->kcvs[hash], &made);
    if (rc == HSM_OK && loading->is_trial)
        return token_destroy(token, made);
    if (rc == HSM_OK)
        out->algorithms |= (uint8_t)(1u << hash);
    return rc;
}

enum hsm_result enrol_digests(struct token *token, struct digest_loading *loading,
                              struct digest_credential *out)
{
    struct digest_credential made = *out;
    enum hsm_result rc = HSM_OK;
    for (size_t i = 0; rc == HSM_OK && i < DIGEST_HASHES; i++) {
        if (!is_given(&loading->sources[i]))
            continue;
        loading->last = (enum digest_hash)i;
        rc = load_one(token, loading, &made);
    }
    if (rc != HSM_OK)
        return enrol_digests_destroy(token, &made) == HSM_LOST ? HSM_LOST : rc;
    if (!loading->is_trial)
        sync(); /* as in enrol.c */
    *out = made;
    return HSM_OK;
}

static enum hsm_result destroy_found(struct token *token, CK_ATTRIBUTE *fit, CK_ULONG count)
{
    CK_OBJECT_HANDLE object = CK_INVALID_HANDLE;
    enum hsm_result rc = token_find_one(token, fit, count, &object);
    if (rc != HSM_OK)
        return rc;
    return token_destroy(token, object);
}

static enum hsm_result destroy_one(struct token *token, struct key_ref ref)
{
    char application[APPLICATION_BYTES];
    CK_ULONG application_bytes = application_of(&ref, application);
    CK_OBJECT_CLASS key_class = CKO_SECRET_KEY;
    CK_OBJECT_CLASS data_class = CKO_DATA;
    CK_KEY_TYPE type = CKK_GENERIC_SECRET;
    CK_BBOOL yes = CK_TRUE;
    CK_ATTRIBUTE key[] = {{CKA_CLASS, &key_class, sizeof key_class},
                          {CKA_KEY_TYPE, &type, sizeof type},
                          {CKA_TOKEN, &yes, sizeof yes},
                          {CKA_ID, ref.bytes, sizeof ref.bytes}};
    CK_ATTRIBUTE data[] = {{CKA_CLASS, &data_class, sizeof data_class},
                           {CKA_TOKEN, &yes, sizeof yes},
                           {CKA_APPLICATION, application, application_bytes}};
    enum hsm_result rc = destroy_found(token, key, sizeof key / sizeof key[0]);
    return rc == HSM_NO_KEY ? destroy_found(token, data, sizeof data / sizeof data[0]) : rc;
}

enum hsm_result enrol_digests_destroy(struct token *token,
                                      const struct digest_credential *credential)
{
    enum hsm_result worst = HSM_OK;
    for (size_t i = 0; i < DIGEST_HASHES; i++) {
        if (!digest_credential_has(credential, (enum digest_hash)i))
            continue;
        enum hsm_result rc = destroy_one(token, credential->refs[i]);
        if (worst == HSM_OK || worst == HSM_NO_KEY)
            worst = rc != HSM_OK ? rc : worst;
    }
    sync();
    return worst;
}
