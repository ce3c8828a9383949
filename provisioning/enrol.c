#include "enrol.h"

#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

#include "message.h"
#include "milenage.h"

#define LABEL_BYTES (NAME_BYTES_MAX + 16) /* "nisim OPc " and an IMPI */

/* The objects of one subscriber, as far as they are made. */
struct pair {
    struct token *token;
    struct key_ref ref;
    CK_OBJECT_HANDLE key;
    CK_OBJECT_HANDLE opc;
};

enum hsm_result enrol_create_key(struct token *token, const struct enrol_key *key,
                                 CK_OBJECT_HANDLE *out_object)
{
    struct key_ref ref = *key->ref; /* PKCS#11 has no const */
    char label[LABEL_BYTES];
    int label_bytes = snprintf(label, sizeof label, "%s", key->label);
    CK_OBJECT_CLASS class = CKO_SECRET_KEY;
    CK_KEY_TYPE type = CKK_AES;
    CK_MECHANISM_TYPE allowed[] = {CKM_AES_ECB};
    CK_BBOOL yes = CK_TRUE;
    CK_BBOOL no = CK_FALSE;
    CK_BBOOL resident = key->resident ? CK_TRUE : CK_FALSE;
    CK_BBOOL extractable = key->may_be_wrapped && !key->resident ? CK_TRUE : CK_FALSE;
    CK_ATTRIBUTE object[] = {{CKA_CLASS, &class, sizeof class},
                             {CKA_KEY_TYPE, &type, sizeof type},
                             {CKA_TOKEN, &resident, sizeof resident},
                             {CKA_PRIVATE, &yes, sizeof yes},
                             {CKA_SENSITIVE, &yes, sizeof yes},
                             {CKA_EXTRACTABLE, &extractable, sizeof extractable},
                             {CKA_ENCRYPT, &yes, sizeof yes},
                             {CKA_DECRYPT, &no, sizeof no},
                             {CKA_SIGN, &no, sizeof no},
                             {CKA_VERIFY, &no, sizeof no},
                             {CKA_WRAP, &no, sizeof no},
                             {CKA_UNWRAP, &no, sizeof no},
                             {CKA_DERIVE, &no, sizeof no},
                             {CKA_ALLOWED_MECHANISMS, allowed, sizeof allowed},
                             {CKA_ID, ref.bytes, sizeof ref.bytes},
                             {CKA_LABEL, label, (CK_ULONG)label_bytes},
                             [16 + KEY_SOURCE_ADDS - 1] = {0}};
    return key->source.make(key->source.context, token, object, 16, out_object);
}

enum hsm_result enrol_check_rights(struct token *token, CK_OBJECT_HANDLE key)
{
    static const struct {
        CK_ATTRIBUTE_TYPE type;
        CK_BBOOL value;
    } wanted[] = {{CKA_SENSITIVE, CK_TRUE},    {CKA_PRIVATE, CK_TRUE},  {CKA_ENCRYPT, CK_TRUE},
                  {CKA_EXTRACTABLE, CK_FALSE}, {CKA_DECRYPT, CK_FALSE}, {CKA_SIGN, CK_FALSE},
                  {CKA_WRAP, CK_FALSE},        {CKA_DERIVE, CK_FALSE}};
    enum { WANTED = sizeof wanted / sizeof wanted[0] };
    CK_BBOOL values[WANTED];
    CK_ATTRIBUTE attributes[WANTED];
    for (size_t i = 0; i < WANTED; i++) {
        values[i] = !wanted[i].value;
        attributes[i] = (CK_ATTRIBUTE){wanted[i].type, &values[i], sizeof values[i]};
    }
    enum hsm_result rc = module_result(
        MODULE_CALL(token->module, C_GetAttributeValue, token->session, key, attributes, WANTED));
    for (size_t i = 0; rc == HSM_OK && i < WANTED; i++) {
        if (values[i] != wanted[i].value)
            rc = HSM_BAD_ANSWER;
    }
    return rc;
}

static enum hsm_result create_opc(struct pair *pair, const struct secret128 *opc, const char *impi)
{
    ERASED(secret128) struct secret128 value = *opc; /* PKCS#11 has no const */
    char ref[KEY_REF_TEXT_BYTES];
    char application[sizeof KEYRING_OPC_PREFIX + KEY_REF_TEXT_BYTES];
    char label[LABEL_BYTES];
    key_ref_to_text(&pair->ref, ref);
    int application_bytes =
        snprintf(application, sizeof application, "%s%s", KEYRING_OPC_PREFIX, ref);
    int label_bytes = snprintf(label, sizeof label, "nisim OPc %s", impi);
    CK_OBJECT_CLASS class = CKO_DATA;
    CK_BBOOL yes = CK_TRUE;
    CK_BBOOL no = CK_FALSE;
    CK_ATTRIBUTE object[] = {{CKA_CLASS, &class, sizeof class},
                             {CKA_TOKEN, &yes, sizeof yes},
                             {CKA_PRIVATE, &yes, sizeof yes},
                             {CKA_MODIFIABLE, &no, sizeof no},
                             {CKA_LABEL, label, (CK_ULONG)label_bytes},
                             {CKA_APPLICATION, application, (CK_ULONG)application_bytes},
                             {CKA_VALUE, value.bytes, sizeof value.bytes}};
    return module_result(MODULE_CALL(pair->token->module, C_CreateObject, pair->token->session,
                                     object, sizeof object / sizeof object[0], &pair->opc));
}

enum hsm_result enrol_check_same(struct token *token, CK_OBJECT_HANDLE one, CK_OBJECT_HANDLE other)
{
    static const struct secret128 zero;
    ERASED(secret128) struct secret128 expected = {0};
    ERASED(secret128) struct secret128 answer = {0};
    enum hsm_result rc = token_cipher_once(token, one, &zero, &expected);
    if (rc == HSM_OK)
        rc = token_cipher_once(token, other, &zero, &answer);
    if (rc == HSM_OK && !secret_equal(expected.bytes, answer.bytes, sizeof answer.bytes))
        rc = HSM_BAD_ANSWER;
    return rc;
}

static enum hsm_result try_opc(const struct pair *pair, const struct secret128 *opc)
{
    ERASED(secret128) struct secret128 stored = {0};
    CK_ATTRIBUTE value = {CKA_VALUE, stored.bytes, sizeof stored.bytes};
    enum hsm_result rc = module_result(MODULE_CALL(pair->token->module, C_GetAttributeValue,
                                                   pair->token->session, pair->opc, &value, 1));
    if (rc == HSM_OK && (value.ulValueLen != sizeof stored.bytes ||
                         !secret_equal(stored.bytes, opc->bytes, sizeof stored.bytes)))
        rc = HSM_BAD_ANSWER;
    return rc;
}

enum hsm_result enrol_find_opc(struct token *token, CK_OBJECT_HANDLE k,
                               const struct opc_source *source, struct secret128 *out_opc)
{
    if (source->is_opc) {
        *out_opc = *source->value;
        return HSM_OK;
    }
    struct token_cipher state;
    struct cipher cipher = token_cipher_start(&state, token, k);
    enum hsm_result rc = milenage_opc(&cipher, source->value, out_opc);
    enum hsm_result end = token_cipher_end(&state);
    return rc != HSM_OK ? rc : end;
}

static enum hsm_result try_key(const struct pair *pair, CK_OBJECT_HANDLE same)
{
    enum hsm_result rc = enrol_check_rights(pair->token, pair->key);
    if (rc == HSM_OK && same != CK_INVALID_HANDLE)
        rc = enrol_check_same(pair->token, same, pair->key);
    return rc;
}

static enum hsm_result create_both(struct pair *pair, const struct enrol_sources *sources,
                                   const char *impi)
{
    ERASED(secret128) struct secret128 opc = {0};
    char label[LABEL_BYTES];
    snprintf(label, sizeof label, "nisim K %s", impi);
    const struct enrol_key key = {sources->k, &pair->ref, label, .resident = true};
    enum hsm_result rc = enrol_create_key(pair->token, &key, &pair->key);
    if (rc == HSM_OK)
        rc = try_key(pair, sources->same);
    if (rc == HSM_OK)
        rc = enrol_find_opc(pair->token, pair->key, &sources->opc, &opc);
    if (rc == HSM_OK)
        rc = create_opc(pair, &opc, impi);
    if (rc == HSM_OK)
        rc = try_opc(pair, &opc);
    return rc;
}

enum hsm_result enrol_resident(struct token *token, const struct enrol_sources *sources,
                               const char *impi, struct key_ref *out_ref)
{
    struct pair pair = {token, {{0}}, CK_INVALID_HANDLE, CK_INVALID_HANDLE};
    if (getrandom(pair.ref.bytes, sizeof pair.ref.bytes, 0) != sizeof pair.ref.bytes)
        return HSM_LOST;
    enum hsm_result rc = create_both(&pair, sources, impi);
    if (rc == HSM_OK) {
        *out_ref = pair.ref;
    } else {
        token_discard(token, pair.opc);
        token_discard(token, pair.key);
    }
    sync();
    return rc;
}

enum hsm_result enrol_keys(struct token *token, const struct enrolment *enrolment,
                           struct key_ref *out_ref, struct kcv *out_kcv)
{
    const struct kcv_checked checked = {&enrolment->source, &enrolment->kcv, out_kcv};
    struct enrol_sources sources = {
        kcv_source(&checked), {enrolment->op, enrolment->op_is_opc}, CK_INVALID_HANDLE};
    enum hsm_result rc = HSM_OK;
    if (enrolment->k != NULL)
        rc = token_session_key(token, enrolment->k, &sources.same);
    if (rc != HSM_OK)
        return rc;
    rc = enrol_resident(token, &sources, enrolment->impi, out_ref);
    if (sources.same != CK_INVALID_HANDLE)
        token_discard(token, sources.same);
    return rc;
}

static enum hsm_result destroy_found(struct token *token, CK_ATTRIBUTE *fit, CK_ULONG count)
{
    CK_OBJECT_HANDLE object = CK_INVALID_HANDLE;
    enum hsm_result rc = token_find_one(token, fit, count, &object);
    return rc == HSM_OK ? token_destroy(token, object) : rc;
}

static enum hsm_result destroy_key(struct token *token, struct key_ref ref)
{
    CK_OBJECT_CLASS class = CKO_SECRET_KEY;
    CK_BBOOL yes = CK_TRUE;
    CK_ATTRIBUTE fit[] = {{CKA_CLASS, &class, sizeof class},
                          {CKA_TOKEN, &yes, sizeof yes},
                          {CKA_ID, ref.bytes, sizeof ref.bytes}};
    return destroy_found(token, fit, sizeof fit / sizeof fit[0]);
}

static enum hsm_result destroy_opc(struct token *token, const struct key_ref *ref)
{
    CK_OBJECT_CLASS class = CKO_DATA;
    CK_BBOOL yes = CK_TRUE;
    char ref_text[KEY_REF_TEXT_BYTES];
    char application[sizeof KEYRING_OPC_PREFIX + KEY_REF_TEXT_BYTES];
    key_ref_to_text(ref, ref_text);
    int bytes = snprintf(application, sizeof application, "%s%s", KEYRING_OPC_PREFIX, ref_text);
    CK_ATTRIBUTE fit[] = {{CKA_CLASS, &class, sizeof class},
                          {CKA_TOKEN, &yes, sizeof yes},
                          {CKA_APPLICATION, application, (CK_ULONG)bytes}};
    return destroy_found(token, fit, sizeof fit / sizeof fit[0]);
}

enum hsm_result enrol_destroy(struct token *token, const struct key_ref *ref)
{
    enum hsm_result key = destroy_key(token, *ref);
    enum hsm_result opc = destroy_opc(token, ref);
    sync();
    if (key == HSM_OK || (key == HSM_NO_KEY && opc != HSM_OK))
        return opc;
    return key;
}
