#include "own_keys.h"

#include <stdio.h>
#include <string.h>

static bool is_of_a_subscriber(const char *label)
{
    static const char *const prefixes[] = {"nisim K ", "nisim OPc ", "nisim HA1 "};
    for (size_t i = 0; i < sizeof prefixes / sizeof prefixes[0]; i++) {
        if (strncmp(label, prefixes[i], strlen(prefixes[i])) == 0)
            return true;
    }
    return false;
}

static bool read_own_key(struct token *token, CK_OBJECT_HANDLE object, struct own_key *out)
{
    uint8_t check_value[CHECK_VALUE_BYTES_MAX];
    CK_ATTRIBUTE label = {CKA_LABEL, out->label, sizeof out->label - 1};
    CK_ATTRIBUTE check = {CKA_CHECK_VALUE, check_value, sizeof check_value};
    memset(out, 0, sizeof *out);
    if (MODULE_CALL(token->module, C_GetAttributeValue, token->session, object, &label, 1) !=
            CKR_OK ||
        is_of_a_subscriber(out->label))
        return false;
    if (MODULE_CALL(token->module, C_GetAttributeValue, token->session, object, &check, 1) ==
            CKR_OK &&
        check.ulValueLen <= sizeof check_value) {
        for (CK_ULONG i = 0; i < check.ulValueLen; i++)
            snprintf(out->check_value + 2 * i, 3, "%02x", check_value[i]);
    }
    return true;
}

/* Keys of one class that rest in the token, a few at a time. */
static enum hsm_result list_keys(struct token *token, CK_OBJECT_CLASS class, struct own_keys *out)
{
    CK_BBOOL yes = CK_TRUE;
    CK_ATTRIBUTE fit[] = {{CKA_CLASS, &class, sizeof class}, {CKA_TOKEN, &yes, sizeof yes}};
    CK_RV rv = MODULE_CALL(token->module, C_FindObjectsInit, token->session, fit, 2);
    CK_ULONG found = 1;
    while (rv == CKR_OK && found > 0) {
        CK_OBJECT_HANDLE objects[32];
        rv = MODULE_CALL(token->module, C_FindObjects, token->session, objects, 32, &found);
        for (CK_ULONG i = 0; rv == CKR_OK && i < found; i++) {
            if (out->count < OWN_KEYS_MAX &&
                read_own_key(token, objects[i], &out->keys[out->count]))
                out->count++;
        }
    }
    CK_RV end = MODULE_CALL(token->module, C_FindObjectsFinal, token->session);
    return module_result(rv != CKR_OK ? rv : end);
}

enum hsm_result own_keys_list(struct token *token, struct own_keys *out_keys)
{
    out_keys->count = 0;
    enum hsm_result result = list_keys(token, CKO_SECRET_KEY, out_keys);
    return result == HSM_OK ? list_keys(token, CKO_PRIVATE_KEY, out_keys) : result;
}

void own_keys_print(const struct own_keys *keys)
{
    for (size_t i = 0; i < keys->count; i++)
        printf("key: %s, KCV %s\n", keys->keys[i].label,
               keys->keys[i].check_value[0] == '\0' ? "not told" : keys->keys[i].check_value);
}
