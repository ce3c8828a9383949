/* The text that officers sign. */
#ifndef NISIM_PROVISIONING_APPROVAL_TEXT_H
#define NISIM_PROVISIONING_APPROVAL_TEXT_H

#include "office.h"
#include "rule.h"

#define NONCE_BYTES 16

/* What makes the text of one request unlike that of every other. */
struct request_mark {
    uint8_t nonce[NONCE_BYTES];
    uint64_t made; /* seconds since 1970, as is expires */
    uint64_t expires;
};

struct approval_text {
    size_t length;
    char *text; /* malloc'd */
};

/*
 * Verb, name, every option that says what is done, the SHA-256 of each file named (of a file of
 * secrets: its HMAC by the token), token, store, times, nonce. Says what can't be put in words.
 */
MUST_CHECK enum outcome approval_text_make(struct office *office, const struct rule *rule,
                                           const struct request_mark *mark,
                                           struct approval_text *out_text);
void approval_text_free(struct approval_text *text);

#endif
