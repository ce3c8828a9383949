/*
 * What the verbs of transport keys share with those that use such a key, and with those of backup
 * keys: where a purpose is given, TRANSPORT_BACKUP makes it a backup key. All say what is wrong.
 */
#ifndef NISIM_PROVISIONING_TRANSPORT_KEY_H
#define NISIM_PROVISIONING_TRANSPORT_KEY_H

#include "office.h"
#include "transport.h"

/* The one of this name and purpose, in or out, in an open token. */
MUST_CHECK enum outcome transport_key_find(struct office *office, const char *name,
                                           enum transport_purpose purpose,
                                           struct transport *out_transport);

/* --kcv, if it is given. */
MUST_CHECK enum outcome transport_key_take_kcv(const struct arguments *arguments,
                                               struct kcv *out_kcv);

/* Token and store, for a new key whose name is good and free. */
MUST_CHECK enum outcome transport_key_open_for(struct office *office, const char *name,
                                               enum transport_purpose purpose);

/* A new AES key of officers' components, or that comes wrapped under a transport key. */
MUST_CHECK enum outcome transport_key_combine(struct office *office,
                                              const struct arguments *arguments,
                                              enum transport_purpose purpose);
MUST_CHECK enum outcome transport_key_unwrap(struct office *office,
                                             const struct arguments *arguments,
                                             enum transport_purpose purpose);

/* Prints it: an AES key is there now, with this check value. */
void transport_key_say_made(const char *name, enum transport_purpose purpose,
                            const struct kcv *kcv);

/* Prints a line for each, or JSON: the backup keys, or all others. */
MUST_CHECK enum outcome transport_key_print(struct office *office,
                                            const struct arguments *arguments, bool backup_keys);

/* The backup key of the name, or the transport key of either purpose; asks for confirmation. */
MUST_CHECK enum outcome transport_key_destroy(struct office *office,
                                              const struct arguments *arguments,
                                              enum transport_purpose purpose);

#endif
