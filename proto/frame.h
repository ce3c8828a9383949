/*
 * A frame: a header of 12 bytes, then a body of fields (tag 2, length 2, value). Big endian.
 *
 *   0  body length     4   bytes that follow the header
 *   4  version         1   FRAME_VERSION
 *   5  message type    1   enum message_type
 *   6  flags           1   bit 0: an answer; the other bits are zero
 *   7  status          1   enum status; zero in a request
 *   8  request id      4   chosen by the client, echoed in the answer
 */
#ifndef NISIM_PROTO_FRAME_H
#define NISIM_PROTO_FRAME_H

#include "status.h"
#include "wire.h"

#define FRAME_VERSION 1
#define FRAME_ALPN "nisim/1"
#define FRAME_HEADER_BYTES 12
#define FRAME_BODY_BYTES_MAX 8192
#define FRAME_BYTES_MAX (FRAME_HEADER_BYTES + FRAME_BODY_BYTES_MAX)
#define FRAME_FLAG_ANSWER 0x01

struct frame_header {
    uint32_t body_bytes;
    uint8_t version;
    uint8_t type;
    uint8_t flags;
    uint8_t status;
    uint32_t request_id;
};

/* Reads FRAME_HEADER_BYTES bytes; judges nothing. */
struct frame_header frame_header_read(const uint8_t bytes[FRAME_HEADER_BYTES]);

void frame_header_write(const struct frame_header *header, uint8_t out_bytes[FRAME_HEADER_BYTES]);

/*
 * Is this the header of a request that may be read further? STATUS_OK, or the reason; after
 * UNSUPPORTED_VERSION, FRAME_TOO_LARGE and MALFORMED the stream can't be trusted and is closed.
 */
MUST_CHECK enum status frame_check_request(const struct frame_header *header);

#endif
