#include "backup_key.h"

#include "token_kek.h"
#include "transport.h"

#define MAC_KEY_BYTES 32

enum outcome backup_key_find(struct office *office, const char *name, struct backup_keys *keys)
{
    struct transport transport = {0};
    if (name == NULL || name[0] == '\0')
        return outcome_fail(OUTCOME_USAGE, "--backup-key NAME is needed");
    enum hsm_result rc = transport_find_backup(office->token, name, &transport);
    if (rc == HSM_NO_KEY)
        return outcome_fail(OUTCOME_USAGE,
                            "token \"%s\" has no backup key \"%s\"; nisim-token backup-key makes "
                            "or receives one",
                            office->token->label, name);
    if (rc == HSM_REFUSED)
        return outcome_fail(OUTCOME_USAGE,
                            "token \"%s\" has more than one backup key \"%s\", or one that may "
                            "leave the token or not both wrap and unwrap",
                            office->token->label, name);
    if (rc != HSM_OK)
        return office_fail_hsm(office, rc, "looking for the backup key");
    keys->backup = transport.object;
    return OUTCOME_DONE;
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
                            "the file was not made with the backup key \"%s\" that this token "
                            "has, or its first bytes were altered",
                            name);
    return rc == HSM_OK ? OUTCOME_DONE : office_fail_hsm(office, rc, "the backup's MAC key");
}
