/*
 * libnisim: what a WWSF links to reach a network ISIM (proto/PROTOCOL.md). Blocking, every call
 * within a deadline. A struct nisim is one connection and belongs to one thread at a time; the
 * library has no global state, reads no environment, installs no signal handler and never raises
 * SIGPIPE. It uses OpenSSL in a library context of its own and keeps OpenSSL from loading
 * openssl.cnf: a program that wants that file for itself loads it before its first nisim_connect.
 *
 *     struct nisim *nisim = NULL;
 *     struct nisim_answer answer;
 *     const struct nisim_options options = {.server = "isim.example.com:7443", .ca_file = "ca.pem",
 *         .certificate_file = "wwsf.pem", .key_file = "wwsf.key", .timeout_ms = 3000};
 *     enum nisim_result result = nisim_new(&options, &nisim);
 *     if (result == NISIM_OK)
 *         result = nisim_connect(nisim);
 *     if (result == NISIM_OK)
 *         result = nisim_authenticate(nisim, NISIM_USER_ID, "+15551001", rand, autn, &answer);
 *     if (result == NISIM_OK)
 *         use(answer.res, answer.ck, answer.ik);
 *     nisim_answer_erase(&answer);
 *     nisim_free(&nisim);
 */
#ifndef NISIM_PROTO_CLIENT_NISIM_H
#define NISIM_PROTO_CLIENT_NISIM_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define NISIM_EXPORT __attribute__((visibility("default")))
#define NISIM_MUST_CHECK __attribute__((warn_unused_result))

#define NISIM_NAME_BYTES 256 /* of a name with its NUL */
#define NISIM_LIST_MAX 8     /* IMPUs or P-CSCFs of one subscription */
#define NISIM_SERVICE_TABLE_BYTES 16
#define NISIM_FILE_BYTES 2048

/* What came of a call, and so what the caller does next. */
enum nisim_result {
    NISIM_OK = 0,
    NISIM_SYNC_FAILURE, /* SQN not fresh: send answer.auts to the network */
    NISIM_MAC_FAILURE,  /* the challenge is not from the home network: reject it */
    NISIM_BAD_REQUEST,  /* fix the call, or the files: they can't be read, a name is too long */
    NISIM_REFUSED,      /* unknown or disabled user, form or client not allowed: ask the operator */
    NISIM_UNAVAILABLE,  /* nothing wrong with the request: try again after a pause */
    NISIM_BROKEN,       /* the appliance has something to repair: give up */
    NISIM_NO_CONNECTION, /* no TCP, TLS or protocol, or the deadline passed: connect again */
    NISIM_NO_MEMORY,
};

/* How a call names a subscriber. */
enum nisim_name {
    NISIM_USER_ID, /* as the operator provisioned it, such as an MSISDN; up to 128 bytes */
    NISIM_IMPI,    /* private identity; up to 255 bytes */
};

/* Texts are copied. Files are PEM. */
struct nisim_options {
    const char *server;           /* "host:port", "[v6]:port" */
    const char *server_name;      /* name its certificate must have; NULL: the host in `server` */
    const char *ca_file;          /* who may have signed the server's certificate */
    const char *certificate_file; /* ours, then its chain */
    const char *key_file;
    unsigned timeout_ms; /* for each call, 1 or more; looking up a host name is not bounded by it */
};

/* What the text of a P-CSCF is. */
enum nisim_p_cscf_kind {
    NISIM_P_CSCF_UNKNOWN, /* the server did not say */
    NISIM_P_CSCF_FQDN,
    NISIM_P_CSCF_IPV4,
    NISIM_P_CSCF_IPV6,
};

struct nisim_identity {
    char impi[NISIM_NAME_BYTES];
    char domain[NISIM_NAME_BYTES];
    size_t impu_count;
    char impus[NISIM_LIST_MAX][NISIM_NAME_BYTES]; /* the first is the default */
    size_t p_cscf_count;
    char p_cscfs[NISIM_LIST_MAX][NISIM_NAME_BYTES]; /* highest priority first */
    size_t service_table_bytes;
    uint8_t service_table[NISIM_SERVICE_TABLE_BYTES]; /* EF_IST (TS 31.103 4.2.7) */
    enum nisim_p_cscf_kind p_cscf_kinds[NISIM_LIST_MAX];
    char webrtc_uri[NISIM_NAME_BYTES]; /* of the WWSF; empty: none */
};

/* A file of the ISIM, or one record of it, in the coding it has on a card (TS 31.103 4.2). */
struct nisim_file {
    size_t record_count; /* of the file; 0: it is transparent */
    size_t data_count;   /* records in `data`, or 1 */
    size_t data_bytes;   /* of each: they are padded with FF to one length */
    uint8_t data[NISIM_FILE_BYTES];
};

/* Octets as TS 33.102 has them. What the result does not name is zero. */
struct nisim_answer {
    uint8_t res[8]; /* NISIM_OK, as are ck and ik */
    uint8_t ck[16];
    uint8_t ik[16];
    uint8_t auts[14]; /* NISIM_SYNC_FAILURE */
};

#define NISIM_HASH_BYTES 65            /* of a hash in hex, with its NUL */
#define NISIM_AUTHORIZATION_BYTES 4096 /* suffices for every Authorization value made here */

#define NISIM_NONCE_BYTES 1025  /* of a nonce with its NUL */
#define NISIM_CNONCE_BYTES 129  /* of a cnonce with its NUL */
#define NISIM_CHALLENGES_MAX 16 /* WWW-Authenticate values of one 401 */

/* What a SIP 401 or 407 asks: parameters of WWW-Authenticate, without their quotes. */
struct nisim_challenge {
    /* "AKAv1-MD5", "AKAv2-MD5", "AKAv2-SHA-256"; of SIP digest "MD5", "SHA-256", "SHA-512-256" */
    const char *algorithm;
    const char *realm;
    const char *nonce;
};

/* The request that is to be authorised. */
struct nisim_sip_request {
    const char *method; /* "REGISTER" */
    const char *uri;    /* the Request-URI */
    const char *qop;    /* "auth", "auth-int", or NULL: then nc and cnonce are NULL too */
    const char *nc;     /* 8 hex digits */
    const char *cnonce;
    const uint8_t *body_hash; /* auth-int: H(body), as long as the algorithm's hash; else NULL */
    /* auth-int: likewise, of the body that the answer to it has; NULL: not known, so no rspauth */
    const uint8_t *answer_body_hash;
};

/* NISIM_SYNC_FAILURE fills auts, and response as computed with an empty password. */
struct nisim_digest {
    char response[NISIM_HASH_BYTES];
    char rspauth[NISIM_HASH_BYTES]; /* what Authentication-Info must say; NISIM_OK only, or "" */
    uint8_t auts[14];
};

/* NISIM_OK fills hash: as good as a password for its realm and nonce. */
struct nisim_ha1 {
    char hash[NISIM_HASH_BYTES];
    uint8_t auts[14]; /* NISIM_SYNC_FAILURE */
};

/* A request as it will be sent. */
struct nisim_sip_message {
    const char *method;
    const char *uri;
    const void *body; /* NULL when it has none */
    size_t body_bytes;
    /*
     * auth-int: the body of the answer, which rspauth is over; NULL: not known, so no rspauth. AKA
     * answers a challenge once, so that only a body that is foreseen can be told ("" and 0 for
     * none, as the answer to REGISTER has). SIP digest may be asked again when it has come, with
     * the exchange as it was, and gives the same Authorization and then rspauth.
     */
    const void *answer_body;
    size_t answer_body_bytes;
};

/*
 * What ties a request to the server's last answer, and its Authentication-Info to it. All zero for
 * a new challenge, also for one with stale=true: that one only says that the nonce was too old.
 */
struct nisim_exchange {
    uint32_t nc;                   /* in: the how manieth request on this nonce; 0 is taken for 1 */
    char nonce[NISIM_NONCE_BYTES]; /* in: nextnonce of the last answer; "": the challenge's own */
    char cnonce[NISIM_CNONCE_BYTES]; /* in: "" has one made; out: what was used, "" without qop */
    char rspauth[NISIM_HASH_BYTES];  /* out: what Authentication-Info must say; "": not known */
    size_t chosen;                   /* out: index of the challenge that was answered */
    int is_stale;                    /* out: it said stale=true */
};

/* What an Authentication-Info said (RFC 7616 3.5). */
struct nisim_authentication_info {
    int is_proven;                      /* its rspauth is right: the server knows the secret */
    char next_nonce[NISIM_NONCE_BYTES]; /* for the next request, with nc 1; "": go on as before */
    const char *why;                    /* what was wrong; a static text, "" with NISIM_OK */
};

#define NISIM_NAF_ID_BYTES 255

/* Of a run of GBA_U. What the result does not name is zero. */
struct nisim_gba_run {
    uint8_t res[8];   /* NISIM_OK: for the answer to the BSF */
    uint8_t auts[14]; /* NISIM_SYNC_FAILURE */
};

/* A NAF's key. b_tid is empty, and lifetime 0, until nisim_gba_store. */
struct nisim_gba_naf {
    uint8_t ks_ext_naf[32];
    char b_tid[NISIM_NAME_BYTES];
    uint64_t lifetime; /* end of Ks: seconds since 1970-01-01 UTC */
};

struct nisim;

/* Checks and copies the options; no file is read and no connection made yet. */
NISIM_EXPORT NISIM_MUST_CHECK enum nisim_result nisim_new(const struct nisim_options *options,
                                                          struct nisim **out_nisim);

/* Closes the connection, wipes, frees, and nulls the caller's pointer. Takes NULL in it. */
NISIM_EXPORT void nisim_free(struct nisim **nisim);

/* Connects, or connects anew; reads the server's HELLO. */
NISIM_EXPORT NISIM_MUST_CHECK enum nisim_result nisim_connect(struct nisim *nisim);

/* Goes through the front to a keeper and its token, and back. */
NISIM_EXPORT NISIM_MUST_CHECK enum nisim_result nisim_ping(struct nisim *nisim);

NISIM_EXPORT NISIM_MUST_CHECK enum nisim_result nisim_identity(struct nisim *nisim,
                                                               enum nisim_name by, const char *name,
                                                               struct nisim_identity *out);

/* `file` is its FID, as 0x6f02; `record` counts from 1, 0: all. `out` is zeroed unless NISIM_OK. */
NISIM_EXPORT NISIM_MUST_CHECK enum nisim_result nisim_read_file(struct nisim *nisim,
                                                                enum nisim_name by,
                                                                const char *name, uint16_t file,
                                                                unsigned record,
                                                                struct nisim_file *out);

/* rand and autn: 16 bytes each. `out` is zeroed unless the result fills it. */
NISIM_EXPORT NISIM_MUST_CHECK enum nisim_result nisim_authenticate(
    struct nisim *nisim, enum nisim_name by, const char *name, const uint8_t *rand,
    const uint8_t *autn, struct nisim_answer *out);

#define NISIM_ATR_BYTES 33      /* of the longest answer to reset */
#define NISIM_COMMAND_BYTES 261 /* of the longest command APDU, the shortest has 4 */
#define NISIM_RESPONSE_BYTES 258

/*
 * The subscriber's ISIM as a card in use on this connection, as if just switched on; another card
 * that was in use on it is no more. *out_bytes of the answer to reset are filled.
 */
NISIM_EXPORT NISIM_MUST_CHECK enum nisim_result nisim_card_reset(struct nisim *nisim,
                                                                 enum nisim_name by,
                                                                 const char *name,
                                                                 uint8_t out_atr[NISIM_ATR_BYTES],
                                                                 size_t *out_bytes);

/*
 * One command APDU (short form) to the card and its answer, data and SW1 SW2, which may be secret
 * (nisim_response_erase). NISIM_BAD_REQUEST with the status NO_CARD: reset it and start anew.
 */
NISIM_EXPORT NISIM_MUST_CHECK enum nisim_result nisim_apdu(
    struct nisim *nisim, enum nisim_name by, const char *name, const uint8_t *command,
    size_t command_bytes, uint8_t out_response[NISIM_RESPONSE_BYTES], size_t *out_bytes);

NISIM_EXPORT NISIM_MUST_CHECK enum nisim_result nisim_card_off(struct nisim *nisim,
                                                               enum nisim_name by,
                                                               const char *name);

NISIM_EXPORT void nisim_response_erase(uint8_t response[NISIM_RESPONSE_BYTES]);

/* The finished digest response (RFC 3310, 4169): RES, CK and IK stay in the appliance. */
NISIM_EXPORT NISIM_MUST_CHECK enum nisim_result nisim_digest(
    struct nisim *nisim, enum nisim_name by, const char *name,
    const struct nisim_challenge *challenge, const struct nisim_sip_request *request,
    struct nisim_digest *out);

/* H(A1) for a SIP stack that computes the response itself. */
NISIM_EXPORT NISIM_MUST_CHECK enum nisim_result nisim_ha1(struct nisim *nisim, enum nisim_name by,
                                                          const char *name,
                                                          const struct nisim_challenge *challenge,
                                                          struct nisim_ha1 *out);

/* The same from a whole WWW-Authenticate value. */
NISIM_EXPORT NISIM_MUST_CHECK enum nisim_result nisim_ha1_of(struct nisim *nisim,
                                                             enum nisim_name by, const char *name,
                                                             const char *www_authenticate,
                                                             struct nisim_ha1 *out);

/*
 * A whole WWW-Authenticate value in, a whole Authorization value out, with nc 1 and a cnonce of its
 * own. `body` is the request's, NULL when it has none. NISIM_OK; and with NISIM_SYNC_FAILURE (auts)
 * and NISIM_MAC_FAILURE (response="", TS 24.229 5.1.1.5.3) too, out_authorization is what to send.
 */
NISIM_EXPORT NISIM_MUST_CHECK enum nisim_result nisim_authorize(
    struct nisim *nisim, enum nisim_name by, const char *name, const char *www_authenticate,
    const char *method, const char *uri, const void *body, size_t body_bytes,
    char out_authorization[NISIM_AUTHORIZATION_BYTES]);

/*
 * The same for a 401 with several challenges (RFC 8760), and for further requests on one nonce. Of
 * the challenges the strongest is answered that the subscriber has a key or secret for: AKAv2
 * before AKAv1 before SIP digest, SHA-512-256 before SHA-256 before MD5; those that can't be read
 * are passed over. AKA answers a nonce once; nc above 1 and nextnonce are for SIP digest.
 */
NISIM_EXPORT NISIM_MUST_CHECK enum nisim_result nisim_authorize_exchange(
    struct nisim *nisim, enum nisim_name by, const char *name, const char *const *www_authenticate,
    size_t count, const struct nisim_sip_message *message, struct nisim_exchange *exchange,
    char out_authorization[NISIM_AUTHORIZATION_BYTES]);

/*
 * Checks a whole Authentication-Info value against the exchange that it answers; asks nobody.
 * NISIM_OK: without rspauth, or where exchange->rspauth is "", nothing is proven.
 * NISIM_MAC_FAILURE: rspauth, cnonce or nc is not this exchange's: the server does not know the
 * secret. NISIM_BAD_REQUEST: it can't be read, or its nextnonce can't be used.
 */
NISIM_EXPORT NISIM_MUST_CHECK enum nisim_result nisim_authentication_info(
    const char *value, const struct nisim_exchange *exchange,
    struct nisim_authentication_info *out);

/*
 * GBA_U (TS 33.220 5.3). A run: the BSF's RAND and AUTN, 16 bytes each, are answered with RES; Ks
 * stays in the appliance and replaces that of the run before.
 */
NISIM_EXPORT NISIM_MUST_CHECK enum nisim_result nisim_gba_bootstrap(
    struct nisim *nisim, enum nisim_name by, const char *name, const uint8_t *rand,
    const uint8_t *autn, struct nisim_gba_run *out);

/* What the BSF said then: B-TID, and the end of Ks in seconds since 1970-01-01 UTC, not 0. */
NISIM_EXPORT NISIM_MUST_CHECK enum nisim_result nisim_gba_store(
    struct nisim *nisim, enum nisim_name by, const char *name, const uint8_t *rand,
    const char *b_tid, uint64_t lifetime);

/* naf_id: the NAF's FQDN, then the Ua security protocol's 5 octets; 6 to 255 bytes. */
NISIM_EXPORT NISIM_MUST_CHECK enum nisim_result nisim_gba_naf(struct nisim *nisim,
                                                              enum nisim_name by, const char *name,
                                                              const uint8_t *naf_id,
                                                              size_t naf_id_bytes,
                                                              struct nisim_gba_naf *out);

NISIM_EXPORT void nisim_gba_run_erase(struct nisim_gba_run *run);

NISIM_EXPORT void nisim_gba_naf_erase(struct nisim_gba_naf *naf);

NISIM_EXPORT void nisim_ha1_erase(struct nisim_ha1 *ha1);

NISIM_EXPORT void nisim_answer_erase(struct nisim_answer *answer);

/* One line on the last call that did not return NISIM_OK: what, where, why. Never a secret. */
NISIM_EXPORT const char *nisim_why(const struct nisim *nisim);

/* Name of the last status the server sent ("UNKNOWN_USER"), or "" when it sent none. */
NISIM_EXPORT const char *nisim_status_name(const struct nisim *nisim);

/* Who the server took us for, and its software, from HELLO; "" before it. */
NISIM_EXPORT const char *nisim_client_name(const struct nisim *nisim);
NISIM_EXPORT const char *nisim_server_software(const struct nisim *nisim);

#ifdef __cplusplus
}
#endif

#endif
