/*
 * Where a subscriber's K comes from: clear text, the token's own generator, or a blob that is
 * unwrapped in the token. One operation makes the object, with the rights that the caller wants
 * and nothing else; K itself passes through this process in the clear-text source only.
 */
#ifndef NISIM_PROVISIONING_KEY_SOURCE_H
#define NISIM_PROVISIONING_KEY_SOURCE_H

#include "token.h"

struct key_source {
    /*
     * Makes an AES-128 key with these attributes. CKA_VALUE and CKA_VALUE_LEN are not among them:
     * the source adds what it needs, in `attributes`, which has room for KEY_SOURCE_ADDS more.
     */
    MUST_CHECK enum hsm_result (*make)(const void *context, struct token *token,
                                       CK_ATTRIBUTE *attributes, CK_ULONG count,
                                       CK_OBJECT_HANDLE *out_key);
    const void *context; /* borrowed */
};

#define KEY_SOURCE_ADDS 2

/* Clear text in locked memory, which outlives the source. For laboratories. */
struct key_source key_source_clear(const struct secret128 *k);

/* Made by the token's own generator; nobody knows it. */
struct key_source key_source_generated(void);

/*
 * A copy of a session object that is the key already but for its place, extractability, what of
 * encrypting, wrapping and unwrapping it may do, reference and label, which alone are taken from
 * the attributes. Borrows the handle.
 */
struct key_source key_source_copy(const CK_OBJECT_HANDLE *object);

#endif
