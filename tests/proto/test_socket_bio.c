/* What OpenSSL is told about the socket; test_client.py can't send fast enough to show it all. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include <errno.h>
#include <signal.h>
#include <sys/socket.h>
#include <unistd.h>

#include "socket_bio.h"

struct ends {
    int peer;
    struct socket_end end;
    BIO_METHOD *method;
    BIO *bio;
};

static void set_up(struct ends *ends)
{
    int pair[2];
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, pair), 0);
    ends->peer = pair[0];
    ends->end = (struct socket_end){.descriptor = pair[1]};
    ends->method = socket_bio_method();
    assert_non_null(ends->method);
    ends->bio = socket_bio_new(NULL, ends->method, &ends->end);
    assert_non_null(ends->bio);
}

static void tear_down(struct ends *ends)
{
    BIO_free(ends->bio);
    BIO_meth_free(ends->method);
    close(ends->end.descriptor);
    close(ends->peer);
}

static void after_the_deadline_nothing_is_moved(void **state)
{
    (void)state;
    const struct deadline passed = deadline_in(0);
    const struct deadline ahead = deadline_in(60000);
    struct ends ends;
    char byte = 0;
    set_up(&ends);
    assert_int_equal(send(ends.peer, "ab", 2, 0), 2);
    ends.end.deadline = &passed;
    errno = 0;
    assert_int_equal(BIO_read(ends.bio, &byte, 1), -1);
    assert_int_equal(errno, ETIMEDOUT);
    assert_false(BIO_should_retry(ends.bio));
    assert_int_equal(BIO_write(ends.bio, "c", 1), -1);
    assert_int_equal(errno, ETIMEDOUT);
    assert_false(BIO_should_retry(ends.bio));
    assert_int_equal(recv(ends.peer, &byte, 1, 0), -1);
    ends.end.deadline = &ahead;
    assert_int_equal(BIO_read(ends.bio, &byte, 1), 1);
    assert_int_equal(byte, 'a');
    ends.end.deadline = NULL;
    assert_int_equal(BIO_read(ends.bio, &byte, 1), 1);
    assert_int_equal(byte, 'b');
    tear_down(&ends);
}

static void a_socket_that_is_not_ready_is_tried_again(void **state)
{
    (void)state;
    static const char many[65536];
    struct ends ends;
    char byte = 0;
    set_up(&ends);
    assert_int_equal(BIO_read(ends.bio, &byte, 1), -1);
    assert_true(BIO_should_read(ends.bio));
    while (BIO_write(ends.bio, many, sizeof many) > 0)
        ;
    assert_true(BIO_should_write(ends.bio));
    assert_false(BIO_should_read(ends.bio));
    tear_down(&ends);
}

static void a_peer_that_is_gone(void **state)
{
    (void)state;
    struct ends ends;
    char byte = 0;
    assert_true(signal(SIGPIPE, SIG_DFL) != SIG_ERR);
    set_up(&ends);
    assert_int_equal(BIO_eof(ends.bio), 0);
    shutdown(ends.peer, SHUT_RDWR);
    assert_int_equal(BIO_read(ends.bio, &byte, 1), 0);
    assert_false(BIO_should_retry(ends.bio));
    assert_int_equal(BIO_eof(ends.bio), 1);
    assert_int_equal(BIO_write(ends.bio, "a", 1), -1);
    assert_int_equal(errno, EPIPE);
    assert_false(BIO_should_retry(ends.bio));
    tear_down(&ends);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(after_the_deadline_nothing_is_moved),
        cmocka_unit_test(a_socket_that_is_not_ready_is_tried_again),
        cmocka_unit_test(a_peer_that_is_gone),
    };
    return cmocka_run_group_tests_name("socket_bio", tests, NULL, NULL);
}
