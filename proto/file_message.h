/* READ_FILE: the ISIM's elementary files (TS 31.103 4.2) in the coding they have on a card. */
#ifndef NISIM_PROTO_FILE_MESSAGE_H
#define NISIM_PROTO_FILE_MESSAGE_H

#include "message.h"

enum file_structure { /* values of STRUCTURE (TS 102 221 8.2.2) */
                      FILE_TRANSPARENT = 1,
                      FILE_LINEAR_FIXED = 2,
};

struct file_request {
    struct subscriber_name subscriber;
    uint16_t file;  /* FID */
    uint8_t record; /* from 1; 0: all there is */
};

struct file_answer {
    enum file_structure structure;
    uint8_t record_count; /* of the file; 0 when it is transparent */
    size_t data_count;    /* how many of `data` */
    size_t data_bytes;    /* of each */
    uint8_t data[FILE_DATA_BYTES_MAX];
};

MUST_CHECK struct fault file_request_read(const uint8_t *body, size_t body_bytes,
                                          struct file_request *out);
void file_request_write(struct wire_writer *writer, const struct file_request *request);

/* *out is of no use unless STATUS_OK. */
MUST_CHECK struct fault file_answer_read(const uint8_t *body, size_t body_bytes,
                                         struct file_answer *out);
void file_answer_write(struct wire_writer *writer, const struct file_answer *answer);

#endif
