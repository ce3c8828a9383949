/* Each attempt runs in a child of its own that has confined itself first. */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "confine.h"

#ifdef NISIM_SANITIZED
#define CONFINED 0
#else
#define CONFINED 1
#endif

#define SOCKET_END 9 /* of a pair, as a channel or a listener would be */

static bool as_front(void)
{
    return confine_front(false);
}

static bool as_front_with_module(void)
{
    return confine_front(true);
}

static bool as_keeper(void)
{
    return confine_keeper(false);
}

static bool as_keeper_with_network(void)
{
    return confine_keeper(true);
}

static bool open_file(void)
{
    return open("/etc/passwd", O_RDONLY | O_CLOEXEC) >= 0;
}

static bool open_network(void)
{
    return socket(AF_INET, SOCK_STREAM, 0) >= 0;
}

static bool open_local(void)
{
    return socket(AF_UNIX, SOCK_STREAM, 0) >= 0;
}

static bool start_process(void)
{
    pid_t pid = fork();
    if (pid == 0)
        _exit(0);
    return pid > 0;
}

static void *thread(void *argument)
{
    return argument;
}

static bool start_thread(void)
{
    pthread_t id;
    return pthread_create(&id, NULL, thread, NULL) == 0 && pthread_join(id, NULL) == 0;
}

static bool signal_parent(void)
{
    return kill(getppid(), 0) == 0;
}

static bool signal_itself(void)
{
    return kill(getpid(), 0) == 0;
}

static bool start_program(void)
{
    char *const arguments[] = {(char[]){"true"}, NULL};
    execv("/bin/true", arguments);
    return false;
}

static bool trace(void)
{
    return ptrace(PTRACE_TRACEME, 0, 0, 0) == 0;
}

static bool map_code(void)
{
    return mmap(NULL, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) !=
           MAP_FAILED;
}

static bool use_socket(void)
{
    char octet = 0;
    return send(SOCKET_END, "x", 1, MSG_NOSIGNAL) == 1 && recv(SOCKET_END, &octet, 1, 0) == 1;
}

enum outcome {
    WORKS,
    REFUSED, /* EPERM */
    DEADLY,  /* SIGSYS */
};

static const struct {
    const char *name;
    bool (*confine)(void);
    bool (*attempt)(void);
    enum outcome outcome;
} attempts[] = {
    {"front: its sockets", as_front, use_socket, WORKS},
    {"front: itself", as_front, signal_itself, WORKS},
    {"front: a file", as_front, open_file, REFUSED},
    {"front: network", as_front, open_network, REFUSED},
    {"front: local socket", as_front, open_local, REFUSED},
    {"front: process", as_front, start_process, REFUSED},
    {"front: parent", as_front, signal_parent, REFUSED},
    {"front: code", as_front, map_code, REFUSED},
    {"front: program", as_front, start_program, DEADLY},
    {"front: trace", as_front, trace, DEADLY},
    {"front with module: a file", as_front_with_module, open_file, WORKS},
    {"front with module: network", as_front_with_module, open_network, WORKS},
    {"front with module: process", as_front_with_module, start_process, REFUSED},
    {"front with module: program", as_front_with_module, start_program, DEADLY},
    {"keeper: its socket", as_keeper, use_socket, WORKS},
    {"keeper: a file", as_keeper, open_file, WORKS},
    {"keeper: thread", as_keeper, start_thread, WORKS},
    {"keeper: local socket", as_keeper, open_local, WORKS},
    {"keeper: itself", as_keeper, signal_itself, WORKS},
    {"keeper: network", as_keeper, open_network, REFUSED},
    {"keeper: process", as_keeper, start_process, REFUSED},
    {"keeper: parent", as_keeper, signal_parent, REFUSED},
    {"keeper: program", as_keeper, start_program, DEADLY},
    {"keeper: trace", as_keeper, trace, DEADLY},
    {"keeper with network: network", as_keeper_with_network, open_network, WORKS},
    {"keeper with network: program", as_keeper_with_network, start_program, DEADLY},
};

/* The wait status of a child that does it. */
static int run(bool (*confine)(void), bool (*attempt)(void))
{
    int status = 0;
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        if (!confine_memory() || !confine())
            _exit(99);
        errno = 0;
        _exit(attempt() ? 0 : errno);
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    return status;
}

static void test_attempts(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof attempts / sizeof attempts[0]; i++) {
        int status = run(attempts[i].confine, attempts[i].attempt);
        bool works = WIFEXITED(status) && WEXITSTATUS(status) == 0;
        bool refused = WIFEXITED(status) && WEXITSTATUS(status) == EPERM;
        bool deadly = WIFSIGNALED(status) && WTERMSIG(status) == SIGSYS;
        const bool seen[] = {works, refused, deadly};
        if (CONFINED && !seen[attempts[i].outcome])
            fail_msg("%s: wait status 0x%x", attempts[i].name, (unsigned)status);
    }
}

static bool confine_nothing_more(void)
{
    return true;
}

static bool memory_is_kept(void)
{
    struct rlimit core;
    return getrlimit(RLIMIT_CORE, &core) == 0 && core.rlim_max == 0 &&
           (!CONFINED || prctl(PR_GET_DUMPABLE, 0, 0, 0, 0) == 0) &&
           prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) == 1;
}

static bool pipe_is_survived(void)
{
    int ends[2];
    return pipe(ends) == 0 && close(ends[0]) == 0 && write(ends[1], "", 1) < 0 && errno == EPIPE;
}

static void test_memory(void **state)
{
    (void)state;
    assert_int_equal(run(confine_nothing_more, memory_is_kept), 0);
    assert_int_equal(run(confine_nothing_more, pipe_is_survived), 0);
}

static void test_user(void **state)
{
    (void)state;
    assert_true(confine_user(NULL));
    if (geteuid() != 0)
        return;
    assert_false(confine_user("no-such-user"));
    int status = 0;
    pid_t pid = fork();
    if (pid == 0)
        _exit(confine_user("nobody") && geteuid() != 0 && setuid(0) != 0 ? 0 : 1);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(status, 0);
}

static void test_lifetime(void **state)
{
    (void)state;
    int ends[2];
    assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
    assert_int_equal(dup2(ends[1], 4), 4); /* KEEPER_FD_READY */
    close(ends[1]);
    assert_true(confine_lifetime());
    close(ends[0]);
    assert_false(confine_lifetime());
    close(4);
    assert_int_equal(prctl(PR_SET_PDEATHSIG, 0, 0, 0, 0), 0);
}

static int open_pair(void **state)
{
    (void)state;
    int ends[2];
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0 ||
        dup2(ends[0], SOCKET_END) != SOCKET_END)
        return -1;
    /* One octet for every attempt to take. */
    for (size_t i = 0; i < sizeof attempts / sizeof attempts[0]; i++) {
        if (write(ends[1], "x", 1) != 1)
            return -1;
    }
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_attempts),
        cmocka_unit_test(test_memory),
        cmocka_unit_test(test_user),
        cmocka_unit_test(test_lifetime),
    };
    return cmocka_run_group_tests(tests, open_pair, NULL);
}
