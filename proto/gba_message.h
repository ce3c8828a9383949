/*
 * GBA_BOOTSTRAP, GBA_STORE and GBA_NAF as C structs, and their bodies on the wire (TS 33.220 5.3).
 * Readers write their output only when they return STATUS_OK.
 */
#ifndef NISIM_PROTO_GBA_MESSAGE_H
#define NISIM_PROTO_GBA_MESSAGE_H

#include "message.h"

#define KS_EXT_NAF_BYTES 32

struct gba_bootstrap_request {
    struct subscriber_name subscriber;
    uint8_t rand[RAND_BYTES];
    uint8_t autn[AUTN_BYTES];
};

/* By status: OK fills res, SYNC_FAILURE auts. */
struct gba_bootstrap_answer {
    struct secret64 res;
    uint8_t auts[AUTS_BYTES];
};

/* What the BSF said of the run that began with this RAND. */
struct gba_store_request {
    struct subscriber_name subscriber;
    uint8_t rand[RAND_BYTES];
    char b_tid[NAME_BYTES_MAX + 1];
    uint64_t lifetime; /* end of Ks: seconds since 1970-01-01 UTC, never 0 */
};

struct gba_naf_request {
    struct subscriber_name subscriber;
    size_t naf_id_bytes;
    uint8_t naf_id[NAF_ID_BYTES_MAX]; /* FQDN, then the Ua security protocol's 5 octets */
};

struct gba_naf_answer {
    uint8_t ks_ext_naf[KS_EXT_NAF_BYTES];
    char b_tid[NAME_BYTES_MAX + 1]; /* empty, and lifetime 0, before GBA_STORE */
    uint64_t lifetime;
};

static inline void gba_bootstrap_answer_erase(struct gba_bootstrap_answer *answer)
{
    secret_wipe(answer, sizeof *answer);
}

static inline void gba_naf_answer_erase(struct gba_naf_answer *answer)
{
    secret_wipe(answer, sizeof *answer);
}

MUST_CHECK struct fault gba_bootstrap_request_read(const uint8_t *body, size_t body_bytes,
                                                   struct gba_bootstrap_request *out);
void gba_bootstrap_request_write(struct wire_writer *writer,
                                 const struct gba_bootstrap_request *request);

/* status: STATUS_OK or STATUS_SYNC_FAILURE. */
MUST_CHECK struct fault gba_bootstrap_answer_read(enum status status, const uint8_t *body,
                                                  size_t body_bytes,
                                                  struct gba_bootstrap_answer *out);
void gba_bootstrap_answer_write(struct wire_writer *writer, enum status status,
                                const struct gba_bootstrap_answer *answer);

/* The answer has no fields. */
MUST_CHECK struct fault gba_store_request_read(const uint8_t *body, size_t body_bytes,
                                               struct gba_store_request *out);
void gba_store_request_write(struct wire_writer *writer, const struct gba_store_request *request);

MUST_CHECK struct fault gba_naf_request_read(const uint8_t *body, size_t body_bytes,
                                             struct gba_naf_request *out);
void gba_naf_request_write(struct wire_writer *writer, const struct gba_naf_request *request);
MUST_CHECK struct fault gba_naf_answer_read(const uint8_t *body, size_t body_bytes,
                                            struct gba_naf_answer *out);
void gba_naf_answer_write(struct wire_writer *writer, const struct gba_naf_answer *answer);

#endif
