/* libnisim as a WWSF sees it: nisim.h, the shared library, nothing else of the project. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <arpa/inet.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "nisim.h"

#define COUNT_OF(list) (sizeof(list) / sizeof((list)[0]))
#define TIMEOUT_MS 1000

static char folder[] = "/tmp/nisim-library-XXXXXX";
static char certificate_file[64];
static char key_file[64];

static struct nisim_options usual(void)
{
    return (struct nisim_options){.server = "127.0.0.1:1",
                                  .ca_file = certificate_file,
                                  .certificate_file = certificate_file,
                                  .key_file = key_file,
                                  .timeout_ms = TIMEOUT_MS};
}

static void make_certificate(void)
{
    execlp("openssl", "openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt",
           "ec_paramgen_curve:P-256", "-nodes", "-subj", "/CN=test", "-keyout", key_file, "-out",
           certificate_file, (char *)NULL);
    _exit(127);
}

static int set_up(void **state)
{
    (void)state;
    int status = 0;
    if (mkdtemp(folder) == NULL)
        return -1;
    snprintf(certificate_file, sizeof certificate_file, "%s/test.pem", folder);
    snprintf(key_file, sizeof key_file, "%s/test.key", folder);
    pid_t child = fork();
    if (child == 0)
        make_certificate();
    return child > 0 && waitpid(child, &status, 0) == child && status == 0 ? 0 : -1;
}

static int tear_down(void **state)
{
    (void)state;
    unlink(certificate_file);
    unlink(key_file);
    return rmdir(folder);
}

static struct nisim *made(const struct nisim_options *options)
{
    struct nisim *nisim = NULL;
    assert_int_equal(nisim_new(options, &nisim), NISIM_OK);
    assert_non_null(nisim);
    return nisim;
}

static void options_that_are_not_whole(void **state)
{
    (void)state;
    struct nisim_options bad[6];
    struct nisim *nisim = NULL;
    for (size_t i = 0; i < COUNT_OF(bad); i++)
        bad[i] = usual();
    bad[0].server = NULL;
    bad[1].ca_file = NULL;
    bad[2].certificate_file = NULL;
    bad[3].key_file = NULL;
    bad[4].timeout_ms = 0;
    bad[5] = (struct nisim_options){0};
    for (size_t i = 0; i < COUNT_OF(bad); i++) {
        assert_int_equal(nisim_new(&bad[i], &nisim), NISIM_BAD_REQUEST);
        assert_null(nisim);
    }
}

static void servers_that_are_no_host_and_port(void **state)
{
    (void)state;
    static const char *const bad[] = {"",     "localhost", ":1",     "localhost:", "::1:1",
                                      "[]:1", "[::1]",     "[::1:1", "[::1]1",     "x]:y:1"};
    static const char *const good[] = {"localhost:1", "[::1]:1", "a:https", "192.0.2.1:65535"};
    struct nisim_options options = usual();
    struct nisim *nisim = NULL;
    for (size_t i = 0; i < COUNT_OF(bad); i++) {
        options.server = bad[i];
        if (nisim_new(&options, &nisim) != NISIM_BAD_REQUEST)
            fail_msg("\"%s\" is not refused", bad[i]);
        assert_null(nisim);
    }
    for (size_t i = 0; i < COUNT_OF(good); i++) {
        options.server = good[i];
        nisim = made(&options);
        nisim_free(&nisim);
    }
}

/* OpenSSL would check no name, or only the end of it. */
static void names_that_fit_too_much(void **state)
{
    (void)state;
    static const char *const bad[] = {"", ".", ".example.com"};
    struct nisim_options options = usual();
    struct nisim *nisim = NULL;
    for (size_t i = 0; i < COUNT_OF(bad); i++) {
        options.server_name = bad[i];
        assert_int_equal(nisim_new(&options, &nisim), NISIM_BAD_REQUEST);
        assert_null(nisim);
    }
}

static void free_takes_null(void **state)
{
    (void)state;
    const struct nisim_options options = usual();
    struct nisim *nisim = NULL;
    nisim_free(&nisim);
    nisim = made(&options);
    nisim_free(&nisim);
    assert_null(nisim);
    nisim_free(&nisim);
}

static void options_are_copied(void **state)
{
    (void)state;
    char server[] = "127.0.0.1:1";
    struct nisim_options options = usual();
    options.server = server;
    struct nisim *nisim = made(&options);
    memset(server, 'x', sizeof server - 1);
    assert_int_equal(nisim_connect(nisim), NISIM_NO_CONNECTION);
    assert_non_null(strstr(nisim_why(nisim), "127.0.0.1:1: "));
    nisim_free(&nisim);
}

static void texts_are_never_null(void **state)
{
    (void)state;
    const struct nisim_options options = usual();
    struct nisim *nisim = made(&options);
    assert_string_equal(nisim_why(nisim), "");
    assert_string_equal(nisim_status_name(nisim), "");
    assert_string_equal(nisim_client_name(nisim), "");
    assert_string_equal(nisim_server_software(nisim), "");
    nisim_free(&nisim);
}

static void assert_zero(const struct nisim_answer *answer)
{
    static const struct nisim_answer zero;
    assert_memory_equal(answer, &zero, sizeof zero);
}

static void assert_said(const struct nisim *nisim, const char *words)
{
    assert_non_null(strstr(nisim_why(nisim), words));
    assert_null(strchr(nisim_why(nisim), '\n'));
    assert_string_equal(nisim_status_name(nisim), "");
}

static void calls_without_connection(void **state)
{
    (void)state;
    static const uint8_t challenge[16];
    const struct nisim_options options = usual();
    struct nisim *nisim = made(&options);
    struct nisim_identity identity;
    struct nisim_answer answer;
    memset(&answer, 0xa5, sizeof answer);
    assert_int_equal(nisim_ping(nisim), NISIM_NO_CONNECTION);
    assert_said(nisim, "not connected");
    assert_int_equal(nisim_identity(nisim, NISIM_USER_ID, "a", &identity), NISIM_NO_CONNECTION);
    assert_said(nisim, "not connected");
    assert_int_equal(nisim_authenticate(nisim, NISIM_USER_ID, "a", challenge, challenge, &answer),
                     NISIM_NO_CONNECTION);
    assert_said(nisim, "not connected");
    assert_zero(&answer);
    nisim_free(&nisim);
}

static void names_that_are_no_names(void **state)
{
    (void)state;
    static const uint8_t challenge[16];
    static const char *const bad[] = {"", "a\nb", "\xff", "\xc0\xaf", "a\x7f"};
    char longest[257];
    const struct nisim_options options = usual();
    struct nisim *nisim = made(&options);
    struct nisim_identity identity;
    struct nisim_answer answer;
    for (size_t i = 0; i < COUNT_OF(bad); i++) {
        memset(&answer, 0xa5, sizeof answer);
        assert_int_equal(nisim_identity(nisim, NISIM_IMPI, bad[i], &identity), NISIM_BAD_REQUEST);
        assert_int_equal(
            nisim_authenticate(nisim, NISIM_USER_ID, bad[i], challenge, challenge, &answer),
            NISIM_BAD_REQUEST);
        assert_said(nisim, "user id");
        assert_zero(&answer);
    }
    memset(longest, 'x', sizeof longest);
    longest[256] = '\0';
    assert_int_equal(nisim_identity(nisim, NISIM_IMPI, longest, &identity), NISIM_BAD_REQUEST);
    longest[255] = '\0';
    assert_int_equal(nisim_identity(nisim, NISIM_IMPI, longest, &identity), NISIM_NO_CONNECTION);
    longest[129] = '\0';
    assert_int_equal(nisim_identity(nisim, NISIM_USER_ID, longest, &identity), NISIM_BAD_REQUEST);
    longest[128] = '\0';
    assert_int_equal(nisim_identity(nisim, NISIM_USER_ID, longest, &identity), NISIM_NO_CONNECTION);
    nisim_free(&nisim);
}

static void files_that_cannot_be_read(void **state)
{
    (void)state;
    struct nisim_options options = usual();
    options.ca_file = "/nonexistent/ca.pem";
    struct nisim *nisim = made(&options);
    assert_int_equal(nisim_connect(nisim), NISIM_BAD_REQUEST);
    assert_said(nisim, "/nonexistent/ca.pem: No such file");
    nisim_free(&nisim);
}

/* Takes `count` connections and does with each what the test wants of a bad server. */
static pid_t serve(void (*talk)(int connection), int count, char *out_server, size_t room)
{
    struct sockaddr_in address = {.sin_family = AF_INET};
    socklen_t length = sizeof address;
    int listener = socket(AF_INET, SOCK_STREAM, 0);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    assert_int_equal(bind(listener, (struct sockaddr *)&address, length), 0);
    assert_int_equal(listen(listener, count), 0);
    assert_int_equal(getsockname(listener, (struct sockaddr *)&address, &length), 0);
    snprintf(out_server, room, "127.0.0.1:%u", (unsigned)ntohs(address.sin_port));
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        alarm(60);
        for (int i = 0; i < count; i++)
            talk(accept(listener, NULL, NULL));
        _exit(0);
    }
    close(listener);
    return child;
}

static void hang_up(int connection)
{
    close(connection);
}

static void reset(int connection)
{
    const struct linger at_once = {.l_onoff = 1, .l_linger = 0};
    setsockopt(connection, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
    close(connection);
}

static void say_garbage(int connection)
{
    static const char garbage[] = "220 mail.example.com\r\n";
    (void)send(connection, garbage, sizeof garbage - 1, MSG_NOSIGNAL);
    close(connection);
}

static void keep_silent(int connection)
{
    char byte = 0;
    while (recv(connection, &byte, 1, 0) > 0)
        ;
    close(connection);
}

/* SIGPIPE has its usual action here, so raising it would end the test. */
static void try_server(void (*talk)(int connection), int tries)
{
    static const uint8_t challenge[16];
    char server[32];
    pid_t child = serve(talk, tries, server, sizeof server);
    struct nisim_options options = usual();
    options.server = server;
    struct nisim *nisim = made(&options);
    struct nisim_answer answer;
    for (int i = 0; i < tries; i++) {
        memset(&answer, 0xa5, sizeof answer);
        assert_int_equal(nisim_connect(nisim), NISIM_NO_CONNECTION);
        assert_said(nisim, server);
        assert_int_equal(
            nisim_authenticate(nisim, NISIM_USER_ID, "a", challenge, challenge, &answer),
            NISIM_NO_CONNECTION);
        assert_zero(&answer);
    }
    nisim_free(&nisim);
    assert_int_equal(waitpid(child, NULL, 0), child);
}

static void a_server_that_is_gone(void **state)
{
    (void)state;
    assert_true(signal(SIGPIPE, SIG_DFL) != SIG_ERR);
    try_server(hang_up, 200); /* more often than OpenSSL has indices for kinds of BIO */
    try_server(reset, 50);
    try_server(say_garbage, 5);
}

static void a_server_that_is_silent(void **state)
{
    (void)state;
    struct timespec began = {0};
    struct timespec ended = {0};
    clock_gettime(CLOCK_MONOTONIC, &began);
    try_server(keep_silent, 1);
    clock_gettime(CLOCK_MONOTONIC, &ended);
    int64_t ms = (ended.tv_sec - began.tv_sec) * 1000 + (ended.tv_nsec - began.tv_nsec) / 1000000;
    assert_in_range(ms, TIMEOUT_MS, 2 * TIMEOUT_MS);
}

static void an_answer_is_erased(void **state)
{
    (void)state;
    struct nisim_answer answer;
    memset(&answer, 0xa5, sizeof answer);
    nisim_answer_erase(&answer);
    assert_zero(&answer);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(options_that_are_not_whole),
        cmocka_unit_test(servers_that_are_no_host_and_port),
        cmocka_unit_test(names_that_fit_too_much),
        cmocka_unit_test(free_takes_null),
        cmocka_unit_test(options_are_copied),
        cmocka_unit_test(texts_are_never_null),
        cmocka_unit_test(calls_without_connection),
        cmocka_unit_test(names_that_are_no_names),
        cmocka_unit_test(files_that_cannot_be_read),
        cmocka_unit_test(a_server_that_is_gone),
        cmocka_unit_test(a_server_that_is_silent),
        cmocka_unit_test(an_answer_is_erased),
    };
    return cmocka_run_group_tests_name("library", tests, set_up, tear_down);
}
