/* The hash chain of a trail: each value covers everything before it. */
#ifndef NISIM_AUDIT_CHAIN_H
#define NISIM_AUDIT_CHAIN_H

#include "record.h"

struct audit_chain {
    void *method; /* OpenSSL's, as is the next; fetched once */
    void *context;
    uint8_t value[AUDIT_CHAIN_BYTES]; /* zeros before the first record */
};

/* False when OpenSSL has no memory. */
MUST_CHECK bool audit_chain_open(struct audit_chain *chain);
void audit_chain_close(struct audit_chain *chain);

/* value = SHA-256(value || body) */
MUST_CHECK bool audit_chain_step(struct audit_chain *chain, const uint8_t *body, size_t bytes);

#endif
