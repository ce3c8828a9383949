/*
 * getpid(2) of a program that uses a PKCS#11 module: right, also after a fork, and the one that a
 * library which is loaded later finds.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <dlfcn.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

static void test_asked_twice(void **state)
{
    (void)state;
    pid_t real = (pid_t)syscall(SYS_getpid);
    assert_int_equal(getpid(), real);
    assert_int_equal(getpid(), real);
}

static void test_forked(void **state)
{
    (void)state;
    int status = 0;
    pid_t parent = getpid();
    pid_t child = fork();
    if (child == 0)
        _exit(getpid() == (pid_t)syscall(SYS_getpid) && getpid() != parent ? 0 : 1);
    assert_true(child > 0);
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
    assert_int_equal(getpid(), parent);
}

static void test_found_by_libraries(void **state)
{
    (void)state;
    void *libc = dlopen("libc.so.6", RTLD_NOW | RTLD_NOLOAD);
    assert_non_null(libc);
    assert_non_null(dlsym(RTLD_DEFAULT, "getpid"));
    assert_ptr_not_equal(dlsym(RTLD_DEFAULT, "getpid"), dlsym(libc, "getpid"));
    dlclose(libc);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_asked_twice),
        cmocka_unit_test(test_forked),
        cmocka_unit_test(test_found_by_libraries),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
