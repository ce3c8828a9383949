#include "token_digest.h"

#include <string.h>

#include "hex.h"

static CK_MECHANISM_TYPE mechanism_of(enum digest_hash hash)
{
    static const CK_MECHANISM_TYPE mechanisms[] = {[DIGEST_MD5] = CKM_MD5,
                                                   [DIGEST_SHA_256] = CKM_SHA256,
                                                   [DIGEST_SHA_512_256] = CKM_SHA512_256};
    return mechanisms[hash];
}

/* A call that failed should have ended the operation; not every token does so. */
static void end_operation(struct token *token)
{
    uint8_t rest[DIGEST_HASH_BYTES_MAX];
    CK_ULONG rest_bytes = sizeof rest;
    (void)MODULE_CALL(token->module, C_DigestFinal, token->session, rest, &rest_bytes);
}

static enum hsm_result hash_inside(struct token *token, CK_OBJECT_HANDLE key, enum digest_hash hash,
                                   const char *tail, uint8_t out_hash[DIGEST_HASH_BYTES_MAX])
{
    CK_MECHANISM mechanism = {.mechanism = mechanism_of(hash)};
    CK_ULONG length = DIGEST_HASH_BYTES_MAX;
    enum hsm_result rc =
        module_result(MODULE_CALL(token->module, C_DigestInit, token->session, &mechanism));
    if (rc != HSM_OK)
        return rc;
    rc = module_result(MODULE_CALL(token->module, C_DigestKey, token->session, key));
    if (rc == HSM_OK)
        rc = module_result(MODULE_CALL(token->module, C_DigestUpdate, token->session,
                                       (unsigned char *)(uintptr_t)tail, strlen(tail)));
    if (rc != HSM_OK) {
        end_operation(token);
        return rc;
    }
    rc =
        module_result(MODULE_CALL(token->module, C_DigestFinal, token->session, out_hash, &length));
    return rc == HSM_OK && length != digest_hash_bytes(hash) ? HSM_BAD_ANSWER : rc;
}

static enum hsm_result respond_inside(struct token *token, CK_OBJECT_HANDLE key,
                                      const struct digest_terms *terms,
                                      char out_text[DIGEST_TEXT_BYTES])
{
    char tail[DIGEST_TAIL_BYTES];
    uint8_t hash[DIGEST_HASH_BYTES_MAX];
    enum hsm_result rc = digest_tail(terms, tail);
    if (rc == HSM_OK)
        rc = hash_inside(token, key, terms->hash, tail, hash);
    if (rc == HSM_OK)
        hex_encode(hash, digest_hash_bytes(terms->hash), out_text);
    return rc;
}

static enum hsm_result read_ha1(struct token *token, CK_OBJECT_HANDLE object, enum digest_hash hash,
                                struct secret_ha1 *out_ha1)
{
    CK_ATTRIBUTE value = {CKA_VALUE, out_ha1->text, sizeof out_ha1->text - 1};
    enum hsm_result rc = module_result(
        MODULE_CALL(token->module, C_GetAttributeValue, token->session, object, &value, 1));
    return rc == HSM_OK && value.ulValueLen != 2 * digest_hash_bytes(hash) ? HSM_REFUSED : rc;
}

enum hsm_result token_digest_response(struct token *token, const struct digest_key *key,
                                      const struct digest_terms *terms,
                                      char out_text[DIGEST_TEXT_BYTES])
{
    ERASED(secret_ha1) struct secret_ha1 ha1 = {{0}};
    if (key->inside)
        return respond_inside(token, key->handle, terms, out_text);
    enum hsm_result rc = read_ha1(token, key->handle, terms->hash, &ha1);
    return rc == HSM_OK ? digest_response(terms, &ha1, out_text) : rc;
}

enum hsm_result token_digest_key_hash(struct token *token, CK_OBJECT_HANDLE key,
                                      char out_text[DIGEST_TEXT_BYTES])
{
    uint8_t hash[DIGEST_HASH_BYTES_MAX];
    enum hsm_result rc = hash_inside(token, key, DIGEST_SHA_256, "", hash);
    if (rc == HSM_OK)
        hex_encode(hash, digest_hash_bytes(DIGEST_SHA_256), out_text);
    secret_wipe(hash, sizeof hash);
    return rc;
}

void token_digest_template(const struct digest_object *object, struct digest_template *out)
{
    *out = (struct digest_template){.class = CKO_SECRET_KEY,
                                    .type = CKK_GENERIC_SECRET,
                                    .yes = CK_TRUE,
                                    .no = CK_FALSE,
                                    .resident = object->resident ? CK_TRUE : CK_FALSE,
                                    .ref = *object->ref};
    const CK_ATTRIBUTE attributes[TOKEN_DIGEST_ATTRIBUTES] = {
        {CKA_CLASS, &out->class, sizeof out->class},
        {CKA_KEY_TYPE, &out->type, sizeof out->type},
        {CKA_TOKEN, &out->resident, sizeof out->resident},
        {CKA_PRIVATE, &out->yes, sizeof out->yes},
        {CKA_SENSITIVE, &out->yes, sizeof out->yes},
        {CKA_EXTRACTABLE, &out->no, sizeof out->no},
        {CKA_ENCRYPT, &out->no, sizeof out->no},
        {CKA_DECRYPT, &out->no, sizeof out->no},
        {CKA_SIGN, &out->no, sizeof out->no},
        {CKA_VERIFY, &out->no, sizeof out->no},
        {CKA_WRAP, &out->no, sizeof out->no},
        {CKA_UNWRAP, &out->no, sizeof out->no},
        {CKA_DERIVE, &out->no, sizeof out->no},
        {CKA_ID, out->ref.bytes, sizeof out->ref.bytes},
        {CKA_LABEL, (void *)(uintptr_t)object->label, strlen(object->label)}};
    memcpy(out->attributes, attributes, sizeof attributes);
}

enum hsm_result token_digest_key_new(struct token *token, const struct digest_object *object,
                                     CK_OBJECT_HANDLE *out_object)
{
    ERASED(secret_ha1) struct secret_ha1 value = *object->ha1; /* PKCS#11 has no const */
    struct digest_template template;
    token_digest_template(object, &template);
    template.attributes[TOKEN_DIGEST_ATTRIBUTES] =
        (CK_ATTRIBUTE){CKA_VALUE, value.text, strlen(value.text)};
    return module_result(MODULE_CALL(token->module, C_CreateObject, token->session,
                                     template.attributes, TOKEN_DIGEST_ATTRIBUTES + 1, out_object));
}

enum hsm_result token_digest_prove(struct token *token, enum digest_hash hash)
{
    static const struct key_ref ref;
    const struct secret_password password = {14, "Circle of Life"};
    const struct digest_terms terms = {.hash = hash,
                                       .qop = DIGEST_QOP_AUTH,
                                       .nonce = "7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v",
                                       .nc = "00000001",
                                       .cnonce = "f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ",
                                       .method = "GET",
                                       .uri = "/dir/index.html"};
    struct secret_ha1 ha1 = {{0}}; /* of the RFC: public */
    const struct digest_object object = {&ha1, &ref, "nisim trial", false};
    struct digest_key key = {CK_INVALID_HANDLE, true};
    char expected[DIGEST_TEXT_BYTES] = "";
    char answer[DIGEST_TEXT_BYTES] = "";
    enum hsm_result rc = digest_ha1(hash, "Mufasa", "http-auth@example.org", &password, &ha1);
    if (rc == HSM_OK)
        rc = digest_response(&terms, &ha1, expected);
    if (rc == HSM_OK)
        rc = token_digest_key_new(token, &object, &key.handle);
    if (rc != HSM_OK)
        return rc;
    rc = token_digest_response(token, &key, &terms, answer);
    token_discard(token, key.handle);
    return rc == HSM_OK && strcmp(answer, expected) != 0 ? HSM_BAD_ANSWER : rc;
}
