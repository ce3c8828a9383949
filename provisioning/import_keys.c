#include "import_keys.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "credentials.h"
#include "digest_ways.h"
#include "transport.h"

struct import_keys {
    struct office *office;
    bool clear;
    bool resident;
    const char *transport_name; /* NULL: each file or row says which */
    struct transport transport; /* the last one that was asked for; no name: none yet */
};

/* A session copy is faster to use than a token object, where the token makes one. */
static enum hsm_result find_transport(struct import_keys *keys, const char *name)
{
    struct token *token = keys->office->token;
    CK_OBJECT_HANDLE copy = CK_INVALID_HANDLE;
    if (strcmp(keys->transport.name, name) == 0)
        return HSM_OK;
    enum hsm_result rc = transport_find(token, name, &keys->transport);
    if (rc != HSM_OK) {
        keys->transport.name[0] = '\0';
        return rc;
    }
    if (token->abilities.session_copy &&
        token_copy_to_session(token, keys->transport.object, &copy) == HSM_OK)
        keys->transport.object = copy;
    return HSM_OK;
}

static enum outcome check_transport(struct import_keys *keys)
{
    const char *name = keys->transport_name;
    enum hsm_result rc = find_transport(keys, name);
    if (rc == HSM_NO_KEY)
        return outcome_fail(OUTCOME_USAGE, "the token has no transport key \"%s\"", name);
    if (rc != HSM_OK)
        return office_fail_hsm(keys->office, rc, "transport key");
    if (keys->transport.purpose != TRANSPORT_IN)
        return outcome_fail(OUTCOME_USAGE,
                            "transport key \"%s\" wraps keys on their way out; an "
                            "import needs one for the way in",
                            name);
    return OUTCOME_DONE;
}

static enum outcome read_options(const struct arguments *arguments, struct import_keys *keys)
{
    enum residence residence = RESIDENCE_WRAPPED;
    if (arguments->residence != NULL) {
        enum outcome outcome = residence_read(arguments, &residence);
        if (outcome != OUTCOME_DONE)
            return outcome;
    }
    keys->clear = arguments->clear;
    keys->transport_name = arguments->transport_key;
    keys->resident = residence == RESIDENCE_RESIDENT;
    if (keys->clear && keys->transport_name != NULL)
        return outcome_fail(OUTCOME_USAGE, "--clear and --transport-key are both given");
    if (keys->transport_name != NULL)
        return check_transport(keys);
    if (keys->clear && !keys->office->is_laboratory)
        return outcome_fail(OUTCOME_USAGE,
                            "token \"%s\" is no laboratory's: it takes no key and no digest "
                            "secret in clear text. Have them wrapped, or make a token with init "
                            "--laboratory",
                            keys->office->token->label);
    if (keys->clear)
        outcome_warn("CLEAR-TEXT LABORATORY IMPORT: each K or H(A1) of %s is outside the token in "
                     "clear, and passes through this machine's memory. Never do this with a key "
                     "of a live network.",
                     arguments->name);
    return OUTCOME_DONE;
}

enum outcome import_keys_new(struct office *office, const struct arguments *arguments,
                             struct import_keys **out_keys)
{
    struct import_keys *keys = calloc(1, sizeof *keys);
    if (keys == NULL)
        return outcome_fail(OUTCOME_FAILED, "memory is short");
    keys->office = office;
    enum outcome outcome = read_options(arguments, keys);
    if (outcome == OUTCOME_DONE)
        *out_keys = keys;
    else
        free(keys);
    return outcome;
}

void import_keys_free(struct import_keys **keys)
{
    free(*keys);
    *keys = NULL;
}

static bool refuse(char out_why[IMPORT_WHY_BYTES], const char *reason)
{
    snprintf(out_why, IMPORT_WHY_BYTES, "%s", reason);
    return false;
}

bool import_keys_are_wrapped(const struct import_keys *keys, const struct import_row *row,
                             bool *out_wrapped, char out_why[IMPORT_WHY_BYTES])
{
    bool in_clear = row->wrap == IMPORT_WRAP_NONE;
    bool named = keys->transport_name != NULL || row->values[IMPORT_TRANSPORT_KEY] != NULL;
    if (keys->clear && !in_clear && row->wrap != IMPORT_WRAP_FREE)
        return refuse(out_why, "its keys are encrypted, and --clear is given");
    if (!keys->clear && in_clear)
        return refuse(out_why,
                      "its keys are in clear text, which only --clear takes, in laboratories");
    if (!keys->clear && !named)
        return refuse(out_why, "nothing says which transport key unwraps it: --transport-key NAME");
    *out_wrapped = !keys->clear;
    return true;
}

static enum import_made judge(struct import_keys *keys, enum hsm_result rc, const char *what,
                              enum outcome *out_outcome, char out_why[IMPORT_WHY_BYTES])
{
    if (rc == HSM_OK)
        return IMPORT_MADE;
    if (rc == HSM_BAD_WRAP || rc == HSM_BAD_KCV || rc == HSM_BAD_HA1) {
        snprintf(out_why, IMPORT_WHY_BYTES, "%s: %s", what, hsm_result_text(rc));
        return IMPORT_REFUSED;
    }
    *out_outcome = office_fail_hsm(keys->office, rc, what);
    return IMPORT_FATAL;
}

static enum import_made refuse_transport(char out_why[IMPORT_WHY_BYTES], const char *reason)
{
    snprintf(out_why, IMPORT_WHY_BYTES, "transport_key: %s", reason);
    return IMPORT_REFUSED;
}

/* A token that is lost is no row's fault: refused, the row would be left out for good. */
static enum import_made choose_transport(struct import_keys *keys, const struct import_terms *terms,
                                         enum outcome *out_outcome, char out_why[IMPORT_WHY_BYTES])
{
    bool is_rsa_block = terms->wrap == IMPORT_WRAP_OAEP;
    const char *name = keys->transport_name;
    if (keys->clear)
        return IMPORT_MADE;
    if (name == NULL)
        name = terms->transport_key;
    enum hsm_result rc = find_transport(keys, name);
    if (rc == HSM_LOST || rc == HSM_FULL || rc == HSM_NO_MEMORY)
        return judge(keys, rc, "transport key", out_outcome, out_why);
    if (rc != HSM_OK || keys->transport.purpose != TRANSPORT_IN)
        return refuse_transport(out_why,
                                "the token has no transport key of this name for the way in");
    if (terms->wrap != IMPORT_WRAP_FREE && is_rsa_block != (keys->transport.kind == TRANSPORT_RSA))
        return refuse_transport(out_why, "this EncryptionMethod needs a key of another kind");
    return IMPORT_MADE;
}

static struct transport_wrapped wrapped_of(const struct import_keys *keys,
                                           const struct import_blob *blob)
{
    return (struct transport_wrapped){&keys->transport, blob->octets, blob->bytes};
}

static enum hsm_result read_op(struct import_keys *keys, const struct import_terms *terms,
                               struct secret128 *out_op)
{
    if (keys->clear) {
        memcpy(out_op->bytes, terms->op.octets, sizeof out_op->bytes);
        return HSM_OK;
    }
    const struct transport_wrapped wrapped = wrapped_of(keys, &terms->op);
    return transport_read(keys->office->token, &wrapped, out_op);
}

/* Is it a K, and the one the KCV says? */
static enum hsm_result try_key(struct import_keys *keys, const struct key_source *source)
{
    static const struct key_ref ref;
    CK_OBJECT_HANDLE key = CK_INVALID_HANDLE;
    const struct enrol_key wanted = {*source, &ref, "nisim K", .resident = false};
    enum hsm_result rc = enrol_create_key(keys->office->token, &wanted, &key);
    token_discard(keys->office->token, key);
    return rc;
}

static enum hsm_result put_to_rest(struct import_keys *keys, const struct key_source *source,
                                   const struct secret128 *op, const struct import_terms *terms,
                                   struct subscription *subscription)
{
    const struct enrolment enrolment = {
        .source = *source, .op = op, .op_is_opc = terms->op_is_opc, .impi = terms->arguments.impi};
    struct kcv kcv = {0};
    const struct opc_source opc = {op, terms->op_is_opc};
    subscription->residence = keys->resident ? RESIDENCE_RESIDENT : RESIDENCE_WRAPPED;
    if (!keys->resident)
        return enrol_wrap(keys->office->token, source, &opc, &subscription->key_ref,
                          &subscription->wrapped);
    return enrol_keys(keys->office->token, &enrolment, &subscription->key_ref, &kcv);
}

static enum key_origin origin_of(const struct import_keys *keys)
{
    return keys->clear ? KEY_ORIGIN_CLEAR_LABORATORY : transport_origin(&keys->transport);
}

static enum import_made make_k(struct import_keys *keys, const struct import_terms *terms,
                               bool trial, struct subscription *subscription,
                               enum outcome *out_outcome, char out_why[IMPORT_WHY_BYTES])
{
    ERASED(secret128) struct secret128 op = {0};
    ERASED(secret128) struct secret128 k = {0};
    const struct transport_wrapped wrapped = wrapped_of(keys, &terms->k);
    memcpy(k.bytes, terms->k.octets, keys->clear ? sizeof k.bytes : 0);
    const struct key_source any = keys->clear ? key_source_clear(&k) : transport_source(&wrapped);
    struct kcv kcv = {0};
    const struct kcv_checked checked = {&any, &terms->kcv, &kcv};
    const struct key_source source = kcv_source(&checked);
    enum import_made made = judge(keys, read_op(keys, terms, &op), terms->op_is_opc ? "opc" : "op",
                                  out_outcome, out_why);
    if (made != IMPORT_MADE)
        return made;
    return judge(
        keys, trial ? try_key(keys, &source) : put_to_rest(keys, &source, &op, terms, subscription),
        "k", out_outcome, out_why);
}

static enum import_made make_digests(struct import_keys *keys, const struct import_terms *terms,
                                     bool trial, struct subscription *subscription,
                                     enum outcome *out_outcome, char out_why[IMPORT_WHY_BYTES])
{
    struct digest_loading loading = {.impi = terms->arguments.impi, .is_trial = trial};
    struct digest_credential *digest = &subscription->digest;
    for (size_t i = 0; i < DIGEST_HASHES; i++) {
        const struct import_ha1 *ha1 = &terms->ha1[i];
        if (keys->clear && ha1->blob.bytes > 0)
            loading.sources[i].clear = &ha1->clear;
        else if (ha1->blob.bytes > 0)
            loading.sources[i].wrapped = wrapped_of(keys, &ha1->blob);
        loading.sources[i].kcv = ha1->kcv;
    }
    digest->is_alone = !terms->has_k;
    digest->origin = origin_of(keys);
    snprintf(digest->realm, sizeof digest->realm, "%s", digest_ways_realm(&terms->arguments));
    enum hsm_result rc = enrol_digests(keys->office->token, &loading, digest);
    return judge(keys, rc, import_column_name(import_ha1_column(loading.last)), out_outcome,
                 out_why);
}

enum import_made import_keys_make(struct import_keys *keys, const struct import_terms *terms,
                                  bool trial, struct subscription *subscription,
                                  enum outcome *out_outcome, char out_why[IMPORT_WHY_BYTES])
{
    enum import_made made = choose_transport(keys, terms, out_outcome, out_why);
    if (made != IMPORT_MADE)
        return made;
    subscription->origin = origin_of(keys);
    if (terms->has_k)
        made = make_k(keys, terms, trial, subscription, out_outcome, out_why);
    if (made != IMPORT_MADE || !terms->has_digest)
        return made;
    made = make_digests(keys, terms, trial, subscription, out_outcome, out_why);
    if (made != IMPORT_MADE && !trial)
        import_keys_drop(keys, subscription);
    return made;
}

bool import_keys_make_objects(const struct import_keys *keys, bool has_digest)
{
    return keys->resident || has_digest;
}

bool import_keys_are_clear(const struct import_keys *keys)
{
    return keys->clear;
}

void import_keys_forget(struct import_keys *keys)
{
    keys->transport.name[0] = '\0';
}

void import_keys_drop(struct import_keys *keys, const struct subscription *subscription)
{
    const struct enrolled enrolled = {.key_ref = subscription->key_ref,
                                      .digest = subscription->digest,
                                      .residence = subscription->residence};
    if (subscription->residence == RESIDENCE_WRAPPED && subscription->digest.algorithms == 0)
        return;
    if (credentials_destroy(keys->office->token, &enrolled) != HSM_OK)
        outcome_warn("secrets of %s stay in the token until the next run",
                     subscription->identity.impi);
}
