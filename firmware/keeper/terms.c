#include "terms.h"

enum digest_hash hash_of_algorithm(enum digest_algorithm algorithm)
{
    switch (algorithm) {
    case ALGORITHM_AKAV2_SHA_256:
    case ALGORITHM_SHA_256:
        return DIGEST_SHA_256;
    case ALGORITHM_SHA_512_256:
        return DIGEST_SHA_512_256;
    default:
        return DIGEST_MD5;
    }
}

struct digest_terms terms_of_request(const struct digest_request *request)
{
    static const enum digest_qop qops[] = {[PROTECTION_NONE] = DIGEST_QOP_NONE,
                                           [PROTECTION_AUTH] = DIGEST_QOP_AUTH,
                                           [PROTECTION_AUTH_INT] = DIGEST_QOP_AUTH_INT};
    return (struct digest_terms){
        .hash = hash_of_algorithm(request->challenge.algorithm),
        .qop = qops[request->protection],
        .nonce = request->challenge.nonce,
        .nc = request->nc,
        .cnonce = request->cnonce,
        .method = request->method,
        .uri = request->uri,
        .body_hash = request->body_hash,
    };
}

bool terms_of_answer(const struct digest_request *request, struct digest_terms *out)
{
    *out = terms_of_request(request);
    out->method = "";
    out->body_hash = request->answer_body_hash;
    return request->want_rspauth &&
           (request->protection != PROTECTION_AUTH_INT || request->answer_body_hash_bytes != 0);
}
