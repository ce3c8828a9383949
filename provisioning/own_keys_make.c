#include "own_keys_make.h"

#include <string.h>
#include <unistd.h>

#include "token_sign.h"

#define LABEL_BYTES 32
#define KEY_BYTES 32
#define FIRST_KEK_ID 0, 0, 0, 1
#define LEFT_MAX 64 /* by runs that were killed */

static const char label_in_the_making[] = TOKEN_KEK_LABEL " in the making";

/* How a key is made in the token; it can wrap and unwrap, or sign and verify, and nothing else. */
struct recipe {
    CK_MECHANISM_TYPE generate;
    char label[LABEL_BYTES];
    struct kek_id id; /* of a KEK; CKA_ID is left empty for others */
    bool wraps;
    size_t allowed_count;
    CK_MECHANISM_TYPE allowed[2];
};

static const struct recipe kek = {CKM_AES_KEY_GEN,
                                  TOKEN_KEK_LABEL,
                                  {{FIRST_KEK_ID}},
                                  true,
                                  2,
                                  {CKM_AES_KEY_WRAP, CKM_AES_KEY_WRAP_PAD}};
static const struct recipe integrity = {
    CKM_GENERIC_SECRET_KEY_GEN, TOKEN_INTEGRITY_LABEL, {{0}}, false, 1, {CKM_SHA256_HMAC}};

static enum hsm_result make_key(struct token *token, const struct recipe *recipe,
                                CK_OBJECT_HANDLE *out_object)
{
    CK_MECHANISM mechanism = {.mechanism = recipe->generate};
    struct recipe copy = *recipe; /* PKCS#11 has no const */
    CK_ULONG key_bytes = KEY_BYTES;
    CK_BBOOL yes = CK_TRUE;
    CK_BBOOL no = CK_FALSE;
    CK_BBOOL wraps = recipe->wraps ? CK_TRUE : CK_FALSE;
    CK_BBOOL signs = recipe->wraps ? CK_FALSE : CK_TRUE;
    CK_ATTRIBUTE key[] = {
        {CKA_LABEL, copy.label, strlen(copy.label)},
        {CKA_ID, copy.id.bytes, recipe->wraps ? sizeof copy.id.bytes : 0},
        {CKA_VALUE_LEN, &key_bytes, sizeof key_bytes},
        {CKA_TOKEN, &yes, sizeof yes},
        {CKA_PRIVATE, &yes, sizeof yes},
        {CKA_MODIFIABLE, &yes, sizeof yes}, /* SoftHSM copies into a session no other (token.h) */
        {CKA_SENSITIVE, &yes, sizeof yes},
        {CKA_EXTRACTABLE, &no, sizeof no},
        {CKA_ENCRYPT, &no, sizeof no},
        {CKA_DECRYPT, &no, sizeof no},
        {CKA_DERIVE, &no, sizeof no},
        {CKA_SIGN, &signs, sizeof signs},
        {CKA_VERIFY, &signs, sizeof signs},
        {CKA_WRAP, &wraps, sizeof wraps},
        {CKA_UNWRAP, &wraps, sizeof wraps},
        {CKA_ALLOWED_MECHANISMS, copy.allowed, copy.allowed_count * sizeof copy.allowed[0]}};
    return module_result(MODULE_CALL(token->module, C_GenerateKey, token->session, &mechanism, key,
                                     sizeof key / sizeof key[0], out_object));
}

/* No process has ever used one of these: only its label makes it a KEK. */
static enum hsm_result destroy_left(struct token *token)
{
    CK_OBJECT_HANDLE left[LEFT_MAX] = {0};
    CK_ULONG count = 0;
    CK_BBOOL yes = CK_TRUE;
    char label[sizeof label_in_the_making];
    memcpy(label, label_in_the_making, sizeof label);
    CK_ATTRIBUTE fit[] = {{CKA_TOKEN, &yes, sizeof yes}, {CKA_LABEL, label, sizeof label - 1}};
    enum hsm_result rc = token_find(token, fit, sizeof fit / sizeof fit[0], left, LEFT_MAX, &count);
    for (CK_ULONG i = 0; rc == HSM_OK && i < count; i++)
        rc = token_destroy(token, left[i]);
    return rc;
}

static enum hsm_result make_kek(struct token *token, const struct kek_id *id)
{
    struct recipe recipe = kek;
    CK_OBJECT_HANDLE object = CK_INVALID_HANDLE;
    CK_ATTRIBUTE whole = {CKA_LABEL, recipe.label, strlen(kek.label)};
    recipe.id = *id;
    memcpy(recipe.label, label_in_the_making, sizeof label_in_the_making);
    enum hsm_result rc = destroy_left(token);
    if (rc == HSM_OK)
        rc = make_key(token, &recipe, &object);
    if (rc != HSM_OK)
        return rc;
    memcpy(recipe.label, kek.label, sizeof kek.label);
    rc = module_result(
        MODULE_CALL(token->module, C_SetAttributeValue, token->session, object, &whole, 1));
    if (rc != HSM_OK)
        token_discard(token, object);
    return rc;
}

/* SoftHSM writes objects without an fsync, and a power cut now would leave a token without its
 * keys: hence the sync, here and below. */
enum hsm_result own_keys_make_kek(struct token *token, const struct kek_id *id)
{
    enum hsm_result rc = make_kek(token, id);
    sync();
    return rc;
}

enum hsm_result own_keys_make(struct token *token)
{
    CK_OBJECT_HANDLE object = CK_INVALID_HANDLE;
    enum hsm_result result = make_key(token, &kek, &object);
    if (result == HSM_OK)
        result = make_key(token, &integrity, &object);
    if (result == HSM_OK)
        result = token_make_signer(token);
    sync();
    return result;
}
