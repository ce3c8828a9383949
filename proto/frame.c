#include "frame.h"

#include "fields.h"

struct frame_header frame_header_read(const uint8_t bytes[FRAME_HEADER_BYTES])
{
    struct wire_reader reader = wire_reader_of(bytes, FRAME_HEADER_BYTES);
    struct frame_header header = {0};
    header.body_bytes = (uint32_t)wire_read_number(&reader, 4);
    header.version = (uint8_t)wire_read_number(&reader, 1);
    header.type = (uint8_t)wire_read_number(&reader, 1);
    header.flags = (uint8_t)wire_read_number(&reader, 1);
    header.status = (uint8_t)wire_read_number(&reader, 1);
    header.request_id = (uint32_t)wire_read_number(&reader, 4);
    return header;
}

void frame_header_write(const struct frame_header *header, uint8_t out_bytes[FRAME_HEADER_BYTES])
{
    struct wire_writer writer = wire_writer_of(out_bytes, FRAME_HEADER_BYTES);
    wire_write_number(&writer, header->body_bytes, 4);
    wire_write_number(&writer, header->version, 1);
    wire_write_number(&writer, header->type, 1);
    wire_write_number(&writer, header->flags, 1);
    wire_write_number(&writer, header->status, 1);
    wire_write_number(&writer, header->request_id, 4);
}

enum status frame_check_request(const struct frame_header *header)
{
    if (header->version != FRAME_VERSION)
        return STATUS_UNSUPPORTED_VERSION;
    if (header->body_bytes > FRAME_BODY_BYTES_MAX)
        return STATUS_FRAME_TOO_LARGE;
    if (header->flags != 0 || header->status != 0)
        return STATUS_MALFORMED;
    if (message_name(header->type) == NULL || header->type == MESSAGE_HELLO)
        return STATUS_UNKNOWN_MESSAGE;
    return STATUS_OK;
}
