#include "token.h"

#include <p11-kit/uri.h>
#include <stdlib.h>
#include <string.h>

#define SLOTS_MAX 256
#define FIND_MOST 2 /* to find one object, ask for two: ambiguity shows */

/* PKCS#11 pads with blanks and has no NUL. */
static void copy_padded(const unsigned char *padded, size_t length, char *out_text)
{
    while (length > 0 && (padded[length - 1] == ' ' || padded[length - 1] == '\0'))
        length--;
    memcpy(out_text, padded, length);
    out_text[length] = '\0';
}

static void describe(struct token *token, CK_TOKEN_INFO *info)
{
    copy_padded(info->label, sizeof info->label, token->label);
    copy_padded(info->serialNumber, sizeof info->serialNumber, token->serial);
    copy_padded(info->manufacturerID, sizeof info->manufacturerID, token->manufacturer);
    copy_padded(info->model, sizeof info->model, token->model);
}

static bool fits(const struct token *token, CK_TOKEN_INFO *info, const struct token_choice *choice,
                 P11KitUri *uri)
{
    if (choice->label != NULL)
        return strcmp(choice->label, token->label) == 0;
    if (choice->serial != NULL)
        return strcmp(choice->serial, token->serial) == 0;
    return p11_kit_uri_match_token_info(uri, info) == 1;
}

/* The slot of the one token that fits; describes it in `token`. */
static enum hsm_result find_slot(struct token *token, const struct token_choice *choice,
                                 P11KitUri *uri)
{
    CK_SLOT_ID slots[SLOTS_MAX];
    CK_ULONG count = SLOTS_MAX;
    size_t found = 0;
    CK_RV rv = MODULE_CALL(token->module, C_GetSlotList, CK_TRUE, slots, &count);
    if (rv != CKR_OK)
        return module_result(rv);
    for (CK_ULONG i = 0; i < count; i++) {
        CK_TOKEN_INFO info = {0};
        struct token candidate = {0};
        rv = MODULE_CALL(token->module, C_GetTokenInfo, slots[i], &info);
        if (rv != CKR_OK || (info.flags & CKF_TOKEN_INITIALIZED) == 0)
            continue;
        describe(&candidate, &info);
        if (!fits(&candidate, &info, choice, uri))
            continue;
        describe(token, &info);
        token->slot = slots[i];
        found++;
    }
    return found == 1 ? HSM_OK : HSM_NO_TOKEN;
}

static enum hsm_result choose(struct token *token, const struct token_choice *choice)
{
    if (choice->uri == NULL)
        return find_slot(token, choice, NULL);
    enum hsm_result rc = HSM_BAD_URI;
    P11KitUri *uri = p11_kit_uri_new();
    if (uri == NULL)
        return HSM_NO_MEMORY;
    /* A URI that names nothing of a token would fit every one. */
    static const CK_TOKEN_INFO nothing;
    if (p11_kit_uri_parse(choice->uri, P11_KIT_URI_FOR_TOKEN, uri) == P11_KIT_URI_OK &&
        memcmp(p11_kit_uri_get_token_info(uri), &nothing, sizeof nothing) != 0)
        rc = find_slot(token, choice, uri);
    p11_kit_uri_free(uri);
    return rc;
}

enum hsm_result token_open(struct module *module, const struct token_choice *choice, bool writable,
                           struct token **out_token)
{
    struct token *token = calloc(1, sizeof *token);
    if (token == NULL)
        return HSM_NO_MEMORY;
    token->module = module;
    enum hsm_result rc = choose(token, choice);
    if (rc == HSM_OK) {
        CK_FLAGS flags = CKF_SERIAL_SESSION | (writable ? CKF_RW_SESSION : 0);
        rc = module_result(
            MODULE_CALL(module, C_OpenSession, token->slot, flags, NULL, NULL, &token->session));
    }
    if (rc != HSM_OK) {
        free(token);
        return rc;
    }
    *out_token = token;
    return HSM_OK;
}

enum hsm_result token_log_in(struct token *token, const struct secret_pin *pin)
{
    ERASED(secret_pin) struct secret_pin copy = *pin; /* PKCS#11 has no const */
    CK_RV rv = MODULE_CALL(token->module, C_Login, token->session, CKU_USER,
                           (unsigned char *)copy.text, copy.length);
    return rv == CKR_USER_ALREADY_LOGGED_IN ? HSM_OK : module_result(rv);
}

void token_close(struct token **token)
{
    if (*token == NULL)
        return;
    (void)MODULE_CALL((*token)->module, C_CloseSession, (*token)->session);
    free(*token);
    *token = NULL;
}

enum hsm_result token_find(struct token *token, CK_ATTRIBUTE *fit, CK_ULONG count,
                           CK_OBJECT_HANDLE *out_objects, CK_ULONG most, CK_ULONG *out_found)
{
    struct module *module = token->module;
    CK_RV rv = MODULE_CALL(module, C_FindObjectsInit, token->session, fit, count);
    if (rv != CKR_OK)
        return module_result(rv);
    rv = MODULE_CALL(module, C_FindObjects, token->session, out_objects, most, out_found);
    CK_RV final = MODULE_CALL(module, C_FindObjectsFinal, token->session);
    return module_result(rv != CKR_OK ? rv : final);
}

enum hsm_result token_destroy(struct token *token, CK_OBJECT_HANDLE object)
{
    return module_result(MODULE_CALL(token->module, C_DestroyObject, token->session, object));
}

void token_discard(struct token *token, CK_OBJECT_HANDLE object)
{
    struct module *module = token->module;
    const char *fault_call = module->fault_call; /* what made us discard it is to be told */
    CK_RV fault_rv = module->fault_rv;
    if (object == CK_INVALID_HANDLE)
        return;
    if (MODULE_CALL(module, C_DestroyObject, token->session, object) == CKR_OK)
        return;
    if (fault_call != NULL) {
        module->fault_call = fault_call;
        module->fault_rv = fault_rv;
    }
}

enum hsm_result token_find_one(struct token *token, CK_ATTRIBUTE *fit, CK_ULONG count,
                               CK_OBJECT_HANDLE *out_object)
{
    CK_OBJECT_HANDLE objects[FIND_MOST] = {0};
    CK_ULONG found = 0;
    enum hsm_result rc = token_find(token, fit, count, objects, FIND_MOST, &found);
    if (rc != HSM_OK)
        return rc;
    if (found != 1)
        return found == 0 ? HSM_NO_KEY : HSM_REFUSED;
    *out_object = objects[0];
    return HSM_OK;
}

enum hsm_result token_copy_to_session(struct token *token, CK_OBJECT_HANDLE object,
                                      CK_OBJECT_HANDLE *out_copy)
{
    CK_BBOOL no = CK_FALSE;
    CK_ATTRIBUTE wanted[] = {{CKA_TOKEN, &no, sizeof no}};
    return module_result(
        MODULE_CALL(token->module, C_CopyObject, token->session, object, wanted, 1, out_copy));
}

enum hsm_result token_find_integrity(struct token *token)
{
    CK_OBJECT_CLASS class = CKO_SECRET_KEY;
    CK_BBOOL yes = CK_TRUE;
    char label[] = TOKEN_INTEGRITY_LABEL;
    CK_ATTRIBUTE fit[] = {{CKA_CLASS, &class, sizeof class},
                          {CKA_TOKEN, &yes, sizeof yes},
                          {CKA_LABEL, label, sizeof label - 1}};
    CK_OBJECT_HANDLE object = CK_INVALID_HANDLE;
    enum hsm_result rc = token_find_one(token, fit, sizeof fit / sizeof fit[0], &object);
    if (rc != HSM_OK)
        return rc;
    CK_OBJECT_HANDLE copy = CK_INVALID_HANDLE;
    rc = token_copy_to_session(token, object, &copy);
    if (rc == HSM_LOST)
        return rc;
    token->abilities.session_copy = rc == HSM_OK;
    token->integrity = rc == HSM_OK ? copy : object;
    return HSM_OK;
}

enum hsm_result token_hmac(struct token *token, CK_OBJECT_HANDLE key, const uint8_t *bytes,
                           size_t length, uint8_t out_mac[TOKEN_MAC_BYTES])
{
    CK_MECHANISM mechanism = {.mechanism = CKM_SHA256_HMAC};
    uint8_t mac[TOKEN_MAC_BYTES] = {0};
    CK_ULONG mac_bytes = sizeof mac;
    CK_RV rv = MODULE_CALL(token->module, C_SignInit, token->session, &mechanism, key);
    if (rv == CKR_OK)
        rv = MODULE_CALL(token->module, C_Sign, token->session, (unsigned char *)(uintptr_t)bytes,
                         length, mac, &mac_bytes);
    if (rv != CKR_OK)
        return module_result(rv);
    if (mac_bytes != sizeof mac)
        return HSM_BAD_ANSWER;
    memcpy(out_mac, mac, sizeof mac);
    secret_wipe(mac, sizeof mac);
    return HSM_OK;
}

enum hsm_result token_mac(struct token *token, const uint8_t *bytes, size_t length,
                          uint8_t out_mac[TOKEN_MAC_BYTES])
{
    return token_hmac(token, token->integrity, bytes, length, out_mac);
}

enum hsm_result token_alive(struct token *token)
{
    CK_TOKEN_INFO info = {0};
    CK_MECHANISM mechanism = {.mechanism = CKM_AES_ECB};
    uint8_t block[TOKEN_BLOCK_BYTES] = {0};
    uint8_t out[TOKEN_BLOCK_BYTES] = {0};
    CK_ULONG out_bytes = sizeof out;
    CK_RV rv = MODULE_CALL(token->module, C_GetTokenInfo, token->slot, &info);
    if (rv == CKR_OK)
        rv = MODULE_CALL(token->module, C_EncryptInit, token->session, &mechanism, token->probe);
    if (rv == CKR_OK)
        rv = MODULE_CALL(token->module, C_Encrypt, token->session, block, sizeof block, out,
                         &out_bytes);
    return rv == CKR_OK ? HSM_OK : HSM_LOST;
}
