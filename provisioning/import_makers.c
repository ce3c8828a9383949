#include "import_makers.h"

#include <assert.h>
#include <errno.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define ORDER_SLOTS ((size_t)8)
#define FILE_BYTES_LEAST 65536 /* some hundred lines */

/* To a maker: the GIVEN among these slots. It answers each with one byte. */
struct order {
    size_t first;
    size_t end;
    bool trial;
    bool log_in; /* before, for the first time or anew */
};

struct maker {
    pid_t process;
    int channel;
    unsigned owed; /* answers */
    size_t sent;   /* slots, since it was told to log in; 0: not told yet */
};

struct import_makers {
    size_t sent; /* of the slots */
    size_t next; /* whose turn it is */
    size_t count;
    struct maker makers[IMPORT_MAKERS_MAX];
};

/* The state of a maker. */
struct bench {
    struct office *office;
    const struct arguments *arguments;
    struct import_slot *slots;
    struct import_keys *keys; /* NULL: the token is not open yet */
};

static size_t cores(void)
{
    cpu_set_t set;
    CPU_ZERO(&set);
    size_t count = sched_getaffinity(0, sizeof set, &set) == 0 ? (size_t)CPU_COUNT(&set) : 1;
    return count < IMPORT_MAKERS_MAX ? count : IMPORT_MAKERS_MAX;
}

/* A PIN that comes through a pipe can be read once. */
static bool is_regular(const char *path)
{
    struct stat file = {0};
    return path != NULL && stat(path, &file) == 0 && S_ISREG(file.st_mode);
}

enum outcome import_makers_count(const struct office *office, const struct arguments *arguments,
                                 uint64_t file_bytes, size_t *out_count)
{
    bool can_log_in = is_regular(office->user_pin.file);
    if (arguments->makers < 0) {
        size_t count = cores();
        bool are_worth_it = count > 1 && file_bytes >= FILE_BYTES_LEAST && !arguments->clear;
        *out_count = can_log_in && are_worth_it ? count : 0;
        return OUTCOME_DONE;
    }
    *out_count = (size_t)arguments->makers;
    if (arguments->clear && *out_count > 0)
        return outcome_fail(OUTCOME_USAGE, "--makers: a key in clear text stays in one process");
    if (!can_log_in && *out_count > 0)
        return outcome_fail(OUTCOME_USAGE, "--makers: each logs in by itself, so the USER PIN must "
                                           "be in a file (--pin-file)");
    return OUTCOME_DONE;
}

static enum outcome log_in(struct bench *bench)
{
    if (bench->keys != NULL) {
        import_keys_forget(bench->keys);
        return office_renew_token(bench->office);
    }
    enum outcome outcome = office_open_token(bench->office, true);
    if (outcome == OUTCOME_DONE)
        outcome = office_prove_token(bench->office);
    return outcome == OUTCOME_DONE ? import_keys_new(bench->office, bench->arguments, &bench->keys)
                                   : outcome;
}

static enum outcome carry_out(struct bench *bench, const struct order *order)
{
    enum outcome outcome = order->log_in ? log_in(bench) : OUTCOME_DONE;
    for (size_t i = order->first; outcome == OUTCOME_DONE && i < order->end; i++) {
        struct import_slot *slot = &bench->slots[i];
        if (slot->state != IMPORT_SLOT_GIVEN)
            continue;
        module_hold(bench->office->module);
        outcome = import_slot_make(slot, bench->keys, bench->office, &slot->terms, order->trial);
        module_release(bench->office->module);
    }
    return outcome;
}

static enum outcome work(struct bench *bench, int channel)
{
    struct order order;
    enum outcome outcome = OUTCOME_DONE;
    while (outcome == OUTCOME_DONE && recv(channel, &order, sizeof order, 0) == sizeof order) {
        outcome = carry_out(bench, &order);
        if (outcome == OUTCOME_DONE && send(channel, "", 1, MSG_NOSIGNAL) != 1)
            break;
    }
    import_keys_free(&bench->keys);
    if (bench->office->token != NULL)
        token_close(&bench->office->token);
    module_close(&bench->office->module);
    return outcome;
}

/* In a maker; the ends of those before it would keep them from seeing that the tool has ended. */
_Noreturn static void run(const struct import_makers *makers, struct bench *bench, int channel)
{
    for (size_t i = 0; i < makers->count; i++)
        close(makers->makers[i].channel);
    enum outcome outcome = work(bench, channel);
    fflush(NULL);
    _exit((int)outcome);
}

/* What the tool's streams hold must be written once, by the tool. */
static bool start(struct import_makers *makers, struct bench *bench)
{
    int ends[2];
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) != 0)
        return false;
    fflush(NULL);
    pid_t process = fork();
    if (process == 0) {
        close(ends[0]);
        run(makers, bench, ends[1]);
    }
    close(ends[1]);
    if (process > 0)
        makers->makers[makers->count++] = (struct maker){process, ends[0], 0, 0};
    else
        close(ends[0]);
    return process > 0;
}

enum outcome import_makers_new(struct office *office, const struct arguments *arguments,
                               struct import_slot *slots, size_t count,
                               struct import_makers **out_makers)
{
    struct bench bench = {.office = office, .arguments = arguments, .slots = slots};
    assert(office->module == NULL);
    struct import_makers *makers = calloc(1, sizeof *makers);
    if (makers == NULL)
        return outcome_fail(OUTCOME_FAILED, "memory is short");
    *out_makers = makers;
    while (makers->count < count && start(makers, &bench))
        ;
    if (makers->count < count && arguments->makers > 0)
        return outcome_fail(OUTCOME_FAILED, "only %zu of %zu makers can be started: %s",
                            makers->count, count, strerror(errno));
    if (makers->count == 0)
        import_makers_free(out_makers);
    return OUTCOME_DONE;
}

static int end_of(pid_t process)
{
    int status = 0;
    while (waitpid(process, &status, 0) < 0 && errno == EINTR)
        ;
    return status;
}

void import_makers_free(struct import_makers **makers)
{
    if (*makers == NULL)
        return;
    for (size_t i = 0; i < (*makers)->count; i++)
        close((*makers)->makers[i].channel);
    for (size_t i = 0; i < (*makers)->count; i++) {
        if ((*makers)->makers[i].process > 0)
            (void)end_of((*makers)->makers[i].process);
    }
    free(*makers);
    *makers = NULL;
}

/* One that ends by itself has said why. */
static enum outcome fail_ended(struct maker *maker)
{
    shutdown(maker->channel, SHUT_RDWR);
    int status = end_of(maker->process);
    int process = (int)maker->process;
    bool has_said = WIFEXITED(status) && WEXITSTATUS(status) != 0;
    maker->process = 0;
    return outcome_fail(has_said ? (enum outcome)WEXITSTATUS(status) : OUTCOME_FAILED,
                        "process %d, which made keys of this import, has ended: %s. Run it again "
                        "to go on from the last line that is in; with --makers 0 there is no such "
                        "process",
                        process,
                        WIFSIGNALED(status) ? strsignal(WTERMSIG(status))
                        : has_said          ? "it has said why"
                                            : "too early");
}

static enum outcome wait_for(struct maker *maker)
{
    char answer = 0;
    while (maker->owed > 0) {
        ssize_t got = recv(maker->channel, &answer, sizeof answer, 0);
        if (got < 0 && errno == EINTR)
            continue;
        if (got != sizeof answer)
            return fail_ended(maker);
        maker->owed--;
    }
    return OUTCOME_DONE;
}

/*
 * A maker that logs in is waited for, so that no two do at once: a PIN that has become wrong is
 * tried once, not by each.
 */
static enum outcome send_order(struct import_makers *makers, size_t end, bool trial)
{
    struct maker *maker = &makers->makers[makers->next];
    bool log_in = maker->sent == 0 || maker->sent >= IMPORT_RENEW_ROWS;
    const struct order order = {makers->sent, end, trial, log_in};
    maker->sent = (log_in ? 0 : maker->sent) + end - makers->sent;
    makers->next = (makers->next + 1) % makers->count;
    makers->sent = end;
    if (send(maker->channel, &order, sizeof order, MSG_NOSIGNAL) != sizeof order)
        return fail_ended(maker);
    maker->owed++;
    return log_in ? wait_for(maker) : OUTCOME_DONE;
}

enum outcome import_makers_send(struct import_makers *makers, size_t count, bool trial)
{
    return count - makers->sent < ORDER_SLOTS ? OUTCOME_DONE : send_order(makers, count, trial);
}

enum outcome import_makers_wait(struct import_makers *makers, size_t count, bool trial)
{
    enum outcome outcome = count == makers->sent ? OUTCOME_DONE : send_order(makers, count, trial);
    for (size_t i = 0; outcome == OUTCOME_DONE && i < makers->count; i++)
        outcome = wait_for(&makers->makers[i]);
    return outcome;
}

void import_makers_rewind(struct import_makers *makers)
{
    makers->sent = 0;
}
