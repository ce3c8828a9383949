#include "socket_bio.h"

#include <errno.h>
#include <stdbool.h>
#include <sys/socket.h>

/* Too late: errno says ETIMEDOUT, which is final. */
static bool is_late(const struct socket_end *end)
{
    if (end->deadline == NULL || !deadline_passed(end->deadline))
        return false;
    errno = ETIMEDOUT;
    return true;
}

static bool would_wait(int error)
{
    return error == EAGAIN || error == EWOULDBLOCK || error == EINTR;
}

static int write_socket(BIO *bio, const char *bytes, int length)
{
    const struct socket_end *end = BIO_get_data(bio);
    BIO_clear_retry_flags(bio);
    if (is_late(end))
        return -1;
    ssize_t sent = send(end->descriptor, bytes, (size_t)length, MSG_NOSIGNAL);
    if (sent < 0 && would_wait(errno))
        BIO_set_retry_write(bio);
    return (int)sent;
}

static int read_socket(BIO *bio, char *buffer, int room)
{
    const struct socket_end *end = BIO_get_data(bio);
    BIO_clear_retry_flags(bio);
    if (is_late(end))
        return -1;
    ssize_t got = recv(end->descriptor, buffer, (size_t)room, 0);
    if (got < 0 && would_wait(errno))
        BIO_set_retry_read(bio);
    if (got == 0)
        BIO_set_flags(bio, BIO_FLAGS_IN_EOF);
    return (int)got;
}

static long control(BIO *bio, int command, long number, void *pointer)
{
    (void)number;
    (void)pointer;
    switch (command) {
    case BIO_CTRL_FLUSH:
        return 1;
    case BIO_CTRL_EOF:
        return BIO_test_flags(bio, BIO_FLAGS_IN_EOF) != 0;
    default:
        return 0;
    }
}

BIO_METHOD *socket_bio_method(void)
{
    /* No index of its own: they are few, and given out once for the whole process. */
    BIO_METHOD *method = BIO_meth_new(BIO_TYPE_SOURCE_SINK, "nisim socket");
    if (method == NULL)
        return NULL;
    BIO_meth_set_write(method, write_socket);
    BIO_meth_set_read(method, read_socket);
    BIO_meth_set_ctrl(method, control);
    return method;
}

BIO *socket_bio_new(OSSL_LIB_CTX *library, const BIO_METHOD *method, struct socket_end *end)
{
    BIO *bio = BIO_new_ex(library, method);
    if (bio == NULL)
        return NULL;
    BIO_set_data(bio, end);
    BIO_set_init(bio, 1);
    return bio;
}
