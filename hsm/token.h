/*
 * One token, one session, logged in as USER. Nothing here can act as the security officer.
 * The session that token_open opens is never closed before token_close, so the log-in lasts.
 */
#ifndef NISIM_HSM_TOKEN_H
#define NISIM_HSM_TOKEN_H

#include <stdbool.h>
#include <stdint.h>

#include "module.h"
#include "secret.h"

#define TOKEN_BLOCK_BYTES 16
#define TOKEN_MAC_BYTES 32

/* Labels of the keys that `nisim-token init` makes and every appliance needs. */
#define TOKEN_KEK_LABEL "nisim KEK"
#define TOKEN_INTEGRITY_LABEL "nisim integrity"

#define TOKEN_KEKS_MAX 8 /* more in one token are refused */
#define TOKEN_ANCHORS_MAX 16
#define TOKEN_KEK_ID_BYTES 4

/* CKA_ID of a KEK, a number; `init` gives the first one 1. */
struct kek_id {
    uint8_t bytes[TOKEN_KEK_ID_BYTES];
};

/* A KEK that token_kek.h found. */
struct token_kek {
    struct kek_id id;
    CK_OBJECT_HANDLE object;
    CK_OBJECT_HANDLE usable; /* a session copy where the token allows one */
};

/* Exactly one is set: a label, a serial number, or a PKCS#11 URI (RFC 7512). */
struct token_choice {
    const char *label;
    const char *serial;
    const char *uri;
};

/* What this token was found able to do, by trying (token_probe); nothing is assumed. */
struct token_abilities {
    bool session_copy;   /* a token key can be copied into a session object: faster */
    bool several_blocks; /* 64 bytes in one call */
    bool several_parts;  /* one C_EncryptInit, then several C_EncryptUpdate */
};

struct token {
    struct module *module; /* borrowed */
    CK_SLOT_ID slot;
    CK_SESSION_HANDLE session;
    CK_OBJECT_HANDLE integrity; /* CK_INVALID_HANDLE until token_find_integrity */
    CK_OBJECT_HANDLE kek;       /* CK_INVALID_HANDLE until token_ks.h has proved it */
    CK_OBJECT_HANDLE probe;     /* throw-away session key for token_alive */
    size_t kek_count;           /* this and the next two are token_kek.h's */
    struct token_kek keks[TOKEN_KEKS_MAX];
    int64_t keks_searched_ms; /* 0: not yet */
    size_t anchor_count;      /* this and the next are token_anchor.h's; 0: not looked for yet */
    CK_OBJECT_HANDLE anchors[TOKEN_ANCHORS_MAX];
    struct token_abilities abilities;
    char label[32 + 1];
    char serial[16 + 1];
    char manufacturer[32 + 1];
    char model[16 + 1];
};

/* Finds the token and opens a session; `writable` for the officer's tool only. */
MUST_CHECK enum hsm_result token_open(struct module *module, const struct token_choice *choice,
                                      bool writable, struct token **out_token);

/* USER log-in; CKR_USER_ALREADY_LOGGED_IN is success. Tries once. */
MUST_CHECK enum hsm_result token_log_in(struct token *token, const struct secret_pin *pin);

void token_close(struct token **token);

/* Milenage known answers (TS 35.208) through a throw-away session key, and the abilities. */
MUST_CHECK enum hsm_result token_prove(struct token *token);

/* Is the token still there? C_GetTokenInfo and one encryption: either alone can lie. */
MUST_CHECK enum hsm_result token_alive(struct token *token);

/*
 * Finds the integrity key and, on the way, whether token keys can be copied into the session.
 * token_mac is token_hmac, HMAC-SHA-256, by this key.
 */
MUST_CHECK enum hsm_result token_find_integrity(struct token *token);
MUST_CHECK enum hsm_result token_hmac(struct token *token, CK_OBJECT_HANDLE key,
                                      const uint8_t *bytes, size_t length,
                                      uint8_t out_mac[TOKEN_MAC_BYTES]);
MUST_CHECK enum hsm_result token_mac(struct token *token, const uint8_t *bytes, size_t length,
                                     uint8_t out_mac[TOKEN_MAC_BYTES]);

/* A non-extractable, encrypt-only AES session key with this value; for known answers only. */
MUST_CHECK enum hsm_result token_session_key(struct token *token, const struct secret128 *value,
                                             CK_OBJECT_HANDLE *out_key);

/* A session object with the same value and rights; dies with the session. */
MUST_CHECK enum hsm_result token_copy_to_session(struct token *token, CK_OBJECT_HANDLE object,
                                                 CK_OBJECT_HANDLE *out_copy);

/* The objects that fit the template, `most` at most. */
MUST_CHECK enum hsm_result token_find(struct token *token, CK_ATTRIBUTE *fit, CK_ULONG count,
                                      CK_OBJECT_HANDLE *out_objects, CK_ULONG most,
                                      CK_ULONG *out_found);

MUST_CHECK enum hsm_result token_destroy(struct token *token, CK_OBJECT_HANDLE object);

/* The same where nothing can be done about a failure; CK_INVALID_HANDLE is no object. */
void token_discard(struct token *token, CK_OBJECT_HANDLE object);

/* The only object that fits the template: HSM_NO_KEY when none does, HSM_REFUSED when several do.
 */
MUST_CHECK enum hsm_result token_find_one(struct token *token, CK_ATTRIBUTE *fit, CK_ULONG count,
                                          CK_OBJECT_HANDLE *out_object);

#endif
