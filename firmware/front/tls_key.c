#include "tls_key.h"

#include <libp11.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <p11-kit/uri.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define URI_SCHEME "pkcs11:"

struct tls_key {
    EVP_PKEY *key;
    PKCS11_CTX *module; /* this and the rest: NULL when the key is a file */
    PKCS11_SLOT *slots;
    unsigned slot_count;
    bool loaded;
};

bool tls_key_in_token(const struct config *config)
{
    return strncmp(config->tls_key, URI_SCHEME, strlen(URI_SCHEME)) == 0;
}

EVP_PKEY *tls_key_of(const struct tls_key *key)
{
    return key->key;
}

/* The first error in OpenSSL's queue, which is then emptied. */
static const char *first_error(char *buffer, size_t room)
{
    unsigned long error = ERR_peek_error();
    const char *reason = ERR_reason_error_string(error);
    snprintf(buffer, room, "%s", reason != NULL ? reason : "unknown reason");
    ERR_clear_error();
    return buffer;
}

/* A key with a passphrase would be asked for on the terminal of a daemon. */
static int no_passphrase(char *buffer, int room, int writing, void *user)
{
    (void)buffer;
    (void)room;
    (void)writing;
    (void)user;
    return -1;
}

static enum exit_code load_file(const struct config *config, OSSL_LIB_CTX *library,
                                char out_why[CONFIG_WHY_BYTES], struct tls_key *key)
{
    char reason[128];
    BIO *file = BIO_new_file(config->tls_key, "r");
    if (file != NULL)
        key->key = PEM_read_bio_PrivateKey_ex(file, NULL, no_passphrase, NULL, library, NULL);
    BIO_free(file);
    if (key->key != NULL)
        return EXIT_DONE;
    snprintf(out_why, CONFIG_WHY_BYTES, "tls.key %s: %s; it must be a PEM key without passphrase",
             config->tls_key, first_error(reason, sizeof reason));
    return EXIT_CONFIG;
}

static bool read_pin(const char *path, struct secret_pin *out_pin)
{
    FILE *file = fopen(path, "re");
    if (file == NULL)
        return false;
    setvbuf(file, NULL, _IONBF, 0); /* no copy of the PIN in a stdio buffer */
    bool read = fgets(out_pin->text, sizeof out_pin->text, file) != NULL;
    fclose(file);
    out_pin->length = read ? strcspn(out_pin->text, "\r\n") : 0;
    out_pin->text[out_pin->length] = '\0';
    return out_pin->length > 0;
}

static bool same_padded(const unsigned char *padded, size_t room, const char *text)
{
    size_t length = room;
    while (length > 0 && (padded[length - 1] == ' ' || padded[length - 1] == '\0'))
        length--;
    return length == 0 ||
           (text != NULL && strlen(text) == length && memcmp(padded, text, length) == 0);
}

/* What the URI leaves out fits every token. */
static bool token_fits(const PKCS11_TOKEN *token, P11KitUri *uri)
{
    const CK_TOKEN_INFO *wanted = p11_kit_uri_get_token_info(uri);
    return token != NULL && token->initialized &&
           same_padded(wanted->label, sizeof wanted->label, token->label) &&
           same_padded(wanted->serialNumber, sizeof wanted->serialNumber, token->serialnr) &&
           same_padded(wanted->manufacturerID, sizeof wanted->manufacturerID,
                       token->manufacturer) &&
           same_padded(wanted->model, sizeof wanted->model, token->model);
}

/* The one token that fits; NULL when none does or several do. */
static PKCS11_SLOT *find_token(struct tls_key *key, P11KitUri *uri)
{
    PKCS11_SLOT *found = NULL;
    for (unsigned i = 0; i < key->slot_count; i++) {
        if (!token_fits(key->slots[i].token, uri))
            continue;
        if (found != NULL)
            return NULL;
        found = &key->slots[i];
    }
    return found;
}

static bool attribute_fits(P11KitUri *uri, CK_ATTRIBUTE_TYPE type, const void *value, size_t length)
{
    const CK_ATTRIBUTE *wanted = p11_kit_uri_get_attribute(uri, type);
    return wanted == NULL || (value != NULL && wanted->ulValueLen == length &&
                              memcmp(wanted->pValue, value, length) == 0);
}

static bool key_fits(const PKCS11_KEY *key, P11KitUri *uri)
{
    size_t label_bytes = key->label != NULL ? strlen(key->label) : 0;
    return attribute_fits(uri, CKA_LABEL, key->label, label_bytes) &&
           attribute_fits(uri, CKA_ID, key->id, key->id_len);
}

static bool is_pin_error(unsigned long error)
{
    if (ERR_GET_LIB(error) != ERR_get_CKR_code())
        return false;
    switch ((CK_RV)ERR_GET_REASON(error)) {
    case CKR_PIN_INCORRECT:
    case CKR_PIN_INVALID:
    case CKR_PIN_LEN_RANGE:
    case CKR_PIN_EXPIRED:
    case CKR_PIN_LOCKED:
    case CKR_USER_PIN_NOT_INITIALIZED:
        return true;
    default:
        return false;
    }
}

static enum exit_code log_in(const struct config *config, PKCS11_SLOT *slot,
                             char out_why[CONFIG_WHY_BYTES])
{
    char reason[128];
    ERASED(secret_pin) struct secret_pin pin = {0};
    if (config->tls_pin_file == NULL) {
        snprintf(out_why, CONFIG_WHY_BYTES, "tls.key is in a token: tls.pin_file is needed");
        return EXIT_CONFIG;
    }
    if (!read_pin(config->tls_pin_file, &pin)) {
        snprintf(out_why, CONFIG_WHY_BYTES, "tls.pin_file %s: no PIN can be read from it",
                 config->tls_pin_file);
        return EXIT_CONFIG;
    }
    if (PKCS11_login(slot, 0, pin.text) == 0)
        return EXIT_DONE;
    enum exit_code code = is_pin_error(ERR_peek_error()) ? EXIT_WRONG_PIN : EXIT_NO_TOKEN;
    snprintf(out_why, CONFIG_WHY_BYTES, "token of tls.key: log-in failed: %s",
             first_error(reason, sizeof reason));
    return code;
}

/* The one private key that fits, as OpenSSL's. */
static enum exit_code find_key(PKCS11_SLOT *slot, P11KitUri *uri, char out_why[CONFIG_WHY_BYTES],
                               struct tls_key *key)
{
    PKCS11_KEY *list = NULL;
    PKCS11_KEY *found = NULL;
    unsigned count = 0;
    unsigned fitting = 0;
    if (PKCS11_enumerate_keys(slot->token, &list, &count) != 0)
        count = 0;
    for (unsigned i = 0; i < count; i++) {
        if (!key_fits(&list[i], uri))
            continue;
        found = &list[i];
        fitting++;
    }
    if (fitting == 1)
        key->key = PKCS11_get_private_key(found);
    ERR_clear_error();
    if (key->key != NULL)
        return EXIT_DONE;
    snprintf(out_why, CONFIG_WHY_BYTES, "tls.key: %u usable private keys of the token fit the URI",
             fitting);
    return EXIT_NO_TOKEN;
}

static enum exit_code open_module(const struct config *config, char out_why[CONFIG_WHY_BYTES],
                                  struct tls_key *key)
{
    char reason[128];
    if (config->tls_module == NULL) {
        snprintf(out_why, CONFIG_WHY_BYTES, "tls.key is in a token: tls.module is needed");
        return EXIT_CONFIG;
    }
    key->module = PKCS11_CTX_new();
    key->loaded = key->module != NULL && PKCS11_CTX_load(key->module, config->tls_module) == 0;
    if (key->loaded && PKCS11_enumerate_slots(key->module, &key->slots, &key->slot_count) == 0)
        return EXIT_DONE;
    snprintf(out_why, CONFIG_WHY_BYTES, "tls.module %s: %s", config->tls_module,
             first_error(reason, sizeof reason));
    return EXIT_NO_TOKEN;
}

static enum exit_code load_from_token(const struct config *config, char out_why[CONFIG_WHY_BYTES],
                                      struct tls_key *key)
{
    enum exit_code code = EXIT_CONFIG;
    PKCS11_SLOT *slot = NULL;
    P11KitUri *uri = p11_kit_uri_new();
    snprintf(out_why, CONFIG_WHY_BYTES, "tls.key is not a PKCS#11 URI of a key");
    if (uri == NULL ||
        p11_kit_uri_parse(config->tls_key, P11_KIT_URI_FOR_OBJECT_ON_TOKEN, uri) != P11_KIT_URI_OK)
        goto out;
    code = open_module(config, out_why, key);
    if (code != EXIT_DONE)
        goto out;
    slot = find_token(key, uri);
    if (slot == NULL) {
        snprintf(out_why, CONFIG_WHY_BYTES, "tls.key: not exactly one token fits the URI");
        code = EXIT_NO_TOKEN;
        goto out;
    }
    code = log_in(config, slot, out_why);
    if (code == EXIT_DONE)
        code = find_key(slot, uri, out_why, key);
out:
    p11_kit_uri_free(uri);
    return code;
}

enum exit_code tls_key_load(const struct config *config, OSSL_LIB_CTX *library,
                            char out_why[CONFIG_WHY_BYTES], struct tls_key **out_key)
{
    struct tls_key *key = calloc(1, sizeof *key);
    if (key == NULL) {
        snprintf(out_why, CONFIG_WHY_BYTES, "no memory");
        return EXIT_LOST;
    }
    enum exit_code code = EXIT_DONE;
    if (tls_key_in_token(config)) {
        alarm(config->token_call_timeout); /* a hung module ends the process */
        code = load_from_token(config, out_why, key);
        alarm(0);
    } else {
        code = load_file(config, library, out_why, key);
    }
    if (code != EXIT_DONE) {
        tls_key_free(&key);
        return code;
    }
    *out_key = key;
    return EXIT_DONE;
}

void tls_key_free(struct tls_key **key)
{
    if (*key == NULL)
        return;
    EVP_PKEY_free((*key)->key);
    if ((*key)->slots != NULL)
        PKCS11_release_all_slots((*key)->module, (*key)->slots, (*key)->slot_count);
    if ((*key)->loaded)
        PKCS11_CTX_unload((*key)->module);
    if ((*key)->module != NULL)
        PKCS11_CTX_free((*key)->module);
    free(*key);
    *key = NULL;
}
