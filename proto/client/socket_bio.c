#include "socket_bio.h"

#include <errno.h>
#include <stdbool.h>
#include <sys/socket.h>

static int descriptor_of(BIO *bio)
{
    const int *descriptor = BIO_get_data(bio);
    return *descriptor;
}

static bool would_wait(int error)
{
    return error == EAGAIN || error == EWOULDBLOCK || error == EINTR;
}

static int write_socket(BIO *bio, const char *bytes, int length)
{
    BIO_clear_retry_flags(bio);
    ssize_t sent = send(descriptor_of(bio), bytes, (size_t)length, MSG_NOSIGNAL);
    if (sent < 0 && would_wait(errno))
        BIO_set_retry_write(bio);
    return (int)sent;
}

static int read_socket(BIO *bio, char *buffer, int room)
{
    BIO_clear_retry_flags(bio);
    ssize_t got = recv(descriptor_of(bio), buffer, (size_t)room, 0);
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
    BIO_METHOD *method = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "nisim socket");
    if (method == NULL)
        return NULL;
    BIO_meth_set_write(method, write_socket);
    BIO_meth_set_read(method, read_socket);
    BIO_meth_set_ctrl(method, control);
    return method;
}

BIO *socket_bio_new(OSSL_LIB_CTX *library, const BIO_METHOD *method, const int *descriptor)
{
    BIO *bio = BIO_new_ex(library, method);
    if (bio == NULL)
        return NULL;
    BIO_set_data(bio, (void *)(uintptr_t)descriptor); /* only read */
    BIO_set_init(bio, 1);
    return bio;
}
