/* nisim-token export: subscribers in an HSS's input form, K and OPc under its transport key. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "act_trail.h"
#include "enrol_wrapped.h"
#include "export_form.h"
#include "hex.h"
#include "verbs.h"

#define IMSI_DIGITS_MIN 6
#define RENEW_ROWS 4096
#define RECORDED_ROWS 256 /* in the audit trail at once, before a secret of them is written */

struct export
{
    struct office *office;
    const struct arguments *arguments;
    export_form form;
    struct transport transport; /* where --clear is not given */
    FILE *file;
    size_t count; /* of rows */
    struct subscription *rows;
    size_t written;
    size_t left_out;
    struct export_facts facts;
};

/* K as an object of the session that may leave: wrapped, or with `clear` as it is. */
static enum hsm_result unwrap_k(struct token *token, const struct wrapped_keys *keys, bool clear,
                                CK_OBJECT_HANDLE *out_k)
{
    CK_OBJECT_CLASS class = CKO_SECRET_KEY;
    CK_KEY_TYPE type = CKK_AES;
    CK_BBOOL yes = CK_TRUE;
    CK_BBOOL no = CK_FALSE;
    CK_BBOOL sensitive = clear ? CK_FALSE : CK_TRUE;
    CK_ATTRIBUTE key[] = {{CKA_CLASS, &class, sizeof class},
                          {CKA_KEY_TYPE, &type, sizeof type},
                          {CKA_TOKEN, &no, sizeof no},
                          {CKA_PRIVATE, &yes, sizeof yes},
                          {CKA_SENSITIVE, &sensitive, sizeof sensitive},
                          {CKA_EXTRACTABLE, &yes, sizeof yes},
                          {CKA_ENCRYPT, &yes, sizeof yes},
                          {CKA_DECRYPT, &no, sizeof no},
                          {CKA_DERIVE, &no, sizeof no}};
    return token_kek_unwrap(token, &keys->kek, &keys->k, key, sizeof key / sizeof key[0], out_k);
}

static enum hsm_result read_value(struct token *token, CK_OBJECT_HANDLE key,
                                  struct export_facts *facts)
{
    ERASED(secret128) struct secret128 value = {0};
    CK_ATTRIBUTE attribute = {CKA_VALUE, value.bytes, sizeof value.bytes};
    enum hsm_result rc = module_result(
        MODULE_CALL(token->module, C_GetAttributeValue, token->session, key, &attribute, 1));
    if (rc == HSM_OK)
        hex_encode(value.bytes, sizeof value.bytes, facts->k);
    return rc;
}

static enum hsm_result wrap_k(struct export *export, CK_OBJECT_HANDLE k)
{
    uint8_t bytes[TRANSPORT_WRAPPED_BYTES_MAX];
    size_t length = 0;
    enum hsm_result rc = transport_wrap(export->office->token, &export->transport, k, bytes,
                                        &length, &export->facts.way);
    if (rc == HSM_OK)
        hex_encode(bytes, length, export->facts.k);
    return rc;
}

static enum hsm_result take_opc(struct export *export, const struct secret128 *opc)
{
    uint8_t bytes[TRANSPORT_WRAPPED_BYTES_MAX];
    size_t length = 0;
    if (export->arguments->clear) {
        hex_encode(opc->bytes, sizeof opc->bytes, export->facts.opc);
        return HSM_OK;
    }
    enum hsm_result rc =
        transport_wrap_value(export->office->token, &export->transport, opc, bytes, &length);
    if (rc == HSM_OK)
        hex_encode(bytes, length, export->facts.opc);
    return rc;
}

static enum hsm_result take_keys(struct export *export, const struct wrapped_keys *keys)
{
    struct token *token = export->office->token;
    bool clear = export->arguments->clear;
    ERASED(secret128) struct secret128 opc = {0};
    CK_OBJECT_HANDLE k = CK_INVALID_HANDLE;
    enum hsm_result rc = unwrap_k(token, keys, clear, &k);
    if (rc == HSM_OK)
        rc = kcv_of(token, k, &export->facts.kcv);
    if (rc == HSM_OK)
        rc = clear ? read_value(token, k, &export->facts) : wrap_k(export, k);
    if (rc == HSM_OK)
        rc = enrol_uncover(token, k, &keys->opc, &opc);
    if (rc == HSM_OK)
        rc = take_opc(export, &opc);
    token_discard(token, k);
    return rc;
}

/* IMPI of the card's form (TS 23.003 13.3): what stands before the @. */
static bool take_imsi(const char *impi, char out_imsi[EXPORT_IMSI_BYTES])
{
    size_t digits = strspn(impi, "0123456789");
    if (impi[digits] != '@' || digits < IMSI_DIGITS_MIN || digits >= EXPORT_IMSI_BYTES)
        return false;
    memcpy(out_imsi, impi, digits);
    out_imsi[digits] = '\0';
    return true;
}

static enum outcome take_sqn(struct export *export, const struct subscription *subscription)
{
    struct sqn_array array = {0};
    int64_t version = 0;
    uint64_t highest = 0;
    enum store_result result =
        store_sqn_read(export->office->store, subscription->row, &array, &version);
    if (result != STORE_OK)
        return office_fail_store(export->office, result);
    for (size_t i = 0; i < sizeof array.seq / sizeof array.seq[0]; i++)
        highest = array.seq[i] > highest ? array.seq[i] : highest;
    export->facts.sqn = highest << subscription->profile.ind_bits;
    return OUTCOME_DONE;
}

/* Why this one can't be exported; NULL: it can. */
static const char *why_not(const struct subscription *subscription)
{
    char imsi[EXPORT_IMSI_BYTES];
    if (subscription->digest.is_alone)
        return "it has SIP digest alone";
    if (subscription->residence != RESIDENCE_WRAPPED)
        return "its K is an object of the token, which lets it out in no form";
    if (!take_imsi(subscription->identity.impi, imsi))
        return "its IMPI is not IMSI@realm, and an HSS wants the IMSI";
    return NULL;
}

static enum outcome find_transport(struct export *export)
{
    const char *name = export->arguments->hss_key;
    if (export->arguments->clear)
        return OUTCOME_DONE;
    enum hsm_result rc = transport_find(export->office->token, name, &export->transport);
    if (rc == HSM_NO_KEY)
        return outcome_fail(OUTCOME_USAGE, "the token has no transport key \"%s\"", name);
    if (rc != HSM_OK)
        return office_fail_hsm(export->office, rc, "transport key");
    if (export->transport.purpose != TRANSPORT_OUT)
        return outcome_fail(OUTCOME_USAGE,
                            "transport key \"%s\" unwraps what comes in; an export needs one for "
                            "the way out",
                            name);
    export->facts.transport_name = export->transport.name;
    return OUTCOME_DONE;
}

static enum outcome write_one(struct export *export, const struct subscription *subscription)
{
    enum outcome outcome = take_sqn(export, subscription);
    if (outcome != OUTCOME_DONE)
        return outcome;
    (void)take_imsi(subscription->identity.impi, export->facts.imsi); /* why_not found it good */
    export->facts.subscription = subscription;
    enum hsm_result rc = take_keys(export, &subscription->wrapped);
    if (rc != HSM_OK)
        return office_fail_hsm(export->office, rc, subscription->identity.impi);
    if (!export->form(export->file, &export->facts) || ferror(export->file) != 0)
        return outcome_fail(OUTCOME_FAILED, "%s can't be written: %s", export->arguments->output,
                            strerror(errno));
    if (++export->written % RENEW_ROWS != 0)
        return OUTCOME_DONE;
    outcome = office_renew_token(export->office);
    return outcome == OUTCOME_DONE ? find_transport(export) : outcome;
}

static enum outcome record_rows(struct export *export)
{
    struct act_trail trail;
    struct office *office = export->office;
    enum outcome outcome = act_trail_open(office, &trail);
    if (outcome == OUTCOME_DONE) {
        for (size_t i = 0; i < export->count; i++)
            act_trail_add_part(office, &trail, export->rows[i].identity.impi, NULL);
        outcome = act_trail_write(office, &trail);
    }
    if (outcome == OUTCOME_DONE)
        outcome = act_trail_confirm(office);
    act_trail_close(&trail);
    return outcome;
}

/* Whose secret is in the file is in the audit trail, though all else be lost. */
static enum outcome write_rows(struct export *export)
{
    if (export->count == 0)
        return OUTCOME_DONE;
    enum outcome outcome = record_rows(export);
    for (size_t i = 0; outcome == OUTCOME_DONE && i < export->count; i++)
        outcome = write_one(export, &export->rows[i]);
    export->count = 0;
    return outcome;
}

static enum outcome take_row(struct export *export, const struct subscription *subscription)
{
    export->rows[export->count++] = *subscription;
    return export->count == RECORDED_ROWS ? write_rows(export) : OUTCOME_DONE;
}

static enum outcome export_row(struct export *export, const struct subscription *subscription)
{
    enum hsm_result sealed = subscription_check_seal(export->office->token, subscription);
    if (sealed != HSM_OK && sealed != HSM_BAD_ANSWER)
        return office_fail_hsm(export->office, sealed, "checking the record's seal");
    const char *why = sealed == HSM_BAD_ANSWER ? "its record was altered" : why_not(subscription);
    if (why == NULL)
        return take_row(export, subscription);
    outcome_warn("%s is left out: %s", subscription->identity.impi, why);
    export->left_out++;
    return OUTCOME_DONE;
}

static enum outcome export_all(struct export *export)
{
    struct subscription *subscription = &export->office->subscription;
    enum outcome outcome = OUTCOME_DONE;
    enum store_result result = STORE_OK;
    int64_t row = 0;
    while (outcome == OUTCOME_DONE &&
           (result = store_next(export->office->store, row, subscription)) == STORE_OK) {
        row = subscription->row;
        outcome = export_row(export, subscription);
    }
    if (outcome == OUTCOME_DONE && result != STORE_NOT_FOUND)
        return office_fail_store(export->office, result);
    return outcome == OUTCOME_DONE ? write_rows(export) : outcome;
}

/* A new file, its owner's alone; gone again unless all of it could be written. */
static enum outcome write_file(struct export *export)
{
    const char *path = export->arguments->output;
    int descriptor = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (descriptor < 0)
        return outcome_fail(OUTCOME_USAGE, "--output %s: %s", path, strerror(errno));
    export->file = fdopen(descriptor, "w");
    if (export->file == NULL) {
        close(descriptor);
        (void)unlink(path);
        return outcome_fail(OUTCOME_FAILED, "memory is short");
    }
    enum outcome outcome = export_all(export);
    bool written = fflush(export->file) == 0 && fsync(descriptor) == 0;
    int saved = errno;
    if (fclose(export->file) != 0 || !written) {
        if (outcome == OUTCOME_DONE)
            outcome =
                outcome_fail(OUTCOME_FAILED, "%s can't be written: %s", path, strerror(saved));
    }
    if (outcome != OUTCOME_DONE)
        (void)unlink(path);
    return outcome;
}

static enum outcome check_options(const struct arguments *arguments)
{
    if (arguments->format == NULL)
        return outcome_fail(OUTCOME_USAGE,
                            "export needs --format, what the HSS is: there are " EXPORT_FORMS);
    if (export_form_find(arguments->format) == NULL)
        return outcome_fail(OUTCOME_USAGE, "--format \"%s\": there are " EXPORT_FORMS,
                            arguments->format);
    if (arguments->output == NULL)
        return outcome_fail(OUTCOME_USAGE, "export needs --output FILE");
    if ((arguments->hss_key == NULL) != arguments->clear)
        return outcome_fail(OUTCOME_USAGE,
                            "export needs --hss-key NAME, or --clear on a laboratory's token");
    return OUTCOME_DONE;
}

static enum outcome open_office(struct export *export)
{
    struct office *office = export->office;
    enum outcome outcome = office_open_store(office, false);
    if (outcome == OUTCOME_DONE)
        outcome = office_open_token(office, true);
    if (outcome == OUTCOME_DONE)
        outcome = office_prove_token(office);
    if (outcome != OUTCOME_DONE || !export->arguments->clear)
        return outcome;
    if (!office->is_laboratory)
        return outcome_fail(OUTCOME_USAGE,
                            "token \"%s\" is no laboratory's: no key leaves it in clear text",
                            office->token->label);
    outcome_warn("CLEAR-TEXT LABORATORY EXPORT: each K is in %s in clear. Never do this with a key "
                 "of a live network.",
                 export->arguments->output);
    return OUTCOME_DONE;
}

enum outcome export_hss(struct office *office, const struct arguments *arguments)
{
    struct export export = {.office = office, .arguments = arguments};
    enum outcome outcome = check_options(arguments);
    if (outcome != OUTCOME_DONE)
        return outcome;
    export.form = export_form_find(arguments->format);
    export.rows = calloc(RECORDED_ROWS, sizeof *export.rows);
    if (export.rows == NULL)
        return outcome_fail(OUTCOME_FAILED, "memory is short");
    outcome = open_office(&export);
    if (outcome == OUTCOME_DONE)
        outcome = find_transport(&export);
    if (outcome == OUTCOME_DONE)
        outcome = write_file(&export);
    free(export.rows);
    secret_wipe(&export.facts, sizeof export.facts);
    act_tell(office, "%zu subscribers, %zu left out", export.written, export.left_out);
    if (outcome == OUTCOME_DONE)
        printf("%zu subscribers in %s, %zu left out\n", export.written, arguments->output,
               export.left_out);
    return outcome;
}
