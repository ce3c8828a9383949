#include "audit_key.h"

enum outcome audit_key_of(const struct token_signer *signer, struct audit_public_key **out_key)
{
    *out_key = audit_public_key_new(signer->point);
    if (*out_key == NULL)
        return outcome_fail(OUTCOME_FAILED, "key pair \"" TOKEN_AUDIT_LABEL
                                            "\" is not of P-256, or memory is short");
    return OUTCOME_DONE;
}

enum outcome audit_key_open(struct office *office, struct audit_public_key **out_key)
{
    struct token_signer signer;
    enum outcome outcome = office_open_token(office, false);
    if (outcome == OUTCOME_DONE)
        outcome = office_prove_token(office);
    if (outcome != OUTCOME_DONE)
        return outcome;
    enum hsm_result result = token_find_signer(office->token, &signer);
    return result == HSM_OK ? audit_key_of(&signer, out_key)
                            : office_fail_hsm(office, result, "key pair \"" TOKEN_AUDIT_LABEL "\"");
}
