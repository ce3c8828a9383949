/*
 * The messages as C structs, and their bodies on the wire. Texts are NUL-terminated here and bare
 * on the wire. Readers write their output only when they return STATUS_OK.
 */
#ifndef NISIM_PROTO_MESSAGE_H
#define NISIM_PROTO_MESSAGE_H

#include "fields.h"
#include "frame.h"
#include "secret.h"

#define RAND_BYTES 16
#define AUTN_BYTES 16
#define AUTS_BYTES 14 /* TS 33.102 6.3.3: (SQN_MS xor AK*) 6, MAC-S 8 */

/* The forms of answer a client may be allowed; bits of FORMS. FORM_CARD is a value of FORM. */
enum answer_form {
    FORM_CARD = 1,   /* RES, CK, IK as the ISIM gives them (TS 31.103 7.1.2.1) */
    FORM_DIGEST = 2, /* the finished digest response (DIGEST) */
    FORM_HA1 = 3,    /* H(A1) for a SIP stack that finishes it (HA1) */
    FORM_FILES = 4,  /* the ISIM's elementary files (READ_FILE) */
    FORM_APDU = 5,   /* the card itself, command by command (APDU) */
    FORM_GBA = 6,    /* GBA_U: B-TID and Ks_ext_NAF */
};
#define FORM_BIT(form) (UINT32_C(1) << (form))

/* How a request names a subscriber: FIELD_USER_ID or FIELD_IMPI. */
struct subscriber_name {
    enum field_tag by;
    char text[NAME_BYTES_MAX + 1];
};

struct hello {
    uint32_t max_body;      /* bytes */
    uint16_t max_in_flight; /* requests of this connection that may wait for an answer */
    uint32_t forms;         /* FORM_BIT of each form this client may ask for */
    uint32_t idle_timeout;  /* seconds; 0 when the server did not say */
    char client_name[NAME_BYTES_MAX + 1];
    char software[64 + 1]; /* empty when the server did not say */
};

enum p_cscf_kind { /* values of P_CSCF_KIND: one more than the address type of EF_P-CSCF */
                   P_CSCF_KIND_FQDN = 1,
                   P_CSCF_KIND_IPV4 = 2,
                   P_CSCF_KIND_IPV6 = 3,
};

struct identity {
    char impi[NAME_BYTES_MAX + 1];
    char domain[NAME_BYTES_MAX + 1];
    size_t impu_count;
    char impus[IMPUS_MAX][NAME_BYTES_MAX + 1]; /* the first is the default (TS 31.103 4.2.4) */
    size_t p_cscf_count;
    char p_cscfs[P_CSCFS_MAX][NAME_BYTES_MAX + 1]; /* highest priority first (4.2.8) */
    uint8_t p_cscf_kinds[P_CSCFS_MAX];             /* enum p_cscf_kind; 0: the server did not say */
    char webrtc_uri[NAME_BYTES_MAX + 1];           /* of the WWSF (4.2.22); empty: none */
    size_t service_table_bytes;
    uint8_t service_table[SERVICE_TABLE_BYTES_MAX]; /* EF_IST coding (4.2.7) */
};

struct authenticate_request {
    struct subscriber_name subscriber;
    uint8_t rand[RAND_BYTES];
    uint8_t autn[AUTN_BYTES];
    enum answer_form form;
};

/* By status: OK fills res, ck, ik; SYNC_FAILURE fills auts; no other fills anything. */
struct authenticate_answer {
    struct secret64 res;
    struct secret128 ck;
    struct secret128 ik;
    uint8_t auts[AUTS_BYTES];
};

static inline void authenticate_answer_erase(struct authenticate_answer *answer)
{
    secret_wipe(answer, sizeof *answer);
}

/* Reserves room for the header; frame_end fills it in from what was written since. */
void frame_begin(struct wire_writer *writer);

/* Completes the frame. body_bytes of `header` is set here. False when the buffer was too small. */
MUST_CHECK bool frame_end(struct wire_writer *writer, struct frame_header header);

/* A whole frame that refuses: the status, and the field at fault if there is one. */
MUST_CHECK bool frame_write_failure(struct wire_writer *writer, uint8_t type, uint32_t request_id,
                                    struct fault fault);

/* The field at fault that a failure's body names, or 0. */
uint16_t failure_read(const uint8_t *body, size_t body_bytes);

MUST_CHECK struct fault hello_read(const uint8_t *body, size_t body_bytes, struct hello *out);
void hello_write(struct wire_writer *writer, const struct hello *hello);

/* Who the request is about, named once: by user id or by IMPI. */
MUST_CHECK struct fault subscriber_name_read(const struct fields *fields,
                                             struct subscriber_name *out);

MUST_CHECK struct fault ping_read(const uint8_t *body, size_t body_bytes);

MUST_CHECK struct fault identity_request_read(const uint8_t *body, size_t body_bytes,
                                              struct subscriber_name *out);
void identity_request_write(struct wire_writer *writer, const struct subscriber_name *name);
MUST_CHECK struct fault identity_read(const uint8_t *body, size_t body_bytes, struct identity *out);
/* The kinds of the P-CSCFs are written as the texts are, whatever p_cscf_kinds says. */
void identity_write(struct wire_writer *writer, const struct identity *identity);

MUST_CHECK struct fault authenticate_request_read(const uint8_t *body, size_t body_bytes,
                                                  struct authenticate_request *out);
void authenticate_request_write(struct wire_writer *writer,
                                const struct authenticate_request *request);
/* status: STATUS_OK or STATUS_SYNC_FAILURE. */
MUST_CHECK struct fault authenticate_answer_read(enum status status, const uint8_t *body,
                                                 size_t body_bytes,
                                                 struct authenticate_answer *out);
void authenticate_answer_write(struct wire_writer *writer, enum status status,
                               const struct authenticate_answer *answer);

#endif
