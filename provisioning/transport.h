/*
 * Transport keys: what keys are wrapped under on their way into this token, or out of it to an HSS.
 * Each is a private token object that has one purpose. Its label is its name, and no two have the
 * same. Its CKA_ID is TRANSPORT_ID and, of an AES key, its check value behind it: it can't encrypt,
 * and SoftHSM has no CKA_CHECK_VALUE of what it unwrapped.
 *
 * Backup keys come to be in the same ways, so they are made and found here too. They are named
 * apart, by a label that begins with BACKUP_KEY_LABEL: no transport key both wraps and unwraps, and
 * none of the verbs that take a transport key takes a backup key.
 */
#ifndef NISIM_PROVISIONING_TRANSPORT_H
#define NISIM_PROVISIONING_TRANSPORT_H

#include "digest.h"
#include "kcv.h"
#include "key_origin.h"
#include "key_source.h"

#define TRANSPORT_ID "nisim transport"
#define TRANSPORT_ID_BYTES_MAX (sizeof TRANSPORT_ID - 1 + KCV_BYTES)
#define TRANSPORT_NAME_BYTES_MAX 32
#define BACKUP_KEY_LABEL "nisim backup "
#define TRANSPORT_LABEL_BYTES_MAX (sizeof BACKUP_KEY_LABEL - 1 + TRANSPORT_NAME_BYTES_MAX)
#define TRANSPORT_MODULUS_BYTES_MAX 512
#define TRANSPORT_WRAPPED_BYTES_MAX TRANSPORT_MODULUS_BYTES_MAX

enum transport_kind {
    TRANSPORT_AES,
    TRANSPORT_RSA, /* in: the private key of this token; out: the public key of an HSS */
};

enum transport_purpose {
    TRANSPORT_IN,     /* unwraps only */
    TRANSPORT_OUT,    /* wraps only */
    TRANSPORT_BACKUP, /* AES: wraps into backup files and unwraps out of them, and never leaves */
};

/* How a key is wrapped; files name it so. */
enum transport_way {
    TRANSPORT_RFC3394,
    TRANSPORT_RFC5649,
    TRANSPORT_OAEP_SHA1,
    TRANSPORT_OAEP_SHA256,
    TRANSPORT_WAYS,
};

struct transport {
    CK_OBJECT_HANDLE object;
    enum transport_kind kind;
    enum transport_purpose purpose;
    struct kcv kcv; /* AES; length 0: not known */
    char name[TRANSPORT_NAME_BYTES_MAX + 1];
};

/* A key as it comes; all of it borrowed. */
struct transport_wrapped {
    const struct transport *transport; /* TRANSPORT_IN */
    const uint8_t *bytes;
    size_t length;
};

/* What is said of a secret that it unwrapped. */
enum key_origin transport_origin(const struct transport *transport);

const char *transport_way_text(enum transport_way way);

/* HSM_NO_KEY when there is none, HSM_REFUSED when it is not what a transport key must be. */
MUST_CHECK enum hsm_result transport_find(struct token *token, const char *name,
                                          struct transport *out_transport);

/* The same for a backup key. HSM_REFUSED also when there are several of the name. */
MUST_CHECK enum hsm_result transport_find_backup(struct token *token, const char *name,
                                                 struct transport *out_transport);

/* Fills the rest of it in from the object. HSM_NO_KEY: it is neither transport nor backup key. */
MUST_CHECK enum hsm_result transport_describe(struct token *token, CK_OBJECT_HANDLE object,
                                              struct transport *out_transport);

/*
 * A key that is unwrapped in the token, from RFC 3394 or RFC 5649 under AES, or OAEP with SHA-256
 * or SHA-1 under RSA, whichever it is. `make` gives HSM_BAD_WRAP when it is none of them or no
 * AES-128 key, with nothing left in the token; HSM_UNSUPPORTED when the token can do none of them.
 * The token must have been proved (token_prove), or a damaged blob looks like a lost token.
 * Borrows `wrapped`.
 */
struct key_source transport_source(const struct transport_wrapped *wrapped);

/*
 * 16 octets that are no key of the token, OP or OPc: unwrapped to a session object, read, and the
 * object destroyed. Results as above.
 */
MUST_CHECK enum hsm_result transport_read(struct token *token,
                                          const struct transport_wrapped *wrapped,
                                          struct secret128 *out_value);

/*
 * The same of a digest secret, `bytes` long, as the text that it is. HSM_BAD_HA1: it has another
 * length, or a NUL in it.
 */
MUST_CHECK enum hsm_result transport_read_ha1(struct token *token,
                                              const struct transport_wrapped *wrapped, size_t bytes,
                                              struct secret_ha1 *out_ha1);

/*
 * How long what is wrapped is, found in the token. Of what is no multiple of 8 octets a token says
 * the next one, or refuses, which is 0. Results as of transport_source.
 */
MUST_CHECK enum hsm_result transport_measure(struct token *token,
                                             const struct transport_wrapped *wrapped,
                                             size_t *out_bytes);

/*
 * The object's value wrapped for the holder of a TRANSPORT_OUT key: by RFC 3394, or by OAEP with
 * SHA-256 where the token can, else with SHA-1. The object must be extractable.
 */
MUST_CHECK enum hsm_result transport_wrap(struct token *token, const struct transport *transport,
                                          CK_OBJECT_HANDLE object,
                                          uint8_t out_bytes[TRANSPORT_WRAPPED_BYTES_MAX],
                                          size_t *out_length, enum transport_way *out_way);

/* The same of a value that is no object yet, OPc. */
MUST_CHECK enum hsm_result transport_wrap_value(struct token *token,
                                                const struct transport *transport,
                                                const struct secret128 *value,
                                                uint8_t out_bytes[TRANSPORT_WRAPPED_BYTES_MAX],
                                                size_t *out_length);

/*
 * Unwraps to an object of these attributes, which bring class and type and leave the value out.
 * What transport_source and transport_read stand on; for keys of another kind than K.
 */
MUST_CHECK enum hsm_result transport_unwrap(struct token *token,
                                            const struct transport_wrapped *wrapped,
                                            CK_ATTRIBUTE *attributes, CK_ULONG count,
                                            CK_OBJECT_HANDLE *out_object);

#endif
