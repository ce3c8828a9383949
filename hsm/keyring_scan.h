/*
 * One walk through a token's objects: which subscribers' K and OPc, and which digest secrets, it
 * holds. For keyring.c only.
 */
#ifndef NISIM_HSM_KEYRING_SCAN_H
#define NISIM_HSM_KEYRING_SCAN_H

#include "keyring.h"

/* A pair of objects with one reference. */
struct key_entry {
    struct key_ref ref;
    CK_OBJECT_HANDLE key;
    CK_OBJECT_HANDLE opc;
    CK_OBJECT_HANDLE usable; /* what to encrypt with; CK_INVALID_HANDLE until first opened */
};

/* A digest secret, by itself under its reference. */
struct digest_entry {
    struct key_ref ref;
    CK_OBJECT_HANDLE object;
    bool inside;             /* a key that does not leave; else a data object that is read */
    CK_OBJECT_HANDLE usable; /* inside: as above */
};

/* Sorted by reference; a reference that stands twice is left out: nobody can tell which is right.
 */
struct key_list {
    size_t count;
    struct key_entry *entries;
    size_t digest_count;
    struct digest_entry *digests;
};

/* The caller calls key_list_free. */
MUST_CHECK enum hsm_result key_list_scan(struct token *token, struct key_list *out_list);
void key_list_free(struct key_list *list);

/* NULL when the list has no such reference. */
struct key_entry *key_list_find(const struct key_list *list, const struct key_ref *ref);
struct digest_entry *key_list_find_digest(const struct key_list *list, const struct key_ref *ref);

#endif
