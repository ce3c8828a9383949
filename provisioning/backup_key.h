/*
 * The keys of a backup file. The backup key is the token's (transport.h). The MAC key is a file's
 * own: random, kept in the file wrapped under the backup key, a session object while the file is at
 * hand.
 */
#ifndef NISIM_PROVISIONING_BACKUP_KEY_H
#define NISIM_PROVISIONING_BACKUP_KEY_H

#include "office.h"

#define BACKUP_MAC_KEY_WRAPPED_BYTES 40

struct backup_keys {
    CK_OBJECT_HANDLE backup;
    CK_OBJECT_HANDLE mac;
    uint8_t wrapped_mac[BACKUP_MAC_KEY_WRAPPED_BYTES];
};

/* Fills backup. */
MUST_CHECK enum outcome backup_key_find(struct office *office, const char *name,
                                        struct backup_keys *keys);

/* Fills mac and wrapped_mac. */
MUST_CHECK enum outcome backup_key_make_mac(struct office *office, struct backup_keys *keys);

/* Fills mac from wrapped_mac. OUTCOME_USAGE: the backup key is not the one it was wrapped under. */
MUST_CHECK enum outcome backup_key_open_mac(struct office *office, const char *name,
                                            struct backup_keys *keys);

#endif
