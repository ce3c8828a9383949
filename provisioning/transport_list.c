/* What nisim-token transport-key list and backup-key list print. */
#include <jansson.h>
#include <stdio.h>

#include "transport_key.h"
#include "transport_make.h"
#include "verbs.h"

#define TRANSPORTS_MAX 256
#define CHECK_TEXT_BYTES PUBLIC_KEY_PRINT_TEXT_BYTES

static const char *const purpose_texts[] = {"in", "out", "backup"};

/* What is said of one: of an AES key its check value, of an RSA key its fingerprint. */
struct view {
    struct transport transport;
    size_t bits; /* RSA; 0 else */
    char check[CHECK_TEXT_BYTES];
};

static enum hsm_result look_rsa(struct token *token, struct view *view)
{
    struct public_key key = {0};
    enum hsm_result rc = transport_public_key(token, &view->transport, &key);
    if (rc != HSM_OK)
        return rc;
    view->bits = 8 * key.modulus_bytes;
    return public_key_fingerprint(&key, view->check) ? HSM_OK : HSM_NO_MEMORY;
}

static enum hsm_result look_aes(struct view *view)
{
    if (view->transport.kcv.length > 0)
        kcv_to_text(&view->transport.kcv, view->check);
    else
        snprintf(view->check, sizeof view->check, "unknown");
    return HSM_OK;
}

static enum hsm_result look(struct token *token, CK_OBJECT_HANDLE object, struct view *out)
{
    struct view view = {0};
    enum hsm_result rc = transport_describe(token, object, &view.transport);
    if (rc == HSM_OK)
        rc = view.transport.kind == TRANSPORT_RSA ? look_rsa(token, &view) : look_aes(&view);
    if (rc == HSM_OK)
        *out = view;
    return rc;
}

static void print_line(const struct view *view)
{
    const struct transport *transport = &view->transport;
    char kind[32] = "AES";
    if (transport->kind == TRANSPORT_RSA)
        snprintf(kind, sizeof kind, "RSA %zu", view->bits);
    printf("%-32s %-3s %-8s %s %s\n", transport->name, purpose_texts[transport->purpose], kind,
           transport->kind == TRANSPORT_RSA ? "sha256" : "kcv", view->check);
}

static json_t *to_json(const struct view *view)
{
    const struct transport *transport = &view->transport;
    bool is_rsa = transport->kind == TRANSPORT_RSA;
    return json_pack("{s:s, s:s, s:s, s:o, s:s}", "name", transport->name, "purpose",
                     purpose_texts[transport->purpose], "kind", is_rsa ? "RSA" : "AES", "bits",
                     is_rsa ? json_integer((json_int_t)view->bits) : json_null(),
                     is_rsa ? "sha256" : "kcv", view->check);
}

static enum hsm_result find_all(struct token *token, CK_ATTRIBUTE_TYPE purpose,
                                CK_OBJECT_HANDLE objects[TRANSPORTS_MAX], CK_ULONG *out_count)
{
    CK_BBOOL yes = CK_TRUE;
    CK_ATTRIBUTE fit[] = {{CKA_TOKEN, &yes, sizeof yes}, {purpose, &yes, sizeof yes}};
    *out_count = 0;
    return token_find(token, fit, 2, objects, TRANSPORTS_MAX, out_count);
}

/* The KEK can wrap and unwrap too, and is no transport key. */
static enum hsm_result list_one(struct token *token, CK_OBJECT_HANDLE object, bool backup_keys,
                                json_t *array)
{
    struct view view = {0};
    enum hsm_result rc = look(token, object, &view);
    if (rc == HSM_NO_KEY)
        return HSM_OK;
    if (rc == HSM_REFUSED) {
        outcome_warn("a transport or backup key is not as nisim-token makes it, and of no use");
        return HSM_OK;
    }
    if (rc == HSM_OK && (view.transport.purpose == TRANSPORT_BACKUP) != backup_keys)
        return HSM_OK;
    if (rc == HSM_OK && array == NULL)
        print_line(&view);
    else if (rc == HSM_OK && json_array_append_new(array, to_json(&view)) != 0)
        rc = HSM_NO_MEMORY;
    return rc;
}

/* A backup key has both flags: the second alone finds them all. */
static enum outcome list(struct office *office, bool backup_keys, json_t *array)
{
    static const CK_ATTRIBUTE_TYPE purposes[] = {CKA_UNWRAP, CKA_WRAP};
    CK_OBJECT_HANDLE objects[TRANSPORTS_MAX];
    CK_ULONG count = 0;
    enum hsm_result result = HSM_OK;
    for (size_t i = backup_keys ? 1 : 0; i < 2 && result == HSM_OK; i++) {
        result = find_all(office->token, purposes[i], objects, &count);
        for (CK_ULONG j = 0; j < count && result == HSM_OK; j++)
            result = list_one(office->token, objects[j], backup_keys, array);
    }
    return result == HSM_OK ? OUTCOME_DONE : office_fail_hsm(office, result, "listing the keys");
}

enum outcome transport_key_print(struct office *office, const struct arguments *arguments,
                                 bool backup_keys)
{
    json_t *array = arguments->json ? json_array() : NULL;
    enum outcome outcome = office_open_token(office, false);
    if (outcome == OUTCOME_DONE)
        outcome = office_prove_token(office);
    if (outcome == OUTCOME_DONE)
        outcome = list(office, backup_keys, array);
    if (outcome == OUTCOME_DONE && array != NULL) {
        if (json_dumpf(array, stdout, JSON_INDENT(2)) != 0)
            outcome = outcome_fail(OUTCOME_FAILED, "memory is short");
        putchar('\n');
    }
    json_decref(array);
    return outcome;
}

enum outcome transport_key_list(struct office *office, const struct arguments *arguments)
{
    return transport_key_print(office, arguments, false);
}
