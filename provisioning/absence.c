#include "absence.h"

#include <stdio.h>
#include <string.h>

#define FOUND_MAX 8 /* more than one is too many already */

static enum hsm_result count(struct token *token, CK_ATTRIBUTE *fit, CK_ULONG *in_out_found)
{
    CK_OBJECT_HANDLE objects[FOUND_MAX];
    CK_ULONG found = 0;
    enum hsm_result result = token_find(token, fit, 1, objects, FOUND_MAX, &found);
    *in_out_found += found;
    return result;
}

/* Any object, of whatever class, that the reference could name. */
static enum hsm_result count_all(struct token *token, struct key_ref ref, CK_ULONG *out_found)
{
    static const char *const prefixes[] = {KEYRING_OPC_PREFIX, KEYRING_DIGEST_PREFIX};
    char text[KEY_REF_TEXT_BYTES];
    CK_ATTRIBUTE by_id = {CKA_ID, ref.bytes, sizeof ref.bytes};
    *out_found = 0;
    enum hsm_result result = count(token, &by_id, out_found);
    key_ref_to_text(&ref, text);
    for (size_t i = 0; result == HSM_OK && i < sizeof prefixes / sizeof prefixes[0]; i++) {
        char application[64];
        int bytes = snprintf(application, sizeof application, "%s%s", prefixes[i], text);
        CK_ATTRIBUTE by_application = {CKA_APPLICATION, application, (CK_ULONG)bytes};
        result = count(token, &by_application, out_found);
    }
    return result;
}

static enum outcome prove_one(struct office *office, const struct key_ref *ref)
{
    char text[KEY_REF_TEXT_BYTES];
    CK_ULONG found = 0;
    key_ref_to_text(ref, text);
    enum hsm_result result = count_all(office->token, *ref, &found);
    if (result != HSM_OK)
        return office_fail_hsm(office, result, "looking for what was destroyed");
    printf("proof: looked for key %s in the token anew, %lu found\n", text, found);
    return found == 0 ? OUTCOME_DONE
                      : outcome_fail(OUTCOME_FAILED, "key %s is still in the token", text);
}

enum outcome absence_prove(struct office *office, const struct enrolled *enrolled)
{
    enum outcome outcome =
        enrolled->digest.is_alone ? OUTCOME_DONE : prove_one(office, &enrolled->key_ref);
    for (size_t i = 0; outcome == OUTCOME_DONE && i < DIGEST_HASHES; i++) {
        if (digest_credential_has(&enrolled->digest, (enum digest_hash)i))
            outcome = prove_one(office, &enrolled->digest.refs[i]);
    }
    return outcome;
}
