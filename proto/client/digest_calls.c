#include <string.h>

#include "client.h"
#include "digest_message.h"

_Static_assert(NISIM_HASH_BYTES == DIGEST_HEX_BYTES_MAX + 1,
               "nisim.h has its own names for the limits of the wire");

/* False when the text is missing or too long; a NULL is refused where the text is needed. */
static bool copy_text(const char *text, char *out_text, size_t room)
{
    size_t length = text == NULL ? 0 : strlen(text);
    if (length == 0 || length >= room)
        return false;
    memcpy(out_text, text, length + 1);
    return true;
}

static enum nisim_result refuse(struct nisim *nisim, const char *what)
{
    nisim->status_name = "";
    return client_fail(nisim, NISIM_BAD_REQUEST, "the %s is missing, unknown or too long", what);
}

static enum nisim_result take_challenge(struct nisim *nisim, enum nisim_name by, const char *name,
                                        const struct nisim_challenge *challenge,
                                        struct digest_challenge *out)
{
    enum nisim_result result = client_take_name(nisim, by, name, &out->subscriber);
    if (result != NISIM_OK)
        return result;
    out->algorithm = challenge->algorithm == NULL
                         ? (enum digest_algorithm)0
                         : digest_algorithm_from_name(challenge->algorithm);
    if (out->algorithm == 0)
        return refuse(nisim, "algorithm");
    if (!copy_text(challenge->realm, out->realm, sizeof out->realm))
        return refuse(nisim, "realm");
    if (!copy_text(challenge->nonce, out->nonce, sizeof out->nonce))
        return refuse(nisim, "nonce");
    return NISIM_OK;
}

static bool take_protection(const char *qop, enum digest_protection *out)
{
    if (qop == NULL || strcmp(qop, "auth") == 0)
        *out = qop == NULL ? PROTECTION_NONE : PROTECTION_AUTH;
    else if (strcmp(qop, "auth-int") == 0)
        *out = PROTECTION_AUTH_INT;
    else
        return false;
    return true;
}

static enum nisim_result take_request(struct nisim *nisim, const struct nisim_sip_request *request,
                                      struct digest_request *out)
{
    if (!copy_text(request->method, out->method, sizeof out->method))
        return refuse(nisim, "method");
    if (!copy_text(request->uri, out->uri, sizeof out->uri))
        return refuse(nisim, "URI");
    if (!take_protection(request->qop, &out->protection))
        return refuse(nisim, "qop");
    out->want_rspauth = true;
    if (out->protection == PROTECTION_NONE)
        return NISIM_OK;
    if (!copy_text(request->nc, out->nc, sizeof out->nc))
        return refuse(nisim, "nc");
    if (!copy_text(request->cnonce, out->cnonce, sizeof out->cnonce))
        return refuse(nisim, "cnonce");
    if (out->protection != PROTECTION_AUTH_INT)
        return NISIM_OK;
    if (request->body_hash == NULL)
        return refuse(nisim, "hash of the body");
    out->body_hash_bytes = digest_algorithm_hash_bytes(out->challenge.algorithm);
    memcpy(out->body_hash, request->body_hash, out->body_hash_bytes);
    if (request->answer_body_hash == NULL)
        return NISIM_OK;
    out->answer_body_hash_bytes = out->body_hash_bytes;
    memcpy(out->answer_body_hash, request->answer_body_hash, out->body_hash_bytes);
    return NISIM_OK;
}

static enum nisim_result take_digest(struct nisim *nisim, const struct frame_header *header,
                                     struct nisim_digest *out)
{
    struct digest_answer answer = {0};
    struct fault fault =
        digest_answer_read((enum status)header->status, nisim->body, header->body_bytes, &answer);
    if (fault.status != STATUS_OK)
        return client_lost(nisim, "the answer is not well formed");
    memcpy(out->response, answer.response, sizeof out->response);
    memcpy(out->rspauth, answer.rspauth, sizeof out->rspauth);
    memcpy(out->auts, answer.auts, sizeof out->auts);
    return header->status == STATUS_OK ? NISIM_OK : NISIM_SYNC_FAILURE;
}

enum nisim_result nisim_digest(struct nisim *nisim, enum nisim_name by, const char *name,
                               const struct nisim_challenge *challenge,
                               const struct nisim_sip_request *request, struct nisim_digest *out)
{
    uint8_t frame[3584]; /* every field of the message at its longest */
    struct frame_header header = {0};
    struct digest_request *digest = &nisim->digest;
    *out = (struct nisim_digest){0};
    *digest = (struct digest_request){0};
    enum nisim_result result = take_challenge(nisim, by, name, challenge, &digest->challenge);
    if (result == NISIM_OK)
        result = take_request(nisim, request, digest);
    if (result != NISIM_OK)
        return result;
    struct wire_writer writer = wire_writer_of(frame, sizeof frame);
    frame_begin(&writer);
    digest_request_write(&writer, digest);
    result = client_ask(nisim, &writer, MESSAGE_DIGEST, &header);
    if (result == NISIM_OK || result == NISIM_SYNC_FAILURE)
        result = take_digest(nisim, &header, out);
    return result;
}

static enum nisim_result take_ha1(struct nisim *nisim, const struct frame_header *header,
                                  struct nisim_ha1 *out)
{
    ERASED(ha1_answer) struct ha1_answer answer = {0};
    struct fault fault =
        ha1_answer_read((enum status)header->status, nisim->body, header->body_bytes, &answer);
    if (fault.status != STATUS_OK)
        return client_lost(nisim, "the answer is not well formed");
    memcpy(out->hash, answer.hash, sizeof out->hash);
    memcpy(out->auts, answer.auts, sizeof out->auts);
    return header->status == STATUS_OK ? NISIM_OK : NISIM_SYNC_FAILURE;
}

enum nisim_result nisim_ha1(struct nisim *nisim, enum nisim_name by, const char *name,
                            const struct nisim_challenge *challenge, struct nisim_ha1 *out)
{
    uint8_t frame[2048]; /* every field of the message at its longest */
    struct frame_header header = {0};
    struct digest_challenge *wanted = &nisim->digest.challenge;
    nisim_ha1_erase(out);
    *wanted = (struct digest_challenge){0};
    enum nisim_result result = take_challenge(nisim, by, name, challenge, wanted);
    if (result != NISIM_OK)
        return result;
    struct wire_writer writer = wire_writer_of(frame, sizeof frame);
    frame_begin(&writer);
    ha1_request_write(&writer, wanted);
    result = client_ask(nisim, &writer, MESSAGE_HA1, &header);
    if (result == NISIM_OK || result == NISIM_SYNC_FAILURE)
        result = take_ha1(nisim, &header, out);
    secret_wipe(nisim->body, sizeof nisim->body);
    return result;
}

void nisim_ha1_erase(struct nisim_ha1 *ha1)
{
    secret_wipe(ha1, sizeof *ha1);
}
