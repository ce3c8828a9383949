#include "softhsm.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include <cmocka.h>

#include "token_sign.h"

#define COUNT_OF(list) (sizeof(list) / sizeof((list)[0]))

static CK_BBOOL yes = CK_TRUE;
static CK_BBOOL no = CK_FALSE;
/* PKCS#11 has no const. */
static unsigned char so_pin[] = SOFTHSM_SO_PIN;
static unsigned char user_pin[] = SOFTHSM_PIN;

const char *softhsm_path(const struct softhsm *softhsm, const char *name)
{
    static char path[128];
    snprintf(path, sizeof path, "%s/%s", softhsm->folder, name);
    return path;
}

struct secret_pin softhsm_pin(const char *text)
{
    struct secret_pin pin = {.length = strlen(text)};
    memcpy(pin.text, text, pin.length + 1);
    return pin;
}

static void make_folder(struct softhsm *softhsm)
{
    snprintf(softhsm->folder, sizeof softhsm->folder, "/tmp/nisim-test-XXXXXX");
    assert_non_null(mkdtemp(softhsm->folder));
    assert_int_equal(mkdir(softhsm_path(softhsm, "tokens"), 0700), 0);
    FILE *config = fopen(softhsm_path(softhsm, "softhsm2.conf"), "w");
    assert_non_null(config);
    fprintf(config, "directories.tokendir = %s/tokens\nlog.level = ERROR\n", softhsm->folder);
    assert_int_equal(fclose(config), 0);
    assert_int_equal(setenv("SOFTHSM2_CONF", softhsm_path(softhsm, "softhsm2.conf"), 1), 0);
}

static void make_token(struct module *module)
{
    CK_SLOT_ID slots[4];
    CK_ULONG count = COUNT_OF(slots);
    CK_SESSION_HANDLE session = 0;
    unsigned char label[32];
    memset(label, ' ', sizeof label);
    memcpy(label, SOFTHSM_LABEL, sizeof SOFTHSM_LABEL - 1);
    assert_int_equal(MODULE_CALL(module, C_GetSlotList, CK_TRUE, slots, &count), CKR_OK);
    assert_int_equal(MODULE_CALL(module, C_InitToken, slots[0], so_pin, sizeof so_pin - 1, label),
                     CKR_OK);
    count = COUNT_OF(slots);
    assert_int_equal(MODULE_CALL(module, C_GetSlotList, CK_TRUE, slots, &count), CKR_OK);
    assert_int_equal(MODULE_CALL(module, C_OpenSession, slots[0],
                                 CKF_SERIAL_SESSION | CKF_RW_SESSION, NULL, NULL, &session),
                     CKR_OK);
    assert_int_equal(MODULE_CALL(module, C_Login, session, CKU_SO, so_pin, sizeof so_pin - 1),
                     CKR_OK);
    assert_int_equal(MODULE_CALL(module, C_InitPIN, session, user_pin, sizeof user_pin - 1),
                     CKR_OK);
    assert_int_equal(MODULE_CALL(module, C_CloseSession, session), CKR_OK);
}

static void make_integrity_key(struct token *token)
{
    CK_MECHANISM mechanism = {.mechanism = CKM_GENERIC_SECRET_KEY_GEN};
    CK_ULONG bytes = 32;
    char label[] = TOKEN_INTEGRITY_LABEL;
    CK_OBJECT_HANDLE key = 0;
    CK_ATTRIBUTE wanted[] = {
        {CKA_TOKEN, &yes, sizeof yes},        {CKA_PRIVATE, &yes, sizeof yes},
        {CKA_SENSITIVE, &yes, sizeof yes},    {CKA_EXTRACTABLE, &no, sizeof no},
        {CKA_SIGN, &yes, sizeof yes},         {CKA_LABEL, label, sizeof label - 1},
        {CKA_VALUE_LEN, &bytes, sizeof bytes}};
    assert_int_equal(MODULE_CALL(token->module, C_GenerateKey, token->session, &mechanism, wanted,
                                 COUNT_OF(wanted), &key),
                     CKR_OK);
}

void softhsm_open(struct softhsm *softhsm)
{
    char why[256] = "";
    const struct token_choice choice = {.label = SOFTHSM_LABEL};
    const struct secret_pin pin = softhsm_pin(SOFTHSM_PIN);
    make_folder(softhsm);
    assert_int_equal(module_open(SOFTHSM_MODULE, 30, why, sizeof why, &softhsm->module), HSM_OK);
    make_token(softhsm->module);
    assert_int_equal(token_open(softhsm->module, &choice, true, &softhsm->token), HSM_OK);
    assert_int_equal(token_log_in(softhsm->token, &pin), HSM_OK);
    make_integrity_key(softhsm->token);
    assert_int_equal(token_make_signer(softhsm->token), HSM_OK);
}

void softhsm_close(struct softhsm *softhsm)
{
    char command[128];
    token_close(&softhsm->token);
    module_close(&softhsm->module);
    snprintf(command, sizeof command, "rm -rf '%s'", softhsm->folder);
    assert_int_equal(system(command), 0);
}

static void add_k(struct token *token, const struct key_ref *ref, const uint8_t k[16],
                  enum softhsm_key kind)
{
    CK_OBJECT_CLASS class = CKO_SECRET_KEY;
    CK_KEY_TYPE type = CKK_AES;
    struct key_ref id = *ref;
    uint8_t value[16];
    CK_OBJECT_HANDLE key = 0;
    memcpy(value, k, sizeof value);
    CK_BBOOL extractable = kind == SOFTHSM_KEY_EXTRACTABLE;
    CK_ATTRIBUTE wanted[] = {
        {CKA_CLASS, &class, sizeof class},   {CKA_KEY_TYPE, &type, sizeof type},
        {CKA_TOKEN, &yes, sizeof yes},       {CKA_PRIVATE, &yes, sizeof yes},
        {CKA_SENSITIVE, &yes, sizeof yes},   {CKA_EXTRACTABLE, &extractable, sizeof extractable},
        {CKA_ENCRYPT, &yes, sizeof yes},     {CKA_DECRYPT, &no, sizeof no},
        {CKA_ID, id.bytes, sizeof id.bytes}, {CKA_VALUE, value, sizeof value}};
    assert_int_equal(
        MODULE_CALL(token->module, C_CreateObject, token->session, wanted, COUNT_OF(wanted), &key),
        CKR_OK);
}

static void add_opc(struct token *token, const struct key_ref *ref, const uint8_t opc[16])
{
    CK_OBJECT_CLASS class = CKO_DATA;
    char application[64] = KEYRING_OPC_PREFIX;
    uint8_t value[16];
    CK_OBJECT_HANDLE object = 0;
    memcpy(value, opc, sizeof value);
    key_ref_to_text(ref, application + sizeof KEYRING_OPC_PREFIX - 1);
    CK_ATTRIBUTE wanted[] = {{CKA_CLASS, &class, sizeof class},
                             {CKA_TOKEN, &yes, sizeof yes},
                             {CKA_PRIVATE, &yes, sizeof yes},
                             {CKA_APPLICATION, application, strlen(application)},
                             {CKA_VALUE, value, sizeof value}};
    assert_int_equal(MODULE_CALL(token->module, C_CreateObject, token->session, wanted,
                                 COUNT_OF(wanted), &object),
                     CKR_OK);
}

int softhsm_make_folder(const struct softhsm *softhsm, char *out_path, size_t path_bytes)
{
    static int count;
    char name[32];
    snprintf(name, sizeof name, "folder-%d", count++);
    snprintf(out_path, path_bytes, "%s", softhsm_path(softhsm, name));
    return mkdir(out_path, 0700);
}

void softhsm_add_key(struct softhsm *softhsm, const struct key_ref *ref, const uint8_t k[16],
                     const uint8_t opc[16], enum softhsm_key kind)
{
    add_k(softhsm->token, ref, k, kind);
    add_opc(softhsm->token, ref, opc);
}

void softhsm_add_kek(struct softhsm *softhsm)
{
    struct token *token = softhsm->token;
    CK_MECHANISM mechanism = {.mechanism = CKM_AES_KEY_GEN};
    CK_MECHANISM_TYPE allowed[] = {CKM_AES_KEY_WRAP, CKM_AES_KEY_WRAP_PAD};
    CK_ULONG bytes = 32;
    char label[] = TOKEN_KEK_LABEL;
    struct kek_id id = {{0, 0, 0, 1}};
    CK_OBJECT_HANDLE key = 0;
    CK_ATTRIBUTE wanted[] = {
        {CKA_TOKEN, &yes, sizeof yes},         {CKA_PRIVATE, &yes, sizeof yes},
        {CKA_SENSITIVE, &yes, sizeof yes},     {CKA_EXTRACTABLE, &no, sizeof no},
        {CKA_WRAP, &yes, sizeof yes},          {CKA_UNWRAP, &yes, sizeof yes},
        {CKA_ENCRYPT, &no, sizeof no},         {CKA_DECRYPT, &no, sizeof no},
        {CKA_LABEL, label, sizeof label - 1},  {CKA_ID, id.bytes, sizeof id.bytes},
        {CKA_VALUE_LEN, &bytes, sizeof bytes}, {CKA_ALLOWED_MECHANISMS, allowed, sizeof allowed}};
    assert_int_equal(MODULE_CALL(token->module, C_GenerateKey, token->session, &mechanism, wanted,
                                 COUNT_OF(wanted), &key),
                     CKR_OK);
}
