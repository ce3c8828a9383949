#include "answer_sip.h"

#include <string.h>

#include "terms.h"
#include "token_digest.h"

/* The realm is part of H(A1), so it must be the very text that H(A1) was made with. */
static bool check_challenge(struct work *work, const struct digest_challenge *challenge)
{
    const struct subscription *subscription = &work->keeper->subscription;
    enum digest_hash hash = hash_of_algorithm(challenge->algorithm);
    if (!digest_credential_has(&subscription->digest, hash))
        work_fail(work, STATUS_NO_SUCH_CREDENTIAL);
    else if (challenge->username[0] != '\0' &&
             strcmp(challenge->username, subscription->identity.impi) != 0)
        work_fail_at(work, STATUS_WRONG_USERNAME, FIELD_USERNAME);
    else if (strcmp(challenge->realm, subscription->digest.realm) != 0)
        work_fail_at(work, STATUS_WRONG_REALM, FIELD_REALM);
    return work->fault.status == STATUS_OK;
}

static enum hsm_result respond(struct work *work, const struct digest_request *request,
                               struct digest_answer *out)
{
    const struct digest_terms terms = terms_of_request(request);
    struct digest_terms back;
    struct digest_key key = {0};
    struct keeper *keeper = work->keeper;
    enum hsm_result rc =
        keyring_open_digest(keeper->keyring, &keeper->subscription.digest.refs[terms.hash], &key);
    if (rc == HSM_OK)
        rc = token_digest_response(keeper->token, &key, &terms, out->response);
    if (rc == HSM_OK && terms_of_answer(request, &back))
        rc = token_digest_response(keeper->token, &key, &back, out->rspauth);
    return rc;
}

void answer_sip_digest(struct work *work, const struct digest_request *request)
{
    struct digest_answer answer = {0};
    if (!work_admit(work, &request->challenge.subscriber, FORM_DIGEST) ||
        !work_find_subscriber(work, &request->challenge.subscriber) ||
        !check_challenge(work, &request->challenge))
        return;
    enum hsm_result rc = respond(work, request, &answer);
    if (rc != HSM_OK) {
        work_fail_by_token(work, rc);
        return;
    }
    struct wire_writer writer = reply_begin(work->reply);
    digest_answer_write(&writer, STATUS_OK, &answer);
    reply_end(work->reply, &writer, STATUS_OK);
}
