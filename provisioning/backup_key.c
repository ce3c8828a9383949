#include "backup_key.h"

#include <stdio.h>
#include <string.h>

#include "token_kek.h"

#define MAC_KEY_BYTES 32

enum outcome backup_key_find(struct office *office, const char *name,
                             enum backup_direction direction, struct backup_keys *keys)
{
    char label[sizeof BACKUP_KEY_LABEL + BACKUP_KEY_NAME_BYTES_MAX];
    const char *what = direction == BACKUP_OUT ? "wrap" : "unwrap";
    CK_OBJECT_CLASS class = CKO_SECRET_KEY;
    CK_KEY_TYPE type = CKK_AES;
    CK_BBOOL yes = CK_TRUE;
    if (name == NULL || name[0] == '\0' || strlen(name) > BACKUP_KEY_NAME_BYTES_MAX)
        return outcome_fail(OUTCOME_USAGE, "--backup-key NAME is needed, 1 to %d bytes",
                            BACKUP_KEY_NAME_BYTES_MAX);
    snprintf(label, sizeof label, BACKUP_KEY_LABEL "%s", name);
    CK_ATTRIBUTE fit[] = {{CKA_CLASS, &class, sizeof class},
                          {CKA_KEY_TYPE, &type, sizeof type},
                          {CKA_TOKEN, &yes, sizeof yes},
                          {CKA_PRIVATE, &yes, sizeof yes},
                          {direction == BACKUP_OUT ? CKA_WRAP : CKA_UNWRAP, &yes, sizeof yes},
                          {CKA_LABEL, label, strlen(label)}};
    enum hsm_result rc =
        token_find_one(office->token, fit, sizeof fit / sizeof fit[0], &keys->backup);
    if (rc == HSM_NO_KEY || rc == HSM_REFUSED)
        return outcome_fail(OUTCOME_USAGE,
                            "token \"%s\" has %s AES key \"%s\" that may %s; bring the backup key "
                            "into it first, once",
                            office->token->label, rc == HSM_NO_KEY ? "no" : "more than one", label,
                            what);
    return rc == HSM_OK ? OUTCOME_DONE : office_fail_hsm(office, rc, "looking for the backup key");
}

enum outcome backup_key_make_mac(struct office *office, struct backup_keys *keys)
{
    struct token *token = office->token;
    CK_MECHANISM generate = {.mechanism = CKM_GENERIC_SECRET_KEY_GEN};
    CK_MECHANISM wrap = {.mechanism = CKM_AES_KEY_WRAP};
    CK_ULONG key_bytes = MAC_KEY_BYTES;
    CK_ULONG wrapped_bytes = sizeof keys->wrapped_mac;
    CK_BBOOL yes = CK_TRUE;
    CK_BBOOL no = CK_FALSE;
    CK_ATTRIBUTE key[] = {{CKA_VALUE_LEN, &key_bytes, sizeof key_bytes},
                          {CKA_TOKEN, &no, sizeof no},
                          {CKA_PRIVATE, &yes, sizeof yes},
                          {CKA_SENSITIVE, &yes, sizeof yes},
                          {CKA_EXTRACTABLE, &yes, sizeof yes},
                          {CKA_SIGN, &yes, sizeof yes}};
    enum hsm_result rc =
        module_result(MODULE_CALL(token->module, C_GenerateKey, token->session, &generate, key,
                                  sizeof key / sizeof key[0], &keys->mac));
    if (rc == HSM_OK)
        rc = module_result(MODULE_CALL(token->module, C_WrapKey, token->session, &wrap,
                                       keys->backup, keys->mac, keys->wrapped_mac, &wrapped_bytes));
    if (rc == HSM_OK && wrapped_bytes != sizeof keys->wrapped_mac)
        rc = HSM_UNSUPPORTED;
    return rc == HSM_OK ? OUTCOME_DONE : office_fail_hsm(office, rc, "the backup's MAC key");
}

enum outcome backup_key_open_mac(struct office *office, const char *name, struct backup_keys *keys)
{
    struct token *token = office->token;
    CK_MECHANISM mechanism = {.mechanism = CKM_AES_KEY_WRAP};
    CK_OBJECT_CLASS class = CKO_SECRET_KEY;
    CK_KEY_TYPE type = CKK_GENERIC_SECRET;
    CK_BBOOL yes = CK_TRUE;
    CK_BBOOL no = CK_FALSE;
    CK_ATTRIBUTE key[] = {{CKA_CLASS, &class, sizeof class}, {CKA_KEY_TYPE, &type, sizeof type},
                          {CKA_TOKEN, &no, sizeof no},       {CKA_PRIVATE, &yes, sizeof yes},
                          {CKA_SENSITIVE, &yes, sizeof yes}, {CKA_EXTRACTABLE, &no, sizeof no},
                          {CKA_SIGN, &yes, sizeof yes}};
    CK_RV rv = MODULE_CALL(token->module, C_UnwrapKey, token->session, &mechanism, keys->backup,
                           keys->wrapped_mac, sizeof keys->wrapped_mac, key,
                           sizeof key / sizeof key[0], &keys->mac);
    enum hsm_result rc = token_kek_unwrap_result(token, rv);
    if (rc == HSM_REFUSED)
        return outcome_fail(OUTCOME_USAGE,
                            "the file was not made with the key \"" BACKUP_KEY_LABEL "%s\" that "
                            "this token has, or its first bytes were altered",
                            name);
    return rc == HSM_OK ? OUTCOME_DONE : office_fail_hsm(office, rc, "the backup's MAC key");
}
