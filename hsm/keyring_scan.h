/* One walk through a token's objects: which subscribers' K and OPc it holds. For keyring.c only. */
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

/* Sorted by reference; a reference that stands twice is left out: nobody can tell which is right.
 */
struct key_list {
    size_t count;
    struct key_entry *entries;
};

/* The caller frees out_list->entries. */
MUST_CHECK enum hsm_result key_list_scan(struct token *token, struct key_list *out_list);

/* NULL when the list has no such reference. */
struct key_entry *key_list_find(const struct key_list *list, const struct key_ref *ref);

#endif
