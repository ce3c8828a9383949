/*
 * getpid(2) of a program that uses a PKCS#11 module, asked once. SoftHSM asks at each C_ call
 * whether it was forked, which is a tenth of a keeper's time; the module finds this one first since
 * a program's own symbols come before libc's. Exact all the same: a fork asks anew.
 */
#include <pthread.h>
#include <signal.h>
#include <sys/syscall.h>
#include <unistd.h>

static volatile sig_atomic_t own; /* 0: not asked yet; signal handlers may ask, too */

static void forget(void)
{
    own = 0;
}

__attribute__((constructor)) static void watch_forks(void)
{
    (void)pthread_atfork(NULL, NULL, forget);
}

__attribute__((visibility("default"))) pid_t getpid(void)
{
    if (own == 0)
        own = (sig_atomic_t)syscall(SYS_getpid);
    return own;
}
