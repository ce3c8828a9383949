#include "confine.h"

#include <errno.h>
#include <grp.h>
#include <poll.h>
#include <pwd.h>
#include <sched.h>
#include <seccomp.h>
#include <signal.h>
#include <stddef.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "channel.h"

_Static_assert((int)KEEPER_FD_READY == (int)FRONT_FD_READY, "confine_lifetime asks one number");

/* LeakSanitizer traces its own process, and sanitizers use system calls of their own. */
#ifdef NISIM_SANITIZED
static const bool is_sanitized = true;
#else
static const bool is_sanitized = false;
#endif

#define COUNT_OF(table) (sizeof(table) / sizeof((table)[0]))

/* What TLS over sockets that are open already needs, and a process's own housekeeping. */
static const int front_allowed[] = {
    SCMP_SYS(accept),
    SCMP_SYS(accept4),
    SCMP_SYS(brk),
    SCMP_SYS(clock_getres),
    SCMP_SYS(clock_gettime),
    SCMP_SYS(clock_nanosleep),
    SCMP_SYS(close),
    SCMP_SYS(epoll_create1),
    SCMP_SYS(epoll_ctl),
    SCMP_SYS(epoll_pwait),
    SCMP_SYS(epoll_wait),
    SCMP_SYS(eventfd2),
    SCMP_SYS(exit),
    SCMP_SYS(exit_group),
    SCMP_SYS(fcntl),
    SCMP_SYS(fstat),
    SCMP_SYS(futex),
    SCMP_SYS(getpeername),
    SCMP_SYS(getpid),
    SCMP_SYS(getppid),
    SCMP_SYS(getrandom),
    SCMP_SYS(getsockname),
    SCMP_SYS(getsockopt),
    SCMP_SYS(gettid),
    SCMP_SYS(gettimeofday),
    SCMP_SYS(getuid),
    SCMP_SYS(geteuid),
    SCMP_SYS(getgid),
    SCMP_SYS(getegid),
    SCMP_SYS(lseek),
    SCMP_SYS(madvise),
    SCMP_SYS(mlock),
    SCMP_SYS(mremap),
    SCMP_SYS(munlock),
    SCMP_SYS(munmap),
    SCMP_SYS(nanosleep),
    SCMP_SYS(poll),
    SCMP_SYS(ppoll),
    SCMP_SYS(pread64),
    SCMP_SYS(pselect6),
    SCMP_SYS(read),
    SCMP_SYS(readv),
    SCMP_SYS(recvfrom),
    SCMP_SYS(recvmsg),
    SCMP_SYS(restart_syscall),
    SCMP_SYS(rt_sigaction),
    SCMP_SYS(rt_sigpending),
    SCMP_SYS(rt_sigprocmask),
    SCMP_SYS(rt_sigreturn),
    SCMP_SYS(rt_sigtimedwait),
    SCMP_SYS(sched_getaffinity),
    SCMP_SYS(sched_yield),
    SCMP_SYS(select),
    SCMP_SYS(sendmsg),
    SCMP_SYS(sendto),
    SCMP_SYS(set_robust_list),
    SCMP_SYS(setsockopt),
    SCMP_SYS(shutdown),
    SCMP_SYS(sigaltstack),
    SCMP_SYS(sysinfo),
    SCMP_SYS(time),
    SCMP_SYS(timerfd_create),
    SCMP_SYS(timerfd_settime),
    SCMP_SYS(uname),
    SCMP_SYS(write),
    SCMP_SYS(writev),
};

/* What no process of the appliance does once it serves. */
static const int denied[] = {
    SCMP_SYS(acct),
    SCMP_SYS(add_key),
    SCMP_SYS(bpf),
    SCMP_SYS(chroot),
    SCMP_SYS(delete_module),
    SCMP_SYS(finit_module),
    SCMP_SYS(fork),
    SCMP_SYS(fsmount),
    SCMP_SYS(fsopen),
    SCMP_SYS(init_module),
    SCMP_SYS(io_uring_enter),
    SCMP_SYS(io_uring_register),
    SCMP_SYS(io_uring_setup),
    SCMP_SYS(ioperm),
    SCMP_SYS(iopl),
    SCMP_SYS(kcmp),
    SCMP_SYS(kexec_file_load),
    SCMP_SYS(kexec_load),
    SCMP_SYS(keyctl),
    SCMP_SYS(mount),
    SCMP_SYS(move_mount),
    SCMP_SYS(open_by_handle_at),
    SCMP_SYS(open_tree),
    SCMP_SYS(perf_event_open),
    SCMP_SYS(personality),
    SCMP_SYS(pidfd_getfd),
    SCMP_SYS(pidfd_open),
    SCMP_SYS(pidfd_send_signal),
    SCMP_SYS(pivot_root),
    SCMP_SYS(process_madvise),
    SCMP_SYS(quotactl),
    SCMP_SYS(reboot),
    SCMP_SYS(request_key),
    SCMP_SYS(rt_sigqueueinfo),
    SCMP_SYS(rt_tgsigqueueinfo),
    SCMP_SYS(setns),
    SCMP_SYS(swapoff),
    SCMP_SYS(swapon),
    SCMP_SYS(tkill),
    SCMP_SYS(umount2),
    SCMP_SYS(unshare),
    SCMP_SYS(userfaultfd),
    SCMP_SYS(vfork),
};

/* Only an attacker's code calls these: the process ends. */
static const int deadly[] = {
    SCMP_SYS(execve),           SCMP_SYS(execveat),          SCMP_SYS(ptrace),
    SCMP_SYS(process_vm_readv), SCMP_SYS(process_vm_writev),
};

static bool add_all(scmp_filter_ctx filter, uint32_t action, const int *calls, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (seccomp_rule_add(filter, action, calls[i], 0) != 0)
            return false;
    }
    return true;
}

/* One rule on one argument. */
static bool add_if(scmp_filter_ctx filter, uint32_t action, int call, struct scmp_arg_cmp argument)
{
    return seccomp_rule_add_array(filter, action, call, 1, &argument) == 0;
}

static bool load(scmp_filter_ctx filter)
{
    bool loaded = seccomp_load(filter) == 0;
    seccomp_release(filter);
    return loaded;
}

/* A pattern that a mapping must not have: writable or new memory that is executable. */
static bool allow_memory_without_code(scmp_filter_ctx filter)
{
    return add_if(filter, SCMP_ACT_ALLOW, SCMP_SYS(mmap),
                  SCMP_A2(SCMP_CMP_MASKED_EQ, PROT_EXEC, 0)) &&
           add_if(filter, SCMP_ACT_ALLOW, SCMP_SYS(mprotect),
                  SCMP_A2(SCMP_CMP_MASKED_EQ, PROT_EXEC, 0));
}

/* abort() and raise() signal the process itself; nobody else may be signalled. */
static bool allow_own_signals(scmp_filter_ctx filter)
{
    scmp_datum_t self = (scmp_datum_t)getpid();
    return add_if(filter, SCMP_ACT_ALLOW, SCMP_SYS(kill), SCMP_A0(SCMP_CMP_EQ, self, 0)) &&
           add_if(filter, SCMP_ACT_ALLOW, SCMP_SYS(tgkill), SCMP_A0(SCMP_CMP_EQ, self, 0));
}

static bool deny_other_signals(scmp_filter_ctx filter)
{
    scmp_datum_t self = (scmp_datum_t)getpid();
    uint32_t refuse = SCMP_ACT_ERRNO(EPERM);
    return add_if(filter, refuse, SCMP_SYS(kill), SCMP_A0(SCMP_CMP_NE, self, 0)) &&
           add_if(filter, refuse, SCMP_SYS(tgkill), SCMP_A0(SCMP_CMP_NE, self, 0));
}

/* Threads are a module's own affair; processes are not. glibc falls back from clone3 to clone. */
static bool deny_processes(scmp_filter_ctx filter)
{
    return add_if(filter, SCMP_ACT_ERRNO(EPERM), SCMP_SYS(clone),
                  SCMP_A0(SCMP_CMP_MASKED_EQ, CLONE_THREAD, 0)) &&
           seccomp_rule_add(filter, SCMP_ACT_ERRNO(ENOSYS), SCMP_SYS(clone3), 0) == 0;
}

/* A local service such as pcscd stays in reach; it is how smart cards are. */
static bool deny_network(scmp_filter_ctx filter)
{
    return add_if(filter, SCMP_ACT_ERRNO(EPERM), SCMP_SYS(socket),
                  SCMP_A0(SCMP_CMP_NE, AF_UNIX, 0));
}

static bool confine_by_list(bool network)
{
    scmp_filter_ctx filter = seccomp_init(SCMP_ACT_ALLOW);
    if (filter == NULL)
        return false;
    if (add_all(filter, SCMP_ACT_KILL_PROCESS, deadly, COUNT_OF(deadly)) &&
        add_all(filter, SCMP_ACT_ERRNO(EPERM), denied, COUNT_OF(denied)) &&
        deny_processes(filter) && deny_other_signals(filter) && (network || deny_network(filter)))
        return load(filter);
    seccomp_release(filter);
    return false;
}

bool confine_memory(void)
{
    const struct rlimit none = {0, 0};
    struct sigaction ignore = {.sa_handler = SIG_IGN};
    return setrlimit(RLIMIT_CORE, &none) == 0 &&
           (is_sanitized || prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) == 0) &&
           prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 && sigaction(SIGPIPE, &ignore, NULL) == 0 &&
           sigaction(SIGXFSZ, &ignore, NULL) == 0;
}

bool confine_lifetime(void)
{
    struct pollfd ready = {.fd = KEEPER_FD_READY};
    if (prctl(PR_SET_PDEATHSIG, SIGTERM, 0, 0, 0) != 0)
        return false;
    /* POLLERR: nobody is left to read it, so nisimd died before the line above. */
    return poll(&ready, 1, 0) >= 0 && (ready.revents & POLLERR) == 0;
}

bool confine_user(const char *user)
{
    if (user == NULL || geteuid() != 0)
        return true;
    errno = 0;
    const struct passwd *entry = getpwnam(user);
    if (entry == NULL) {
        errno = errno == 0 ? ENOENT : errno;
        return false;
    }
    uid_t uid = entry->pw_uid;
    gid_t gid = entry->pw_gid;
    return initgroups(user, gid) == 0 && setresgid(gid, gid, gid) == 0 &&
           setresuid(uid, uid, uid) == 0;
}

bool confine_front(bool module)
{
    if (is_sanitized)
        return true;
    if (module)
        return confine_by_list(true);
    scmp_filter_ctx filter = seccomp_init(SCMP_ACT_ERRNO(EPERM));
    if (filter == NULL)
        return false;
    if (add_all(filter, SCMP_ACT_KILL_PROCESS, deadly, COUNT_OF(deadly)) &&
        add_all(filter, SCMP_ACT_ALLOW, front_allowed, COUNT_OF(front_allowed)) &&
        allow_memory_without_code(filter) && allow_own_signals(filter))
        return load(filter);
    seccomp_release(filter);
    return false;
}

bool confine_keeper(bool network)
{
    return is_sanitized || confine_by_list(network);
}
