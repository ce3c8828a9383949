/*
 * DIGEST and HA1 as C structs, and their bodies on the wire. The texts come from a SIP
 * WWW-Authenticate header and from the request that is to be authorised; none holds a quote, a
 * backslash or a control character.
 */
#ifndef NISIM_PROTO_DIGEST_MESSAGE_H
#define NISIM_PROTO_DIGEST_MESSAGE_H

#include "message.h"

#define BODY_HASH_BYTES_MAX 32

/* Algorithms a challenge may name: of AKA (RFC 3310, 4169), of a password (RFC 7616, 8760). */
enum digest_algorithm {
    ALGORITHM_AKAV1_MD5 = 1,
    ALGORITHM_AKAV2_MD5,
    ALGORITHM_AKAV2_SHA_256,
    ALGORITHM_MD5,
    ALGORITHM_SHA_256,
    ALGORITHM_SHA_512_256,
};

enum digest_protection {
    PROTECTION_NONE, /* no qop: neither nc nor cnonce */
    PROTECTION_AUTH,
    PROTECTION_AUTH_INT,
};

/* Who is challenged, by what: all that HA1 needs. */
struct digest_challenge {
    struct subscriber_name subscriber;
    enum digest_algorithm algorithm;
    char realm[NAME_BYTES_MAX + 1];
    char username[NAME_BYTES_MAX + 1]; /* empty: the IMPI */
    char nonce[NONCE_BYTES_MAX + 1];   /* as received */
};

struct digest_request {
    struct digest_challenge challenge;
    char method[METHOD_BYTES_MAX + 1];
    char uri[DIGEST_URI_BYTES_MAX + 1];
    enum digest_protection protection;
    char nc[8 + 1]; /* empty without protection, as is cnonce */
    char cnonce[CNONCE_BYTES_MAX + 1];
    size_t body_hash_bytes; /* PROTECTION_AUTH_INT: as the algorithm's hash; else 0 */
    uint8_t body_hash[BODY_HASH_BYTES_MAX];
    bool want_rspauth;
    size_t answer_body_hash_bytes; /* with both: likewise, of the SIP answer's body; 0: not known */
    uint8_t answer_body_hash[BODY_HASH_BYTES_MAX];
};

/* SYNC_FAILURE fills auts, and response as computed with an empty password (RFC 3310 3.4). */
struct digest_answer {
    char response[DIGEST_HEX_BYTES_MAX + 1];
    char rspauth[DIGEST_HEX_BYTES_MAX + 1]; /* empty unless it was wanted and can be known */
    uint8_t auts[AUTS_BYTES];
};

/* OK fills hash (hex), SYNC_FAILURE auts. */
struct ha1_answer {
    char hash[DIGEST_HEX_BYTES_MAX + 1];
    uint8_t auts[AUTS_BYTES];
};

static inline void ha1_answer_erase(struct ha1_answer *answer)
{
    secret_wipe(answer, sizeof *answer);
}

/* 0 for a name that is no algorithm here; compared without case (RFC 3261 25.1, token). */
enum digest_algorithm digest_algorithm_from_name(const char *name);
const char *digest_algorithm_name(enum digest_algorithm algorithm);

/* Is RES the password, and the nonce a challenge? Else it is SIP digest (TS 33.203 annex N). */
bool digest_algorithm_is_aka(enum digest_algorithm algorithm);

/* Bytes of its hash. */
size_t digest_algorithm_hash_bytes(enum digest_algorithm algorithm);

/* Unlike the other readers this one fills *out also where it fails; nothing of it is to be used. */
MUST_CHECK struct fault digest_request_read(const uint8_t *body, size_t body_bytes,
                                            struct digest_request *out);
void digest_request_write(struct wire_writer *writer, const struct digest_request *request);

/* status: STATUS_OK or STATUS_SYNC_FAILURE, here and below. */
MUST_CHECK struct fault digest_answer_read(enum status status, const uint8_t *body,
                                           size_t body_bytes, struct digest_answer *out);
void digest_answer_write(struct wire_writer *writer, enum status status,
                         const struct digest_answer *answer);

/* AKA algorithms alone: the H(A1) of a password serves for ever and is given to nobody. */
MUST_CHECK struct fault ha1_request_read(const uint8_t *body, size_t body_bytes,
                                         struct digest_challenge *out);
void ha1_request_write(struct wire_writer *writer, const struct digest_challenge *challenge);

MUST_CHECK struct fault ha1_answer_read(enum status status, const uint8_t *body, size_t body_bytes,
                                        struct ha1_answer *out);
void ha1_answer_write(struct wire_writer *writer, enum status status,
                      const struct ha1_answer *answer);

#endif
