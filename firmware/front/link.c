#include "link.h"

#include <errno.h>
#include <sys/socket.h>
#include <sys/uio.h>

void link_open(struct link *link, int descriptor, uint16_t keeper)
{
    *link = (struct link){.descriptor = descriptor, .keeper = keeper};
}

static bool is_full(int error)
{
    return error == EAGAIN || error == EWOULDBLOCK || error == ENOBUFS || error == ENOMEM ||
           error == EINTR;
}

enum link_result link_send(struct link *link, struct channel_stamp stamp,
                           const struct frame_header *header, const uint8_t *body)
{
    uint8_t head[CHANNEL_STAMP_BYTES + FRAME_HEADER_BYTES];
    struct wire_writer writer = wire_writer_of(head, sizeof head);
    wire_write_number(&writer, stamp.client, CHANNEL_CLIENT_BYTES);
    wire_write_number(&writer, stamp.connection, CHANNEL_CONNECTION_BYTES);
    frame_header_write(header, head + CHANNEL_STAMP_BYTES);
    struct iovec parts[] = {
        {.iov_base = head, .iov_len = sizeof head},
        {.iov_base = (void *)(uintptr_t)body, .iov_len = header->body_bytes}, /* only read */
    };
    struct msghdr message = {.msg_iov = parts, .msg_iovlen = header->body_bytes > 0 ? 2 : 1};
    if (sendmsg(link->descriptor, &message, MSG_DONTWAIT | MSG_NOSIGNAL) >= 0) {
        link->sent++;
        return LINK_DONE;
    }
    if (is_full(errno))
        return LINK_LATER;
    link->ready = false;
    return LINK_CLOSED;
}

static bool parse(const uint8_t *bytes, size_t length, struct link_packet *out_packet)
{
    struct wire_reader reader = wire_reader_of(bytes, length);
    (void)wire_read_bytes(&reader, CHANNEL_STAMP_BYTES);
    const uint8_t *header = wire_read_bytes(&reader, FRAME_HEADER_BYTES);
    if (header == NULL)
        return false;
    struct link_packet packet = {.header = frame_header_read(header)};
    packet.body = wire_read_bytes(&reader, packet.header.body_bytes);
    if (!wire_reader_done(&reader) || packet.header.version != FRAME_VERSION ||
        packet.header.flags != FRAME_FLAG_ANSWER)
        return false;
    *out_packet = packet;
    return true;
}

enum link_result link_receive(struct link *link, uint8_t buffer[CHANNEL_PACKET_BYTES_MAX],
                              struct link_packet *out_packet)
{
    ssize_t got =
        recv(link->descriptor, buffer, CHANNEL_PACKET_BYTES_MAX, MSG_DONTWAIT | MSG_TRUNC);
    if (got < 0 && is_full(errno))
        return LINK_LATER;
    if (got <= 0) {
        link->ready = false;
        link->closed = true;
        return LINK_CLOSED;
    }
    if (got > CHANNEL_PACKET_BYTES_MAX || !parse(buffer, (size_t)got, out_packet))
        return LINK_INVALID;
    return LINK_DONE;
}

void link_mark(struct link *link, uint32_t id)
{
    struct frame_header header = {.version = FRAME_VERSION, .type = MESSAGE_PING, .request_id = id};
    const struct channel_stamp stamp = {.client = CHANNEL_STAMP_FRONT};
    uint64_t number = link->sent;
    link->marker_owed = false;
    switch (link_send(link, stamp, &header, NULL)) {
    case LINK_DONE:
        link->marker = id;
        link->marker_number = number;
        if (link->first_marker == 0)
            link->first_marker = id;
        return;
    case LINK_LATER:
        link->marker_owed = true;
        return;
    default:
        return;
    }
}

/* It is for the operator's eyes only: whether the keeper is ready does not hang on it. */
static void note_keeper(struct link *link, const struct link_packet *packet)
{
    struct wire_reader reader = wire_reader_of(packet->body, packet->header.body_bytes);
    uint32_t generation = (uint32_t)wire_read_number(&reader, CHANNEL_GENERATION_BYTES);
    uint64_t laboratory = wire_read_number(&reader, CHANNEL_LABORATORY_BYTES);
    if (!wire_reader_done(&reader))
        return;
    link->generation = generation;
    link->is_laboratory = laboratory != 0;
}

bool link_marker_answered(struct link *link, const struct link_packet *packet)
{
    uint32_t id = packet->header.request_id;
    if (packet->header.type != MESSAGE_PING || id == 0 ||
        (id != link->marker && id != link->first_marker))
        return false;
    note_keeper(link, packet);
    link->trusted = true;
    link->ready = id == link->marker && !link->marker_owed;
    return true;
}
