/* What a DIGEST request says, as hsm/digest.h wants it. */
#ifndef NISIM_KEEPER_TERMS_H
#define NISIM_KEEPER_TERMS_H

#include "digest.h"
#include "digest_message.h"

enum digest_hash hash_of_algorithm(enum digest_algorithm algorithm);

/* Borrows the request's texts. */
struct digest_terms terms_of_request(const struct digest_request *request);

#endif
