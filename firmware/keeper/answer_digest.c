#include "answer_digest.h"

#include <string.h>
#include <strings.h>

#include "answer_sip.h"
#include "challenge.h"
#include "terms.h"

/* A response for another's name or realm would serve whoever replays it there. */
static bool check_names(struct work *work, const struct digest_challenge *challenge)
{
    const struct identity *identity = &work->keeper->subscription.identity;
    if (challenge->username[0] != '\0' && strcmp(challenge->username, identity->impi) != 0) {
        work_fail_at(work, STATUS_WRONG_USERNAME, FIELD_USERNAME);
        return false;
    }
    if (strcasecmp(challenge->realm, identity->domain) != 0) {
        work_fail_at(work, STATUS_WRONG_REALM, FIELD_REALM);
        return false;
    }
    return true;
}

/* The nonce carries RAND and AUTN (RFC 3310 3.2). */
static bool open_nonce(struct work *work, const char *nonce, struct digest_nonce *out)
{
    switch (digest_nonce_open(nonce, out)) {
    case DIGEST_NONCE_OPENED:
        return true;
    case DIGEST_NONCE_SHORT:
        work_fail_at(work, STATUS_BAD_LENGTH, FIELD_NONCE);
        return false;
    default:
        work_fail_at(work, STATUS_BAD_VALUE, FIELD_NONCE);
        return false;
    }
}

/* Everything up to the outcome, for both messages. */
static bool take_challenge(struct work *work, const struct digest_challenge *challenge,
                           enum answer_form form, struct aka_answer *out)
{
    struct digest_nonce nonce;
    return work_admit(work, &challenge->subscriber, form) &&
           work_find_subscriber(work, &challenge->subscriber) && check_names(work, challenge) &&
           open_nonce(work, challenge->nonce, &nonce) &&
           challenge_run(work, nonce.rand, nonce.autn, out);
}

/* A stale SQN is answered with an empty password (RFC 3310 3.4). */
static enum hsm_result make_password(const struct aka_answer *aka, enum digest_algorithm algorithm,
                                     struct secret_password *out)
{
    if (aka->outcome != AKA_ACCEPTED)
        return HSM_OK;
    if (algorithm != ALGORITHM_AKAV1_MD5)
        return digest_akav2_password(hash_of_algorithm(algorithm), &aka->res, &aka->ik, &aka->ck,
                                     out);
    digest_akav1_password(&aka->res, out);
    return HSM_OK;
}

static enum hsm_result make_ha1(struct work *work, const struct digest_challenge *challenge,
                                const struct aka_answer *aka, struct secret_ha1 *out)
{
    ERASED(secret_password) struct secret_password password = {0};
    enum hsm_result rc = make_password(aka, challenge->algorithm, &password);
    if (rc != HSM_OK)
        return rc;
    return digest_ha1(hash_of_algorithm(challenge->algorithm),
                      work->keeper->subscription.identity.impi, challenge->realm, &password, out);
}

static enum hsm_result respond(struct work *work, const struct digest_request *request,
                               const struct aka_answer *aka, struct digest_answer *out)
{
    ERASED(secret_ha1) struct secret_ha1 ha1 = {{0}};
    const struct digest_terms terms = terms_of_request(request);
    struct digest_terms back;
    enum hsm_result rc = make_ha1(work, &request->challenge, aka, &ha1);
    if (rc == HSM_OK)
        rc = digest_response(&terms, &ha1, out->response);
    if (rc == HSM_OK && aka->outcome == AKA_ACCEPTED && terms_of_answer(request, &back))
        rc = digest_response(&back, &ha1, out->rspauth);
    memcpy(out->auts, aka->auts, sizeof out->auts);
    return rc;
}

static enum status status_of(const struct aka_answer *aka)
{
    return aka->outcome == AKA_ACCEPTED ? STATUS_OK : STATUS_SYNC_FAILURE;
}

void answer_digest(struct work *work)
{
    ERASED(aka_answer) struct aka_answer aka = {0};
    struct digest_request request;
    struct digest_answer answer = {0};
    work->fault = digest_request_read(work->body, work->body_bytes, &request);
    if (work->fault.status != STATUS_OK)
        return;
    if (!digest_algorithm_is_aka(request.challenge.algorithm)) {
        answer_sip_digest(work, &request);
        return;
    }
    if (!take_challenge(work, &request.challenge, FORM_DIGEST, &aka))
        return;
    enum hsm_result rc = respond(work, &request, &aka, &answer);
    if (rc != HSM_OK) {
        work_fail_by_token(work, rc);
        return;
    }
    struct wire_writer writer = reply_begin(work->reply);
    digest_answer_write(&writer, status_of(&aka), &answer);
    reply_end(work->reply, &writer, status_of(&aka));
}

void answer_ha1(struct work *work)
{
    ERASED(aka_answer) struct aka_answer aka = {0};
    ERASED(secret_ha1) struct secret_ha1 ha1 = {{0}};
    ERASED(ha1_answer) struct ha1_answer answer = {0};
    struct digest_challenge challenge;
    work->fault = ha1_request_read(work->body, work->body_bytes, &challenge);
    if (work->fault.status != STATUS_OK || !take_challenge(work, &challenge, FORM_HA1, &aka))
        return;
    enum hsm_result rc = make_ha1(work, &challenge, &aka, &ha1);
    if (rc != HSM_OK) {
        work_fail_by_token(work, rc);
        return;
    }
    memcpy(answer.hash, ha1.text, sizeof answer.hash);
    memcpy(answer.auts, aka.auts, sizeof answer.auts);
    struct wire_writer writer = reply_begin(work->reply);
    ha1_answer_write(&writer, status_of(&aka), &answer);
    reply_end(work->reply, &writer, status_of(&aka));
}
