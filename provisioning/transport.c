#include "transport.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#define CKM_AES_KEY_WRAP_KWP_3_0 0x210bUL /* PKCS#11 3.0; 2.40 had RFC 5649 as KEY_WRAP_PAD */
#define K_BYTES 16
#define KEY_WRAP_ADDS 8 /* RFC 3394; RFC 5649 as many to a key of whole blocks */
#define WAY_MECHANISMS 5

/* A way as the token may know it. */
struct way {
    enum transport_way name;
    enum transport_kind kind;
    CK_MECHANISM_TYPE mechanism;
    CK_MECHANISM_TYPE hash; /* OAEP */
    CK_RSA_PKCS_MGF_TYPE mgf;
};

/* In the order in which they are tried; none takes another's text for its own. */
static const struct way ways[WAY_MECHANISMS] = {
    {TRANSPORT_RFC3394, TRANSPORT_AES, CKM_AES_KEY_WRAP, 0, 0},
    {TRANSPORT_RFC5649, TRANSPORT_AES, CKM_AES_KEY_WRAP_KWP_3_0, 0, 0},
    {TRANSPORT_RFC5649, TRANSPORT_AES, CKM_AES_KEY_WRAP_PAD, 0, 0},
    {TRANSPORT_OAEP_SHA256, TRANSPORT_RSA, CKM_RSA_PKCS_OAEP, CKM_SHA256, CKG_MGF1_SHA256},
    {TRANSPORT_OAEP_SHA1, TRANSPORT_RSA, CKM_RSA_PKCS_OAEP, CKM_SHA_1, CKG_MGF1_SHA1},
};

enum key_origin transport_origin(const struct transport *transport)
{
    return transport->kind == TRANSPORT_AES ? KEY_ORIGIN_WRAPPED_AES : KEY_ORIGIN_WRAPPED_RSA;
}

const char *transport_way_text(enum transport_way way)
{
    static const char *const texts[TRANSPORT_WAYS] = {"rfc3394", "rfc5649", "rsa-oaep-sha1",
                                                      "rsa-oaep-sha256"};
    return texts[way];
}

/* `oaep` must live as long as the mechanism. */
static CK_MECHANISM mechanism_of(const struct way *way, CK_RSA_PKCS_OAEP_PARAMS *oaep)
{
    *oaep = (CK_RSA_PKCS_OAEP_PARAMS){
        .hashAlg = way->hash, .mgf = way->mgf, .source = CKZ_DATA_SPECIFIED};
    if (way->kind == TRANSPORT_RSA)
        return (CK_MECHANISM){way->mechanism, oaep, sizeof *oaep};
    return (CK_MECHANISM){way->mechanism, NULL, 0};
}

static enum hsm_result read_flag(struct token *token, CK_OBJECT_HANDLE object,
                                 CK_ATTRIBUTE_TYPE type, bool *out_flag)
{
    CK_BBOOL value = CK_FALSE;
    CK_ATTRIBUTE attribute = {type, &value, sizeof value};
    enum hsm_result rc = module_result(
        MODULE_CALL(token->module, C_GetAttributeValue, token->session, object, &attribute, 1));
    if (rc == HSM_OK)
        *out_flag = value == CK_TRUE;
    return rc;
}

/* A public key has no CKA_UNWRAP, a private one no CKA_WRAP, a secret one both. */
static enum hsm_result find_purpose(struct token *token, CK_OBJECT_CLASS class,
                                    struct transport *transport)
{
    bool wraps = false;
    bool unwraps = false;
    enum hsm_result rc = HSM_OK;
    if (class != CKO_PRIVATE_KEY)
        rc = read_flag(token, transport->object, CKA_WRAP, &wraps);
    if (rc == HSM_OK && class != CKO_PUBLIC_KEY)
        rc = read_flag(token, transport->object, CKA_UNWRAP, &unwraps);
    if (rc == HSM_OK && wraps == unwraps)
        rc = HSM_REFUSED;
    transport->purpose = wraps ? TRANSPORT_OUT : TRANSPORT_IN;
    return rc;
}

/* A key that may leave the token, or not both wrap and unwrap, is no backup key. */
static enum hsm_result check_backup(struct token *token, const struct transport *transport)
{
    static const struct {
        CK_ATTRIBUTE_TYPE type;
        bool value;
    } wanted[] = {{CKA_PRIVATE, true},
                  {CKA_SENSITIVE, true},
                  {CKA_EXTRACTABLE, false},
                  {CKA_WRAP, true},
                  {CKA_UNWRAP, true}};
    for (size_t i = 0; i < sizeof wanted / sizeof wanted[0]; i++) {
        bool value = false;
        enum hsm_result rc = read_flag(token, transport->object, wanted[i].type, &value);
        if (rc != HSM_OK)
            return rc;
        if (value != wanted[i].value)
            return HSM_REFUSED;
    }
    return transport->kind == TRANSPORT_AES ? HSM_OK : HSM_REFUSED;
}

/* False when it is no transport key's. */
static bool take_id(const uint8_t *id, size_t length, struct kcv *out_kcv)
{
    static const char start[] = TRANSPORT_ID;
    size_t start_bytes = sizeof start - 1;
    if (length < start_bytes || memcmp(id, start, start_bytes) != 0)
        return false;
    if (length == TRANSPORT_ID_BYTES_MAX) {
        out_kcv->length = KCV_BYTES;
        memcpy(out_kcv->bytes, id + start_bytes, KCV_BYTES);
    }
    return true;
}

/* The name is what stands behind a backup key's beginning, or the whole label. */
static bool take_label(const char *label, struct transport *transport)
{
    static const char start[] = BACKUP_KEY_LABEL;
    bool is_backup = strncmp(label, start, sizeof start - 1) == 0;
    const char *name = is_backup ? label + sizeof start - 1 : label;
    size_t length = strlen(name);
    if (length > TRANSPORT_NAME_BYTES_MAX)
        return false;
    memcpy(transport->name, name, length + 1);
    transport->purpose = is_backup ? TRANSPORT_BACKUP : TRANSPORT_IN;
    return true;
}

/* Of a backup key that another tool made the check value is not known. */
enum hsm_result transport_describe(struct token *token, CK_OBJECT_HANDLE object,
                                   struct transport *out_transport)
{
    struct transport transport = {.object = object};
    char label[TRANSPORT_LABEL_BYTES_MAX + 1] = "";
    CK_OBJECT_CLASS class = 0;
    CK_KEY_TYPE type = 0;
    uint8_t id[TRANSPORT_ID_BYTES_MAX] = {0};
    CK_ATTRIBUTE wanted[] = {{CKA_CLASS, &class, sizeof class},
                             {CKA_KEY_TYPE, &type, sizeof type},
                             {CKA_LABEL, label, sizeof label - 1},
                             {CKA_ID, id, sizeof id}};
    CK_RV rv = MODULE_CALL(token->module, C_GetAttributeValue, token->session, object, wanted,
                           sizeof wanted / sizeof wanted[0]);
    if (rv == CKR_BUFFER_TOO_SMALL || rv == CKR_ATTRIBUTE_TYPE_INVALID)
        return HSM_NO_KEY;
    enum hsm_result rc = module_result(rv);
    if (rc != HSM_OK)
        return rc;
    bool is_ours = take_id(id, wanted[3].ulValueLen, &transport.kcv);
    if (!take_label(label, &transport) || (!is_ours && transport.purpose != TRANSPORT_BACKUP))
        return HSM_NO_KEY;
    if (type != CKK_AES && type != CKK_RSA)
        return HSM_REFUSED;
    transport.kind = type == CKK_AES ? TRANSPORT_AES : TRANSPORT_RSA;
    rc = transport.purpose == TRANSPORT_BACKUP ? check_backup(token, &transport)
                                               : find_purpose(token, class, &transport);
    if (rc == HSM_OK)
        *out_transport = transport;
    return rc;
}

static enum hsm_result find_for(struct token *token, const char *start, const char *name,
                                CK_ATTRIBUTE_TYPE purpose, CK_OBJECT_HANDLE *out_object)
{
    char label[TRANSPORT_LABEL_BYTES_MAX + 1] = ""; /* PKCS#11 has no const */
    size_t length = strlen(name);
    CK_BBOOL yes = CK_TRUE;
    if (length == 0 || length > TRANSPORT_NAME_BYTES_MAX)
        return HSM_NO_KEY;
    snprintf(label, sizeof label, "%s%s", start, name);
    CK_ATTRIBUTE fit[] = {{CKA_TOKEN, &yes, sizeof yes},
                          {purpose, &yes, sizeof yes},
                          {CKA_LABEL, label, strlen(label)}};
    return token_find_one(token, fit, sizeof fit / sizeof fit[0], out_object);
}

enum hsm_result transport_find(struct token *token, const char *name,
                               struct transport *out_transport)
{
    struct transport transport = {0};
    CK_OBJECT_HANDLE object = CK_INVALID_HANDLE;
    enum hsm_result rc = find_for(token, "", name, CKA_UNWRAP, &object);
    if (rc == HSM_NO_KEY)
        rc = find_for(token, "", name, CKA_WRAP, &object);
    if (rc == HSM_OK)
        rc = transport_describe(token, object, &transport);
    if (rc == HSM_OK && transport.purpose == TRANSPORT_BACKUP)
        rc = HSM_NO_KEY;
    if (rc == HSM_OK)
        *out_transport = transport;
    return rc;
}

enum hsm_result transport_find_backup(struct token *token, const char *name,
                                      struct transport *out_transport)
{
    CK_OBJECT_HANDLE object = CK_INVALID_HANDLE;
    enum hsm_result rc = find_for(token, BACKUP_KEY_LABEL, name, CKA_WRAP, &object);
    return rc == HSM_OK ? transport_describe(token, object, out_transport) : rc;
}

/*
 * Codes differ: SoftHSM says CKR_GENERAL_ERROR of a damaged blob, as of a lost token. So what a
 * token says that is still there afterwards is said of the blob.
 */
static enum hsm_result judge(struct token *token, CK_RV rv)
{
    switch (rv) {
    case CKR_OK:
        return HSM_OK;
    case CKR_MECHANISM_INVALID:
    case CKR_MECHANISM_PARAM_INVALID:
    case CKR_ARGUMENTS_BAD: /* SoftHSM, of OAEP with another hash than SHA-1 */
    case CKR_FUNCTION_NOT_SUPPORTED:
        return HSM_UNSUPPORTED;
    case CKR_GENERAL_ERROR:
    case CKR_DEVICE_ERROR:
    case CKR_FUNCTION_FAILED:
        return token_alive(token) == HSM_OK ? HSM_BAD_WRAP : HSM_LOST;
    case CKR_WRAPPED_KEY_INVALID:
    case CKR_WRAPPED_KEY_LEN_RANGE:
    case CKR_ENCRYPTED_DATA_INVALID:
    case CKR_ENCRYPTED_DATA_LEN_RANGE:
    case CKR_DATA_LEN_RANGE:
    case CKR_KEY_SIZE_RANGE:
        return HSM_BAD_WRAP;
    default:
        return module_result(rv);
    }
}

static enum hsm_result unwrap_by(struct token *token, const struct way *way,
                                 const struct transport_wrapped *wrapped, CK_ATTRIBUTE *attributes,
                                 CK_ULONG count, CK_OBJECT_HANDLE *out_object)
{
    CK_RSA_PKCS_OAEP_PARAMS oaep;
    CK_MECHANISM mechanism = mechanism_of(way, &oaep);
    return judge(token,
                 MODULE_CALL(token->module, C_UnwrapKey, token->session, &mechanism,
                             wrapped->transport->object, (unsigned char *)(uintptr_t)wrapped->bytes,
                             wrapped->length, attributes, count, out_object));
}

enum hsm_result transport_unwrap(struct token *token, const struct transport_wrapped *wrapped,
                                 CK_ATTRIBUTE *attributes, CK_ULONG count,
                                 CK_OBJECT_HANDLE *out_object)
{
    enum hsm_result result = HSM_UNSUPPORTED;
    if (wrapped->transport->purpose != TRANSPORT_IN)
        return HSM_REFUSED;
    for (size_t i = 0; i < WAY_MECHANISMS; i++) {
        if (ways[i].kind != wrapped->transport->kind)
            continue;
        enum hsm_result rc = unwrap_by(token, &ways[i], wrapped, attributes, count, out_object);
        if (rc != HSM_UNSUPPORTED)
            result = rc;
        if (rc != HSM_UNSUPPORTED && rc != HSM_BAD_WRAP)
            return rc;
    }
    return result;
}

/* A key of the session that can wrap others, for the sake of the length. */
static enum hsm_result make_gauge(struct token *token, CK_OBJECT_HANDLE *out_gauge)
{
    CK_MECHANISM mechanism = {.mechanism = CKM_AES_KEY_GEN};
    CK_ULONG bytes = K_BYTES;
    CK_BBOOL yes = CK_TRUE;
    CK_BBOOL no = CK_FALSE;
    CK_ATTRIBUTE key[] = {{CKA_VALUE_LEN, &bytes, sizeof bytes}, {CKA_TOKEN, &no, sizeof no},
                          {CKA_PRIVATE, &yes, sizeof yes},       {CKA_SENSITIVE, &yes, sizeof yes},
                          {CKA_EXTRACTABLE, &no, sizeof no},     {CKA_WRAP, &yes, sizeof yes}};
    return module_result(MODULE_CALL(token->module, C_GenerateKey, token->session, &mechanism, key,
                                     sizeof key / sizeof key[0], out_gauge));
}

/* Both are objects of the session and are destroyed here; what is wrapped nobody can unwrap. */
static enum hsm_result gauge(struct token *token, CK_OBJECT_HANDLE key, size_t *out_length)
{
    CK_MECHANISM mechanism = {.mechanism = CKM_AES_KEY_WRAP};
    CK_OBJECT_HANDLE wrapping = CK_INVALID_HANDLE;
    uint8_t bytes[TRANSPORT_WRAPPED_BYTES_MAX];
    CK_ULONG length = sizeof bytes;
    enum hsm_result rc = make_gauge(token, &wrapping);
    if (rc == HSM_OK) {
        rc = judge(token, MODULE_CALL(token->module, C_WrapKey, token->session, &mechanism,
                                      wrapping, key, bytes, &length));
        token_discard(token, wrapping);
    }
    if (rc == HSM_OK)
        *out_length = length - KEY_WRAP_ADDS;
    return rc;
}

enum hsm_result transport_measure(struct token *token, const struct transport_wrapped *wrapped,
                                  size_t *out_bytes)
{
    CK_OBJECT_CLASS class = CKO_SECRET_KEY;
    CK_KEY_TYPE type = CKK_GENERIC_SECRET;
    CK_BBOOL yes = CK_TRUE;
    CK_BBOOL no = CK_FALSE;
    CK_ATTRIBUTE object[] = {
        {CKA_CLASS, &class, sizeof class}, {CKA_KEY_TYPE, &type, sizeof type},
        {CKA_TOKEN, &no, sizeof no},       {CKA_PRIVATE, &yes, sizeof yes},
        {CKA_SENSITIVE, &yes, sizeof yes}, {CKA_EXTRACTABLE, &yes, sizeof yes}};
    CK_OBJECT_HANDLE same = CK_INVALID_HANDLE;
    size_t bytes = 0;
    enum hsm_result rc =
        transport_unwrap(token, wrapped, object, sizeof object / sizeof object[0], &same);
    if (rc != HSM_OK)
        return rc;
    rc = gauge(token, same, &bytes);
    token_discard(token, same);
    if (rc != HSM_OK && rc != HSM_BAD_WRAP)
        return rc;
    *out_bytes = rc == HSM_OK ? bytes : 0; /* RFC 3394 is of whole blocks; SoftHSM pads */
    return HSM_OK;
}

/*
 * OAEP does not say how long the key is, SoftHSM doesn't either (CKA_VALUE_LEN of what it unwrapped
 * is 0), and an AES-256 key would be no K. So another object of the same value is measured.
 */
static enum hsm_result check_by_gauge(struct token *token, const struct transport_wrapped *wrapped)
{
    size_t bytes = 0;
    enum hsm_result rc = transport_measure(token, wrapped, &bytes);
    if (rc != HSM_OK)
        return rc;
    return bytes == K_BYTES ? HSM_OK : HSM_BAD_WRAP;
}

static enum hsm_result check_length(struct token *token, const struct transport_wrapped *wrapped,
                                    CK_OBJECT_HANDLE key)
{
    CK_ULONG length = 0;
    CK_ATTRIBUTE attribute = {CKA_VALUE_LEN, &length, sizeof length};
    if (wrapped->transport->kind == TRANSPORT_AES)
        return wrapped->length == K_BYTES + KEY_WRAP_ADDS ? HSM_OK : HSM_BAD_WRAP;
    enum hsm_result rc = module_result(
        MODULE_CALL(token->module, C_GetAttributeValue, token->session, key, &attribute, 1));
    if (rc != HSM_OK)
        return rc;
    if (length == 0)
        return check_by_gauge(token, wrapped);
    return length == K_BYTES ? HSM_OK : HSM_BAD_WRAP;
}

static enum hsm_result make_unwrapped(const void *context, struct token *token,
                                      CK_ATTRIBUTE *attributes, CK_ULONG count,
                                      CK_OBJECT_HANDLE *out_key)
{
    CK_OBJECT_HANDLE key = CK_INVALID_HANDLE;
    enum hsm_result rc = transport_unwrap(token, context, attributes, count, &key);
    if (rc != HSM_OK)
        return rc;
    rc = check_length(token, context, key);
    if (rc == HSM_OK)
        *out_key = key;
    else
        token_discard(token, key);
    return rc;
}

struct key_source transport_source(const struct transport_wrapped *wrapped)
{
    return (struct key_source){make_unwrapped, wrapped};
}

/* HSM_BAD_WRAP: its length is not `bytes`. */
static enum hsm_result read_value(struct token *token, CK_OBJECT_HANDLE object, void *out_value,
                                  size_t bytes)
{
    CK_ATTRIBUTE attribute = {CKA_VALUE, out_value, bytes};
    CK_RV rv =
        MODULE_CALL(token->module, C_GetAttributeValue, token->session, object, &attribute, 1);
    if (rv == CKR_BUFFER_TOO_SMALL || (rv == CKR_OK && attribute.ulValueLen != bytes))
        return HSM_BAD_WRAP;
    return module_result(rv);
}

/* A readable object of the session. */
static enum hsm_result unwrap_to_read(struct token *token, const struct transport_wrapped *wrapped,
                                      CK_OBJECT_HANDLE *out_object)
{
    CK_OBJECT_CLASS class = CKO_SECRET_KEY;
    CK_KEY_TYPE type = CKK_GENERIC_SECRET;
    CK_BBOOL yes = CK_TRUE;
    CK_BBOOL no = CK_FALSE;
    CK_ATTRIBUTE object[] = {
        {CKA_CLASS, &class, sizeof class}, {CKA_KEY_TYPE, &type, sizeof type},
        {CKA_TOKEN, &no, sizeof no},       {CKA_PRIVATE, &yes, sizeof yes},
        {CKA_SENSITIVE, &no, sizeof no},   {CKA_EXTRACTABLE, &yes, sizeof yes}};
    return transport_unwrap(token, wrapped, object, sizeof object / sizeof object[0], out_object);
}

enum hsm_result transport_read(struct token *token, const struct transport_wrapped *wrapped,
                               struct secret128 *out_value)
{
    ERASED(secret128) struct secret128 value = {0};
    CK_OBJECT_HANDLE handle = CK_INVALID_HANDLE;
    enum hsm_result rc = unwrap_to_read(token, wrapped, &handle);
    if (rc != HSM_OK)
        return rc;
    rc = read_value(token, handle, value.bytes, sizeof value.bytes);
    enum hsm_result end = token_destroy(token, handle);
    if (rc == HSM_OK)
        rc = end;
    if (rc == HSM_OK)
        *out_value = value;
    return rc;
}

enum hsm_result transport_read_ha1(struct token *token, const struct transport_wrapped *wrapped,
                                   size_t bytes, struct secret_ha1 *out_ha1)
{
    ERASED(secret_ha1) struct secret_ha1 ha1 = {{0}};
    CK_OBJECT_HANDLE handle = CK_INVALID_HANDLE;
    assert(bytes < sizeof ha1.text);
    enum hsm_result rc = unwrap_to_read(token, wrapped, &handle);
    if (rc != HSM_OK)
        return rc;
    rc = read_value(token, handle, ha1.text, bytes);
    if (rc == HSM_BAD_WRAP || (rc == HSM_OK && strlen(ha1.text) != bytes))
        rc = HSM_BAD_HA1;
    enum hsm_result end = token_destroy(token, handle);
    if (rc == HSM_OK)
        rc = end;
    if (rc == HSM_OK)
        *out_ha1 = ha1;
    return rc;
}

static bool is_way_out(const struct way *way, enum transport_kind kind)
{
    return way->kind == kind && way->name != TRANSPORT_RFC5649;
}

enum hsm_result transport_wrap(struct token *token, const struct transport *transport,
                               CK_OBJECT_HANDLE object,
                               uint8_t out_bytes[TRANSPORT_WRAPPED_BYTES_MAX], size_t *out_length,
                               enum transport_way *out_way)
{
    enum hsm_result rc = HSM_UNSUPPORTED;
    if (transport->purpose != TRANSPORT_OUT)
        return HSM_REFUSED;
    for (size_t i = 0; i < WAY_MECHANISMS && rc == HSM_UNSUPPORTED; i++) {
        CK_RSA_PKCS_OAEP_PARAMS oaep;
        CK_MECHANISM mechanism = mechanism_of(&ways[i], &oaep);
        CK_ULONG length = TRANSPORT_WRAPPED_BYTES_MAX;
        if (!is_way_out(&ways[i], transport->kind))
            continue;
        rc = judge(token, MODULE_CALL(token->module, C_WrapKey, token->session, &mechanism,
                                      transport->object, object, out_bytes, &length));
        if (rc == HSM_OK) {
            *out_length = length;
            *out_way = ways[i].name;
        }
    }
    return rc;
}

enum hsm_result transport_wrap_value(struct token *token, const struct transport *transport,
                                     const struct secret128 *value,
                                     uint8_t out_bytes[TRANSPORT_WRAPPED_BYTES_MAX],
                                     size_t *out_length)
{
    ERASED(secret128) struct secret128 copy = *value; /* PKCS#11 has no const */
    CK_OBJECT_CLASS class = CKO_SECRET_KEY;
    CK_KEY_TYPE type = CKK_GENERIC_SECRET;
    CK_BBOOL yes = CK_TRUE;
    CK_BBOOL no = CK_FALSE;
    CK_ATTRIBUTE object[] = {{CKA_CLASS, &class, sizeof class},
                             {CKA_KEY_TYPE, &type, sizeof type},
                             {CKA_TOKEN, &no, sizeof no},
                             {CKA_PRIVATE, &yes, sizeof yes},
                             {CKA_SENSITIVE, &yes, sizeof yes},
                             {CKA_EXTRACTABLE, &yes, sizeof yes},
                             {CKA_VALUE, copy.bytes, sizeof copy.bytes}};
    CK_OBJECT_HANDLE handle = CK_INVALID_HANDLE;
    enum transport_way way = TRANSPORT_RFC3394;
    enum hsm_result rc =
        module_result(MODULE_CALL(token->module, C_CreateObject, token->session, object,
                                  sizeof object / sizeof object[0], &handle));
    if (rc != HSM_OK)
        return rc;
    rc = transport_wrap(token, transport, handle, out_bytes, out_length, &way);
    enum hsm_result end = token_destroy(token, handle);
    return rc != HSM_OK ? rc : end;
}
