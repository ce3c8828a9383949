#include "import_terms.h"

#include <errno.h>
#include <inttypes.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "hex.h"
#include "names.h"
#include "secret.h"
#include "text.h"

#define KEY_BYTES 16
#define WRAP_ADDS 8 /* RFC 3394, and RFC 5649 to whole blocks */
#define SHOWN_BYTES_MAX 64
#define DEFAULT_AMF_DIGITS 4
#define BASE64_BYTES_MAX (IMPORT_BLOB_BYTES_MAX / 3 * 4 + 8)

typedef const char *(*check_name)(const char *text);

static bool fail(char *out_why, enum import_column column, const char *value, const char *reason)
{
    bool show =
        value != NULL && strlen(value) <= SHOWN_BYTES_MAX && text_is_clean(value, strlen(value));
    snprintf(out_why, IMPORT_WHY_BYTES, "%s%s%s%s: %s", import_column_name(column),
             show ? " \"" : "", show ? value : "", show ? "\"" : "", reason);
    return false;
}

static bool check_one(enum import_column column, const char *text, check_name check, char *out_why)
{
    const char *wrong = check(text);
    return wrong == NULL ? true : fail(out_why, column, text, wrong);
}

static bool take_item(enum import_column column, char *item, size_t most, const char **list,
                      size_t *count, char *out_why)
{
    for (size_t i = 0; i < *count; i++) {
        if (strcmp(list[i], item) == 0)
            return fail(out_why, column, item, "it is given twice");
    }
    if (*count == most)
        return fail(out_why, column, NULL, "too many values");
    list[(*count)++] = item;
    return true;
}

/* Values stand between | where there is one, else between blanks. */
static bool take_list(const struct import_row *row, enum import_column column, check_name check,
                      size_t most, const char **list, size_t *count, char *out_why)
{
    char *rest = NULL;
    if (row->values[column] == NULL)
        return true;
    const char *between = strchr(row->values[column], '|') != NULL ? "|" : " \t";
    for (char *item = strtok_r(row->values[column], between, &rest); item != NULL;
         item = strtok_r(NULL, between, &rest)) {
        item += strspn(item, " \t");
        size_t length = strlen(item);
        while (length > 0 && (item[length - 1] == ' ' || item[length - 1] == '\t'))
            item[--length] = '\0';
        if (!check_one(column, item, check, out_why) ||
            !take_item(column, item, most, list, count, out_why))
            return false;
    }
    return true;
}

static bool take_number(const struct import_row *row, enum import_column column, int64_t least,
                        int64_t most, int64_t *number, char *out_why)
{
    const char *text = row->values[column];
    char *end = NULL;
    char reason[96];
    if (text == NULL)
        return true;
    errno = 0;
    long long value = strtoll(text, &end, 10);
    if (text[0] >= '0' && text[0] <= '9' && *end == '\0' && errno == 0 && value >= least &&
        value <= most) {
        *number = value;
        return true;
    }
    snprintf(reason, sizeof reason, "it is not a number from %" PRId64 " to %" PRId64, least, most);
    return fail(out_why, column, text, reason);
}

static bool take_switch(const struct import_row *row, enum import_column column, bool *on,
                        char *out_why)
{
    const char *text = row->values[column];
    if (text == NULL || strcmp(text, "0") == 0 || strcasecmp(text, "no") == 0)
        return true;
    *on = strcmp(text, "1") == 0 || strcasecmp(text, "yes") == 0;
    return *on ? true : fail(out_why, column, text, "it is neither 1 nor 0, yes nor no");
}

/* Long enough to be a key, and nothing behind it: -1 is no base64. */
static int decode_base64(const char *text, size_t length, uint8_t *octets, size_t room)
{
    uint8_t bytes[BASE64_BYTES_MAX];
    if (length == 0 || length % 4 != 0 || length / 4 * 3 > sizeof bytes)
        return -1;
    int got = EVP_DecodeBlock(bytes, (const unsigned char *)text, (int)length);
    if (got < 0)
        return -1;
    got -= text[length - 1] == '=';
    got -= text[length - 2] == '=';
    if ((size_t)got > room)
        got = -1;
    else
        memcpy(octets, bytes, (size_t)got);
    secret_wipe(bytes, sizeof bytes);
    return got;
}

/* What a secret is in a file: in clear, and what of it is wrapped. */
struct form {
    size_t clear_bytes;
    size_t wrapped_bytes;
};

static const struct form key_form = {KEY_BYTES, KEY_BYTES + WRAP_ADDS};

/* H(A1) is wrapped as the hex digits that it is used as. */
static struct form ha1_form(enum digest_hash hash)
{
    size_t bytes = digest_hash_bytes(hash);
    return (struct form){bytes, 2 * bytes + WRAP_ADDS};
}

static bool is_good_length(struct form form, size_t bytes, bool wrapped)
{
    if (!wrapped)
        return bytes == form.clear_bytes;
    return bytes == form.wrapped_bytes || bytes == 256 || bytes == 384 || bytes == 512;
}

/* XML breaks long base64 into lines. */
static size_t without_blanks(char *text)
{
    size_t used = 0;
    for (size_t i = 0; text[i] != '\0'; i++) {
        if (strchr(" \t\r\n", text[i]) == NULL)
            text[used++] = text[i];
    }
    text[used] = '\0';
    return used;
}

/* Of wrapped bytes no base64 text has ever but these digits. */
static bool is_clear_hex(struct form form, const char *text, size_t length)
{
    return length == 2 * form.clear_bytes && strspn(text, "0123456789abcdefABCDEF") == length;
}

static bool fail_length(enum import_column column, struct form form, bool wrapped, char *out_why)
{
    char reason[96];
    if (wrapped)
        snprintf(reason, sizeof reason,
                 "it is not %zu bytes (AES key wrap) or an RSA block, in hex or base64",
                 form.wrapped_bytes);
    else
        snprintf(reason, sizeof reason, "it is not %zu bytes, in hex or base64", form.clear_bytes);
    return fail(out_why, column, NULL, reason);
}

/* Hex where it is hex of a good length: no base64 text of these lengths has as many digits. */
static bool take_secret(const struct import_row *row, enum import_column column, struct form form,
                        bool wrapped, struct import_blob *out, char *out_why)
{
    char *text = row->values[column];
    char reason[64];
    size_t length = without_blanks(text);
    if (length % 2 == 0 && is_good_length(form, length / 2, wrapped) &&
        hex_decode(text, length, out->octets, length / 2)) {
        out->bytes = length / 2;
        return true;
    }
    if (wrapped && is_clear_hex(form, text, length)) {
        snprintf(reason, sizeof reason, "it is %zu bytes in hex, not wrapped", form.clear_bytes);
        return fail(out_why, column, NULL, reason);
    }
    int got = decode_base64(text, length, out->octets, sizeof out->octets);
    if (got <= 0 || !is_good_length(form, (size_t)got, wrapped))
        return fail_length(column, form, wrapped, out_why);
    out->bytes = (size_t)got;
    return true;
}

static bool take_k(const struct import_row *row, bool wrapped, struct import_terms *terms,
                   char *out_why)
{
    const char *op = row->values[IMPORT_OP];
    const char *opc = row->values[IMPORT_OPC];
    const char *kcv = row->values[IMPORT_KCV];
    if (row->values[IMPORT_K] == NULL)
        return fail(out_why, IMPORT_K, NULL, "it is empty");
    if ((op == NULL) == (opc == NULL))
        return fail(out_why, IMPORT_OPC, NULL,
                    op == NULL ? "neither OP nor OPc is given" : "both OP and OPc are given");
    terms->op_is_opc = opc != NULL;
    if (kcv != NULL && !kcv_from_text(kcv, strlen(kcv), &terms->kcv))
        return fail(out_why, IMPORT_KCV, kcv, "it is not 6 to 10 hex digits, or cmac: and these");
    return take_secret(row, IMPORT_K, key_form, wrapped, &terms->k, out_why) &&
           take_secret(row, opc != NULL ? IMPORT_OPC : IMPORT_OP, key_form, wrapped, &terms->op,
                       out_why);
}

static const struct {
    enum import_column value;
    enum import_column kcv;
} ha1_columns[DIGEST_HASHES] = {
    [DIGEST_MD5] = {IMPORT_HA1_MD5, IMPORT_HA1_MD5_KCV},
    [DIGEST_SHA_256] = {IMPORT_HA1_SHA_256, IMPORT_HA1_SHA_256_KCV},
    [DIGEST_SHA_512_256] = {IMPORT_HA1_SHA_512_256, IMPORT_HA1_SHA_512_256_KCV},
};

enum import_column import_ha1_column(enum digest_hash hash)
{
    return ha1_columns[hash].value;
}

static bool take_ha1_kcv(const struct import_row *row, enum import_column column, bool needed,
                         struct kcv *kcv, char *out_why)
{
    const char *text = row->values[column];
    if (text == NULL)
        return needed ? fail(out_why, column, NULL, "it is empty") : true;
    return kcv_of_ha1_from_text(text, strlen(text), kcv) ||
           fail(out_why, column, text, "it is not sha256: and 6 to 10 hex digits");
}

static bool take_ha1(const struct import_row *row, enum digest_hash hash, bool wrapped,
                     struct import_ha1 *ha1, char *out_why)
{
    enum import_column column = ha1_columns[hash].value;
    enum import_column kcv = ha1_columns[hash].kcv;
    if (row->values[column] == NULL)
        return row->values[kcv] == NULL ? true : fail(out_why, column, NULL, "it is empty");
    if (!take_secret(row, column, ha1_form(hash), wrapped, &ha1->blob, out_why) ||
        !take_ha1_kcv(row, kcv, wrapped, &ha1->kcv, out_why))
        return false;
    if (!wrapped)
        hex_encode(ha1->blob.octets, ha1->blob.bytes, ha1->clear.text);
    return true;
}

/* K may be left out where there is a secret of SIP digest. */
static void find_secrets(const struct import_row *row, struct import_terms *terms)
{
    for (enum digest_hash hash = 0; hash < DIGEST_HASHES; hash++)
        terms->has_digest = terms->has_digest || row->values[ha1_columns[hash].value] != NULL;
    terms->has_k = !terms->has_digest || row->values[IMPORT_K] != NULL ||
                   row->values[IMPORT_OP] != NULL || row->values[IMPORT_OPC] != NULL ||
                   row->values[IMPORT_KCV] != NULL;
}

static bool take_secrets(const struct import_row *row, bool wrapped, struct import_terms *terms,
                         char *out_why)
{
    for (enum digest_hash hash = 0; hash < DIGEST_HASHES; hash++) {
        if (!take_ha1(row, hash, wrapped, &terms->ha1[hash], out_why))
            return false;
    }
    if (!terms->has_digest && row->values[IMPORT_DIGEST_REALM] != NULL)
        return fail(out_why, IMPORT_DIGEST_REALM, NULL, "the line has no digest secret");
    return !terms->has_k || take_k(row, wrapped, terms, out_why);
}

/* What this ISIM can't do, and what the card side of AKA has no use for but must be well formed. */
static bool check_algorithm(const struct import_row *row, char *out_why)
{
    uint8_t amf[DEFAULT_AMF_DIGITS / 2];
    const char *algorithm = row->values[IMPORT_ALGORITHM];
    const char *text = row->values[IMPORT_AMF];
    if (algorithm != NULL && strcasecmp(algorithm, "milenage") != 0)
        return fail(out_why, IMPORT_ALGORITHM, algorithm, "only milenage can be run");
    if (text != NULL && !hex_decode(text, strlen(text), amf, sizeof amf))
        return fail(out_why, IMPORT_AMF, text, "it is not 4 hex digits");
    return true;
}

static bool take_single(const struct import_row *row, enum import_column column, check_name check,
                        bool needed, const char **out_text, char *out_why)
{
    const char *text = row->values[column];
    if (text == NULL)
        return needed ? fail(out_why, column, NULL, "it is empty") : true;
    *out_text = text;
    return check_one(column, text, check, out_why);
}

static bool take_names(const struct import_row *row, struct import_terms *terms, char *out_why)
{
    struct arguments *arguments = &terms->arguments;
    if (!take_single(row, IMPORT_IMPI, terms->has_k ? names_check_impi : names_check_username, true,
                     &arguments->impi, out_why) ||
        !take_list(row, IMPORT_IMPUS, names_check_impu, IMPUS_MAX, arguments->impus,
                   &arguments->impus_count, out_why) ||
        !take_list(row, IMPORT_USER_IDS, names_check_user_id, USER_IDS_MAX, arguments->user_ids,
                   &arguments->user_ids_count, out_why) ||
        !take_single(row, IMPORT_DOMAIN, names_check_domain, true, &arguments->domain, out_why) ||
        !take_list(row, IMPORT_P_CSCFS, names_check_p_cscf, P_CSCFS_MAX, arguments->p_cscfs,
                   &arguments->p_cscfs_count, out_why) ||
        !take_single(row, IMPORT_WEBRTC_URI, names_check_webrtc_uri, false, &arguments->webrtc_uri,
                     out_why) ||
        !take_single(row, IMPORT_DIGEST_REALM, names_check_realm, false, &arguments->digest_realm,
                     out_why))
        return false;
    if (arguments->impus_count == 0)
        return fail(out_why, IMPORT_IMPUS, NULL, "it is empty");
    if (arguments->user_ids_count == 0)
        return fail(out_why, IMPORT_USER_IDS, NULL, "it is empty");
    return true;
}

bool import_terms_of(struct import_row *row, bool wrapped, struct import_terms *out,
                     char out_why[IMPORT_WHY_BYTES])
{
    struct arguments *arguments = &out->arguments;
    secret_wipe(out, sizeof *out);
    arguments->ind_bits = SQN_IND_BITS_USUAL;
    arguments->delta = SQN_DELTA_USUAL;
    out->wrap = row->wrap;
    out->transport_key = row->values[IMPORT_TRANSPORT_KEY];
    find_secrets(row, out);
    return check_algorithm(row, out_why) && take_names(row, out, out_why) &&
           take_number(row, IMPORT_IND_BITS, 0, SQN_IND_BITS_MAX, &arguments->ind_bits, out_why) &&
           take_number(row, IMPORT_DELTA, 1, NUMBER_48_BITS, &arguments->delta, out_why) &&
           take_number(row, IMPORT_AGE_LIMIT, 0, NUMBER_48_BITS, &arguments->age_limit, out_why) &&
           take_switch(row, IMPORT_GBA, &arguments->gba, out_why) &&
           take_secrets(row, wrapped, out, out_why);
}
