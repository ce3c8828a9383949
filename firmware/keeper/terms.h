/* What a DIGEST request says, as hsm/digest.h wants it. */
#ifndef NISIM_KEEPER_TERMS_H
#define NISIM_KEEPER_TERMS_H

#include "digest.h"
#include "digest_message.h"

enum digest_hash hash_of_algorithm(enum digest_algorithm algorithm);

/* Borrows the request's texts. */
struct digest_terms terms_of_request(const struct digest_request *request);

/*
 * What Authentication-Info must say is made of (RFC 7616 3.5): no method, and with auth-int the
 * answer's body. False: it was not wanted, or that body is not known.
 */
MUST_CHECK bool terms_of_answer(const struct digest_request *request, struct digest_terms *out);

#endif
