/*
 * The PIN that a subscription's card asks for, as an extension of its record: never the PIN, but a
 * salt and the HMAC of both by the key that seals records. Who has the file alone can try no PIN.
 */
#ifndef NISIM_STORE_PIN_CREDENTIAL_H
#define NISIM_STORE_PIN_CREDENTIAL_H

#include "secret.h"
#include "token.h"
#include "wire.h"

#define PIN_CREDENTIAL_TAG 2
#define PIN_SALT_BYTES 16
#define PIN_CREDENTIAL_BYTES (PIN_SALT_BYTES + TOKEN_MAC_BYTES)
#define PIN_TRIES 3 /* TS 102 221 11.1.9.1.1 */

struct pin_credential {
    bool is_set; /* false: the card asks for no PIN */
    uint8_t salt[PIN_SALT_BYTES];
    uint8_t mac[TOKEN_MAC_BYTES];
};

/* 4 to 8 digits as VERIFY has them: ASCII, filled with FF (TS 102 221 9.5.1). False: it is none. */
MUST_CHECK bool pin_encode(const char *text, size_t length, struct secret64 *out_pin);

/* For a PIN so encoded, under a new salt; HSM_REFUSED without random numbers. */
MUST_CHECK enum hsm_result pin_credential_make(struct token *token, const struct secret64 *pin,
                                               struct pin_credential *out);

MUST_CHECK enum hsm_result pin_credential_check(struct token *token,
                                                const struct pin_credential *credential,
                                                const struct secret64 *pin, bool *out_is_right);

/* Tag, length and value; nothing without a PIN. */
void pin_credential_write(struct wire_writer *writer, const struct pin_credential *credential);

/* As digest_credential_read. */
MUST_CHECK bool pin_credential_read(struct wire_reader *value, struct pin_credential *out);

#endif
