#include "digest_ways.h"

#include <stdio.h>

#include "transport_key.h"

const char *digest_ways_realm(const struct arguments *arguments)
{
    return arguments->digest_realm != NULL ? arguments->digest_realm : arguments->domain;
}

enum outcome digest_ways_check(const struct office *office, const struct arguments *arguments,
                               const struct credentials *credentials)
{
    if (credentials->digests == NULL)
        return OUTCOME_DONE;
    if (!office->is_laboratory)
        return outcome_fail(OUTCOME_USAGE,
                            "token \"%s\" is no laboratory's: it takes no digest secret in clear "
                            "text. Give --digest-wrapped-file, or make a token with init "
                            "--laboratory",
                            office->token->label);
    outcome_warn("CLEAR-TEXT LABORATORY IMPORT: the digest secret of %s is outside the token in "
                 "clear, and passes through this machine's memory. Never do this with a secret of "
                 "a live network.",
                 arguments->impi);
    return OUTCOME_DONE;
}

static enum outcome load(struct office *office, struct digest_loading *loading,
                         struct enrolled *out)
{
    char what[64] = "loading the digest secret";
    enum hsm_result result = enrol_digests(office->token, loading, &out->digest);
    for (size_t i = 0; result == HSM_OK && i < DIGEST_HASHES; i++)
        out->digest_kcvs[i] = loading->kcvs[i];
    if (loading->sources[loading->last].clear == NULL)
        snprintf(what, sizeof what, "HA1-%s in the digest file", digest_hash_name(loading->last));
    return result == HSM_OK ? OUTCOME_DONE : office_fail_hsm(office, result, what);
}

static enum outcome enrol_clear(struct office *office, const struct digest_secrets *secrets,
                                struct digest_loading *loading, struct enrolled *out)
{
    for (size_t i = 0; i < DIGEST_HASHES; i++) {
        if ((secrets->algorithms >> i & 1) == 1)
            loading->sources[i].clear = &secrets->ha1[i];
    }
    out->digest.origin = KEY_ORIGIN_CLEAR_LABORATORY;
    return load(office, loading, out);
}

static enum outcome enrol_wrapped(struct office *office, const char *transport_name,
                                  const struct wrapfile *file, struct digest_loading *loading,
                                  struct enrolled *out)
{
    struct transport transport = {0};
    enum outcome outcome = transport_key_find(office, transport_name, TRANSPORT_IN, &transport);
    if (outcome != OUTCOME_DONE)
        return outcome;
    for (size_t i = 0; i < DIGEST_HASHES; i++) {
        const struct wrapfile_blob *blob = &file->ha1[i];
        loading->sources[i].wrapped =
            (struct transport_wrapped){&transport, blob->bytes, blob->length};
        loading->sources[i].kcv = file->ha1_kcv[i];
    }
    out->digest.origin = transport_origin(&transport);
    return load(office, loading, out);
}

enum outcome digest_ways_enrol(struct office *office, const struct arguments *arguments,
                               const struct credentials *credentials, struct enrolled *out)
{
    struct digest_loading loading = {.impi = arguments->impi};
    snprintf(out->digest.realm, sizeof out->digest.realm, "%s", digest_ways_realm(arguments));
    if (credentials->digests != NULL)
        return enrol_clear(office, credentials->digests, &loading, out);
    return enrol_wrapped(office, arguments->transport_key, credentials->digest_wrapped, &loading,
                         out);
}
