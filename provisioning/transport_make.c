#include "transport_make.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* The attributes that every AES transport key has, at the place where it is to be; and room. */
struct aes_template {
    CK_OBJECT_CLASS class;
    CK_KEY_TYPE type;
    CK_BBOOL yes;
    CK_BBOOL no;
    char id[TRANSPORT_ID_BYTES_MAX + 1];
    char label[TRANSPORT_LABEL_BYTES_MAX + 1];
    CK_ULONG count;
    CK_ATTRIBUTE attributes[16];
};

static void add(struct aes_template *template, CK_ATTRIBUTE_TYPE type, void *value, size_t length)
{
    template->attributes[template->count++] = (CK_ATTRIBUTE){type, value, length};
}

static void add_flag(struct aes_template *template, CK_ATTRIBUTE_TYPE type, bool value)
{
    add(template, type, value ? &template->yes : &template->no, sizeof template->yes);
}

/* `name` NULL: a key of the session that can encrypt and nothing else, for the check value. */
static void prepare(struct aes_template *template, const char *name, enum transport_purpose purpose,
                    const struct kcv *kcv)
{
    *template = (struct aes_template){.class = CKO_SECRET_KEY,
                                      .type = CKK_AES,
                                      .yes = CK_TRUE,
                                      .no = CK_FALSE,
                                      .id = TRANSPORT_ID};
    add(template, CKA_CLASS, &template->class, sizeof template->class);
    add(template, CKA_KEY_TYPE, &template->type, sizeof template->type);
    add_flag(template, CKA_TOKEN, name != NULL);
    add_flag(template, CKA_PRIVATE, true);
    add_flag(template, CKA_SENSITIVE, true);
    add_flag(template, CKA_EXTRACTABLE, false);
    add_flag(template, CKA_ENCRYPT, name == NULL);
    add_flag(template, CKA_DECRYPT, false);
    add_flag(template, CKA_SIGN, false);
    add_flag(template, CKA_VERIFY, false);
    add_flag(template, CKA_DERIVE, false);
    add_flag(template, CKA_WRAP, name != NULL && purpose != TRANSPORT_IN);
    add_flag(template, CKA_UNWRAP, name != NULL && purpose != TRANSPORT_OUT);
    if (name == NULL)
        return;
    /* transport_key.c has checked its length */
    snprintf(template->label, sizeof template->label, "%s%s",
             purpose == TRANSPORT_BACKUP ? BACKUP_KEY_LABEL : "", name);
    memcpy(template->id + sizeof TRANSPORT_ID - 1, kcv->bytes, KCV_BYTES);
    add(template, CKA_ID, template->id, sizeof template->id - 1);
    add(template, CKA_LABEL, template->label, strlen(template->label));
}

static enum hsm_result create(struct token *token, struct aes_template *template,
                              const struct secret_aes *value, CK_OBJECT_HANDLE *out_object)
{
    ERASED(secret_aes) struct secret_aes copy = *value; /* PKCS#11 has no const */
    add(template, CKA_VALUE, copy.bytes, copy.length);
    return module_result(MODULE_CALL(token->module, C_CreateObject, token->session,
                                     template->attributes, template->count, out_object));
}

/* Destroys `probe`. */
static enum hsm_result judge_probe(struct token *token, CK_OBJECT_HANDLE probe,
                                   const struct kcv *expected, struct kcv *out_kcv)
{
    enum hsm_result rc = kcv_of(token, probe, out_kcv);
    if (rc == HSM_OK)
        rc = kcv_check(token, probe, expected);
    enum hsm_result end =
        module_result(MODULE_CALL(token->module, C_DestroyObject, token->session, probe));
    return rc != HSM_OK ? rc : end;
}

enum hsm_result transport_kcv_of(struct token *token, const struct secret_aes *value,
                                 const struct kcv *expected, struct kcv *out_kcv)
{
    struct aes_template template;
    CK_OBJECT_HANDLE probe = CK_INVALID_HANDLE;
    prepare(&template, NULL, TRANSPORT_IN, NULL);
    enum hsm_result rc = create(token, &template, value, &probe);
    return rc == HSM_OK ? judge_probe(token, probe, expected, out_kcv) : rc;
}

enum hsm_result transport_make_aes(struct token *token, const char *name,
                                   enum transport_purpose purpose, const struct secret_aes *value,
                                   const struct kcv *expected, struct kcv *out_kcv)
{
    struct aes_template template;
    CK_OBJECT_HANDLE object = CK_INVALID_HANDLE;
    enum hsm_result rc = transport_kcv_of(token, value, expected, out_kcv);
    if (rc != HSM_OK)
        return rc;
    prepare(&template, name, purpose, out_kcv);
    rc = create(token, &template, value, &object);
    sync();
    return rc;
}

enum hsm_result transport_make_unwrapped(struct token *token, const char *name,
                                         enum transport_purpose purpose,
                                         const struct transport_wrapped *wrapped,
                                         const struct kcv *expected, struct kcv *out_kcv)
{
    struct aes_template template;
    CK_OBJECT_HANDLE object = CK_INVALID_HANDLE;
    prepare(&template, NULL, purpose, NULL);
    enum hsm_result rc =
        transport_unwrap(token, wrapped, template.attributes, template.count, &object);
    if (rc == HSM_OK)
        rc = judge_probe(token, object, expected, out_kcv);
    if (rc != HSM_OK)
        return rc;
    prepare(&template, name, purpose, out_kcv);
    rc = transport_unwrap(token, wrapped, template.attributes, template.count, &object);
    sync();
    return rc;
}

enum hsm_result transport_generate(struct token *token, CK_OBJECT_HANDLE *out_object,
                                   struct kcv *out_kcv)
{
    CK_MECHANISM mechanism = {.mechanism = CKM_AES_KEY_GEN};
    CK_ULONG bytes = AES_KEY_BYTES_MAX;
    CK_BBOOL yes = CK_TRUE;
    CK_BBOOL no = CK_FALSE;
    CK_ATTRIBUTE key[] = {{CKA_VALUE_LEN, &bytes, sizeof bytes},
                          {CKA_TOKEN, &no, sizeof no},
                          {CKA_PRIVATE, &yes, sizeof yes},
                          {CKA_SENSITIVE, &yes, sizeof yes},
                          {CKA_EXTRACTABLE, &yes, sizeof yes},
                          {CKA_ENCRYPT, &yes, sizeof yes},
                          {CKA_DECRYPT, &no, sizeof no},
                          {CKA_SIGN, &no, sizeof no},
                          {CKA_VERIFY, &no, sizeof no},
                          {CKA_DERIVE, &no, sizeof no},
                          {CKA_WRAP, &no, sizeof no},
                          {CKA_UNWRAP, &no, sizeof no}};
    CK_OBJECT_HANDLE object = CK_INVALID_HANDLE;
    enum hsm_result rc =
        module_result(MODULE_CALL(token->module, C_GenerateKey, token->session, &mechanism, key,
                                  sizeof key / sizeof key[0], &object));
    if (rc == HSM_OK)
        rc = kcv_of(token, object, out_kcv);
    if (rc == HSM_OK)
        *out_object = object;
    else
        token_discard(token, object);
    return rc;
}

enum hsm_result transport_keep(struct token *token, const char *name,
                               enum transport_purpose purpose, CK_OBJECT_HANDLE object,
                               const struct kcv *kcv)
{
    struct aes_template template;
    CK_OBJECT_HANDLE kept = CK_INVALID_HANDLE;
    const struct key_source copy = key_source_copy(&object);
    prepare(&template, name, purpose, kcv);
    enum hsm_result rc = copy.make(copy.context, token, template.attributes, template.count, &kept);
    sync();
    return rc;
}

static enum hsm_result read_number(struct token *token, CK_OBJECT_HANDLE object,
                                   CK_ATTRIBUTE_TYPE type, uint8_t *out_bytes, size_t room,
                                   size_t *out_length)
{
    CK_ATTRIBUTE attribute = {type, out_bytes, room};
    enum hsm_result rc = module_result(
        MODULE_CALL(token->module, C_GetAttributeValue, token->session, object, &attribute, 1));
    if (rc == HSM_OK)
        *out_length = attribute.ulValueLen;
    return rc;
}

enum hsm_result transport_public_key(struct token *token, const struct transport *transport,
                                     struct public_key *out_key)
{
    struct public_key key = {0};
    enum hsm_result rc = read_number(token, transport->object, CKA_MODULUS, key.modulus,
                                     sizeof key.modulus, &key.modulus_bytes);
    if (rc == HSM_OK)
        rc = read_number(token, transport->object, CKA_PUBLIC_EXPONENT, key.exponent,
                         sizeof key.exponent, &key.exponent_bytes);
    if (rc == HSM_OK)
        *out_key = key;
    return rc;
}

enum hsm_result transport_make_rsa(struct token *token, const char *name, size_t bits,
                                   struct public_key *out_public)
{
    CK_MECHANISM mechanism = {.mechanism = CKM_RSA_PKCS_KEY_PAIR_GEN};
    char id[] = TRANSPORT_ID;
    char label[TRANSPORT_NAME_BYTES_MAX + 1] = "";
    uint8_t exponent[] = {1, 0, 1};
    CK_ULONG modulus_bits = bits;
    CK_BBOOL yes = CK_TRUE;
    CK_BBOOL no = CK_FALSE;
    CK_OBJECT_HANDLE public_object = CK_INVALID_HANDLE;
    struct transport transport = {.kind = TRANSPORT_RSA};
    snprintf(label, sizeof label, "%s", name);
    CK_ATTRIBUTE public_half[] = {{CKA_TOKEN, &no, sizeof no},
                                  {CKA_MODULUS_BITS, &modulus_bits, sizeof modulus_bits},
                                  {CKA_PUBLIC_EXPONENT, exponent, sizeof exponent},
                                  {CKA_VERIFY, &no, sizeof no},
                                  {CKA_ENCRYPT, &no, sizeof no},
                                  {CKA_WRAP, &no, sizeof no}};
    CK_ATTRIBUTE private_half[] = {
        {CKA_TOKEN, &yes, sizeof yes},     {CKA_PRIVATE, &yes, sizeof yes},
        {CKA_SENSITIVE, &yes, sizeof yes}, {CKA_EXTRACTABLE, &no, sizeof no},
        {CKA_UNWRAP, &yes, sizeof yes},    {CKA_DECRYPT, &no, sizeof no},
        {CKA_SIGN, &no, sizeof no},        {CKA_ID, id, sizeof id - 1},
        {CKA_LABEL, label, strlen(label)}};
    enum hsm_result rc = module_result(MODULE_CALL(
        token->module, C_GenerateKeyPair, token->session, &mechanism, public_half,
        sizeof public_half / sizeof public_half[0], private_half,
        sizeof private_half / sizeof private_half[0], &public_object, &transport.object));
    sync();
    return rc == HSM_OK ? transport_public_key(token, &transport, out_public) : rc;
}

/* Private, so that nobody can put another one there without the PIN. */
enum hsm_result transport_make_hss(struct token *token, const char *name,
                                   const struct public_key *public_key)
{
    struct public_key copy = *public_key; /* PKCS#11 has no const */
    char id[] = TRANSPORT_ID;
    char label[TRANSPORT_NAME_BYTES_MAX + 1] = "";
    CK_OBJECT_CLASS class = CKO_PUBLIC_KEY;
    CK_KEY_TYPE type = CKK_RSA;
    CK_BBOOL yes = CK_TRUE;
    CK_BBOOL no = CK_FALSE;
    CK_OBJECT_HANDLE object = CK_INVALID_HANDLE;
    snprintf(label, sizeof label, "%s", name);
    CK_ATTRIBUTE key[] = {{CKA_CLASS, &class, sizeof class},
                          {CKA_KEY_TYPE, &type, sizeof type},
                          {CKA_TOKEN, &yes, sizeof yes},
                          {CKA_PRIVATE, &yes, sizeof yes},
                          {CKA_WRAP, &yes, sizeof yes},
                          {CKA_ENCRYPT, &no, sizeof no},
                          {CKA_VERIFY, &no, sizeof no},
                          {CKA_ID, id, sizeof id - 1},
                          {CKA_LABEL, label, strlen(label)},
                          {CKA_MODULUS, copy.modulus, copy.modulus_bytes},
                          {CKA_PUBLIC_EXPONENT, copy.exponent, copy.exponent_bytes}};
    enum hsm_result rc = module_result(MODULE_CALL(token->module, C_CreateObject, token->session,
                                                   key, sizeof key / sizeof key[0], &object));
    sync();
    return rc;
}
