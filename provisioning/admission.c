#include "admission.h"

#include <stdio.h>
#include <string.h>

#include "names.h"

typedef const char *(*check_name)(const char *text);

static enum outcome check_one(const char *option, const char *text, check_name check)
{
    const char *wrong = check(text);
    if (wrong == NULL)
        return OUTCOME_DONE;
    return outcome_fail(OUTCOME_USAGE, "--%s \"%s\": %s", option, text, wrong);
}

static enum outcome check_list(const char *option, const char *const *list, size_t count,
                               check_name check)
{
    for (size_t i = 0; i < count; i++) {
        enum outcome outcome = check_one(option, list[i], check);
        if (outcome != OUTCOME_DONE)
            return outcome;
        for (size_t other = 0; other < i; other++) {
            if (strcmp(list[i], list[other]) == 0)
                return outcome_fail(OUTCOME_USAGE, "--%s \"%s\" is given twice", option, list[i]);
        }
    }
    return OUTCOME_DONE;
}

static enum outcome check_is_complete(const struct arguments *arguments)
{
    const char *missing = NULL;
    if (arguments->domain == NULL)
        missing = "domain DOMAIN";
    if (arguments->impus_count == 0)
        missing = "impu URI";
    if (arguments->impi == NULL)
        missing = "impi USER@REALM";
    if (arguments->user_ids_count == 0)
        missing = "user-id USER";
    if (missing == NULL)
        return OUTCOME_DONE;
    return outcome_fail(OUTCOME_USAGE, "subscriber add needs --%s", missing);
}

/* A K, by whichever way. */
static bool has_k(const struct arguments *arguments)
{
    return arguments->key_file != NULL || arguments->wrapped_file != NULL || arguments->generate;
}

/* One way in for K, with what belongs to it. */
enum outcome admission_check_way(const struct arguments *arguments)
{
    const struct {
        bool wrong;
        const char *text;
    } rules[] = {
        {(arguments->key_file != NULL) + (arguments->wrapped_file != NULL) + arguments->generate >
             1,
         "give one of --key-file, --wrapped-file and --generate"},
        {(arguments->wrapped_file == NULL && arguments->digest_wrapped_file == NULL) !=
             (arguments->transport_key == NULL),
         "--wrapped-file or --digest-wrapped-file, and --transport-key, go together"},
        {arguments->generate && (arguments->hss_key == NULL || arguments->hand_over == NULL),
         "--generate needs --hss-key NAME and --hand-over FILE"},
        {!arguments->generate && (arguments->hss_key != NULL || arguments->hand_over != NULL ||
                                  arguments->op_file != NULL),
         "--hss-key, --hand-over and --op-file go with --generate"},
        {arguments->kcv != NULL && arguments->key_file == NULL && arguments->wrapped_file == NULL,
         "--kcv goes with --wrapped-file or --key-file"},
    };
    for (size_t i = 0; i < sizeof rules / sizeof rules[0]; i++) {
        if (rules[i].wrong)
            return outcome_fail(OUTCOME_USAGE, "%s", rules[i].text);
    }
    return OUTCOME_DONE;
}

/* Which secrets, and what goes with which of them. */
static enum outcome check_secrets(const struct arguments *arguments)
{
    bool has_password = arguments->digest_password_file != NULL;
    bool has_digest = has_password || arguments->digest_ha1_file != NULL ||
                      arguments->digest_wrapped_file != NULL;
    if (!has_k(arguments) && !has_digest)
        return outcome_fail(OUTCOME_USAGE,
                            "no secret: give --wrapped-file FILE, --generate, --key-file FILE, "
                            "--digest-wrapped-file FILE, --digest-password-file FILE or "
                            "--digest-ha1-file FILE");
    if (has_password + (arguments->digest_ha1_file != NULL) +
            (arguments->digest_wrapped_file != NULL) >
        1)
        return outcome_fail(OUTCOME_USAGE,
                            "give one of --digest-wrapped-file, --digest-password-file and "
                            "--digest-ha1-file");
    if (arguments->digest_algorithms != NULL && !has_password)
        return outcome_fail(OUTCOME_USAGE, "--digest-algorithms needs --digest-password-file");
    if (arguments->residence != NULL && !has_k(arguments))
        return outcome_fail(OUTCOME_USAGE, "--residence is of K and OPc, and none is given");
    if (arguments->digest_realm == NULL)
        return OUTCOME_DONE;
    if (!has_digest)
        return outcome_fail(OUTCOME_USAGE, "--digest-realm needs a digest secret");
    return check_one("digest-realm", arguments->digest_realm, names_check_realm);
}

enum outcome admission_check(const struct arguments *arguments)
{
    enum outcome outcome = check_is_complete(arguments);
    if (outcome == OUTCOME_DONE)
        outcome = check_list("user-id", arguments->user_ids, arguments->user_ids_count,
                             names_check_user_id);
    if (outcome == OUTCOME_DONE)
        outcome = admission_check_way(arguments);
    if (outcome == OUTCOME_DONE)
        outcome = check_secrets(arguments);
    if (outcome == OUTCOME_DONE)
        outcome = check_one("impi", arguments->impi,
                            has_k(arguments) ? names_check_impi : names_check_username);
    if (outcome == OUTCOME_DONE)
        outcome = check_list("impu", arguments->impus, arguments->impus_count, names_check_impu);
    if (outcome == OUTCOME_DONE)
        outcome = check_one("domain", arguments->domain, names_check_domain);
    if (outcome == OUTCOME_DONE)
        outcome =
            check_list("p-cscf", arguments->p_cscfs, arguments->p_cscfs_count, names_check_p_cscf);
    if (outcome == OUTCOME_DONE && arguments->webrtc_uri != NULL)
        outcome = check_one("webrtc-uri", arguments->webrtc_uri, names_check_webrtc_uri);
    if (outcome == OUTCOME_DONE && arguments->gba_u_mac && !arguments->gba)
        outcome = outcome_fail(OUTCOME_USAGE, "--gba-u-mac changes what --gba does: give both");
    return outcome;
}

void admission_fill(const struct arguments *arguments, const struct key_ref *ref,
                    const struct digest_credential *digest, struct subscription *out_subscription)
{
    struct identity *identity = &out_subscription->identity;
    memset(out_subscription, 0, sizeof *out_subscription);
    snprintf(identity->impi, sizeof identity->impi, "%s", arguments->impi);
    snprintf(identity->domain, sizeof identity->domain, "%s", arguments->domain);
    identity->impu_count = arguments->impus_count;
    for (size_t i = 0; i < arguments->impus_count; i++)
        snprintf(identity->impus[i], sizeof identity->impus[i], "%s", arguments->impus[i]);
    identity->p_cscf_count = arguments->p_cscfs_count;
    for (size_t i = 0; i < arguments->p_cscfs_count; i++)
        snprintf(identity->p_cscfs[i], sizeof identity->p_cscfs[i], "%s", arguments->p_cscfs[i]);
    if (arguments->webrtc_uri != NULL)
        snprintf(identity->webrtc_uri, sizeof identity->webrtc_uri, "%s", arguments->webrtc_uri);
    out_subscription->user_id_count = arguments->user_ids_count;
    for (size_t i = 0; i < arguments->user_ids_count; i++)
        snprintf(out_subscription->user_ids[i], sizeof out_subscription->user_ids[i], "%s",
                 arguments->user_ids[i]);
    out_subscription->key_ref = *ref;
    out_subscription->digest = *digest;
    out_subscription->profile = (struct sqn_profile){
        (uint8_t)arguments->ind_bits, (uint64_t)arguments->delta, (uint64_t)arguments->age_limit};
    out_subscription->origin = KEY_ORIGIN_CLEAR_LABORATORY;
    out_subscription->enabled = true;
    out_subscription->gba = arguments->gba;
    out_subscription->gba_u_mac = arguments->gba_u_mac;
    subscription_set_services(out_subscription);
}
