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
    CK_ATTRIBUTE data[] = {{CKA_CLASS, &class, sizeof class},
                           {CKA_TOKEN, &yes, sizeof yes},
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

static enum hsm_result create(struct token *token, enum digest_hash hash,
                              const struct digest_object *object)
{
    enum hsm_result stays = token_digest_prove(token, hash);
    struct digest_key key = {CK_INVALID_HANDLE, stays == HSM_OK};
    if (stays == HSM_LOST || stays == HSM_FULL) /* says nothing of what the token can do */
        return stays;
    enum hsm_result rc = key.inside ? token_digest_key_new(token, object, &key.handle)
                                    : create_data(token, object, &key.handle);
    if (rc != HSM_OK)
        return rc;
    rc = try_object(token, &key, hash, object->ha1);
    if (rc != HSM_OK)
        token_discard(token, key.handle);
    return rc;
}

enum hsm_result enrol_digests(struct token *token, const struct digest_secrets *secrets,
                              const char *impi, struct digest_credential *out)
{
    char label[LABEL_BYTES];
    enum hsm_result rc = HSM_OK;
    for (size_t i = 0; rc == HSM_OK && i < DIGEST_HASHES; i++) {
        const struct digest_object object = {&secrets->ha1[i], &out->refs[i], label, true};
        if ((secrets->algorithms >> i & 1) == 0)
            continue;
        snprintf(label, sizeof label, "nisim HA1 %s %s", digest_hash_name((enum digest_hash)i),
                 impi);
        if (getrandom(out->refs[i].bytes, KEY_REF_BYTES, 0) != KEY_REF_BYTES)
            rc = HSM_LOST;
        if (rc == HSM_OK)
            rc = create(token, (enum digest_hash)i, &object);
        if (rc == HSM_OK)
            out->algorithms |= (uint8_t)(1u << i);
    }
    if (rc != HSM_OK && enrol_digests_destroy(token, out) == HSM_LOST)
        rc = HSM_LOST;
    sync(); /* as in enrol.c */
    return rc;
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
