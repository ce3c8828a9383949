#include "reader.h"

#include <errno.h>
#include <poll.h>
#include <sys/socket.h>
#include <time.h>

#include "tcp.h"

#define MESSAGE_MS 5000 /* for a message to be taken, or to come, whole */

int reader_connect(const char *host, const char *port, char out_why[READER_WHY_BYTES])
{
    struct deadline deadline = deadline_in(MESSAGE_MS);
    return tcp_connect(host, port, &deadline, out_why, READER_WHY_BYTES);
}

static enum reader_result read_exactly(int reader, uint8_t *out_bytes, size_t length,
                                       const struct deadline *deadline)
{
    while (length > 0) {
        ssize_t got = recv(reader, out_bytes, length, MSG_DONTWAIT);
        if (got == 0 || (got < 0 && errno != EAGAIN && errno != EINTR))
            return READER_GONE;
        if (got < 0 && deadline_wait(deadline, reader, POLLIN) <= 0)
            return READER_GONE;
        if (got > 0) {
            out_bytes += got;
            length -= (size_t)got;
        }
    }
    return READER_DONE;
}

enum reader_result reader_receive(int reader, unsigned wait_ms, const sigset_t *waiting,
                                  uint8_t out_message[READER_MESSAGE_BYTES_MAX], size_t *out_bytes)
{
    uint8_t head[2];
    struct pollfd readable = {.fd = reader, .events = POLLIN};
    const struct timespec wait = {.tv_sec = wait_ms / 1000,
                                  .tv_nsec = (long)(wait_ms % 1000) * 1000000};
    int ready = ppoll(&readable, 1, &wait, waiting);
    if (ready < 0 && errno != EINTR)
        return READER_GONE;
    if (ready <= 0)
        return READER_QUIET;
    struct deadline deadline = deadline_in(MESSAGE_MS);
    enum reader_result result = read_exactly(reader, head, sizeof head, &deadline);
    if (result != READER_DONE)
        return result;
    *out_bytes = (size_t)head[0] << 8 | head[1];
    return read_exactly(reader, out_message, *out_bytes, &deadline);
}

static enum reader_result write_exactly(int reader, const uint8_t *bytes, size_t length,
                                        const struct deadline *deadline)
{
    while (length > 0) {
        ssize_t sent = send(reader, bytes, length, MSG_DONTWAIT | MSG_NOSIGNAL);
        if (sent < 0 && errno != EAGAIN && errno != EINTR)
            return READER_GONE;
        if (sent < 0 && deadline_wait(deadline, reader, POLLOUT) <= 0)
            return READER_GONE;
        if (sent > 0) {
            bytes += sent;
            length -= (size_t)sent;
        }
    }
    return READER_DONE;
}

enum reader_result reader_send(int reader, const void *message, size_t bytes)
{
    struct deadline deadline = deadline_in(MESSAGE_MS);
    const uint8_t head[2] = {(uint8_t)(bytes >> 8), (uint8_t)bytes};
    enum reader_result result = write_exactly(reader, head, sizeof head, &deadline);
    return result == READER_DONE ? write_exactly(reader, message, bytes, &deadline) : result;
}
