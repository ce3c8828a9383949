/*
 * What a keeper does, without network and processes around it.
 * keeper_cost execute|commit|store COUNT SECONDS prints "COUNT WALL_SECONDS CPU_SECONDS".
 *
 * execute: keeper_execute of COUNT fresh challenges a batch, none of them committed.
 * commit: batch_run, that is the same and one durable transaction a batch.
 * store: the transaction alone, COUNT rows of SQN state in each.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "firmware/keeper_bench.h"

#define SUBSCRIBERS 512

struct spent {
    uint64_t count;
    double wall;
    double cpu;
};

struct cost {
    size_t batch;
    uint64_t seq; /* of the batch's challenges */
    int64_t rows[SUBSCRIBERS];
    int64_t versions[SUBSCRIBERS];
};

static double seconds_of(clockid_t clock)
{
    struct timespec now;
    clock_gettime(clock, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static void name_of(size_t number, char *out_name, size_t room)
{
    snprintf(out_name, room, "user-%zu", number);
}

/* All with one key: what differs between subscribers is the store's rows. */
static void add_subscriber(struct cost *cost, size_t number)
{
    static struct subscription subscription;
    memset(&subscription, 0, sizeof subscription);
    name_of(number, subscription.user_ids[0], USER_ID_BYTES_MAX);
    snprintf(subscription.identity.impi, NAME_BYTES_MAX, "user-%zu@ims.example.com", number);
    snprintf(subscription.identity.domain, NAME_BYTES_MAX, "ims.example.com");
    snprintf(subscription.identity.impus[0], NAME_BYTES_MAX, "sip:user-%zu@ims.example.com",
             number);
    subscription.identity.impu_count = 1;
    subscription.user_id_count = 1;
    subscription.key_ref.bytes[0] = 1;
    subscription.profile = (struct sqn_profile){5, (UINT64_C(1) << 48) - 1, 0};
    subscription.origin = KEY_ORIGIN_CLEAR_LABORATORY;
    subscription.enabled = true;
    assert_int_equal(subscription_seal(bench.softhsm.token, &subscription), HSM_OK);
    assert_int_equal(store_add(bench.keeper.store, &subscription), STORE_OK);
    cost->rows[number] = subscription.row;
}

static void ask(const char *user_id, const uint8_t *autn, uint32_t request_id)
{
    struct authenticate_request request = {.subscriber = {.by = FIELD_USER_ID}, .form = FORM_CARD};
    uint8_t body[512];
    struct wire_writer writer = wire_writer_of(body, sizeof body);
    snprintf(request.subscriber.text, sizeof request.subscriber.text, "%s", user_id);
    memcpy(request.rand, bench.vectors[SET].rand, sizeof request.rand);
    memcpy(request.autn, autn, sizeof request.autn);
    authenticate_request_write(&writer, &request);
    bench_put(MESSAGE_AUTHENTICATE, 0, request_id, body, writer.used);
}

/* One fresh challenge for each of the next subscribers. */
static void fill_batch(struct cost *cost, size_t *next)
{
    uint8_t autn[AUTN_BYTES];
    char name[USER_ID_BYTES_MAX];
    batch_clear(bench.batch);
    bench_autn(++cost->seq, 0, autn);
    for (size_t i = 0; i < cost->batch; i++) {
        name_of((*next)++ % SUBSCRIBERS, name, sizeof name);
        ask(name, autn, (uint32_t)i);
    }
}

static void expect_accepted(const struct cost *cost)
{
    for (size_t i = 0; i < cost->batch; i++)
        assert_int_equal(bench_status(i), STATUS_OK);
}

/* As the batch does, but for the commit. */
static void execute(struct cost *cost)
{
    bench.keeper.pending_count = 0;
    records_begin(&bench.keeper.records);
    store_view_begin(bench.keeper.store);
    for (size_t i = 0; i < cost->batch; i++) {
        const struct packet *packet = &bench.batch->requests[i];
        module_hold(bench.softhsm.module);
        assert_int_equal(
            keeper_execute(&bench.keeper, packet->octets, packet->bytes, &bench.batch->replies[i]),
            EXIT_DONE);
    }
    module_release(bench.softhsm.module);
    store_view_end(bench.keeper.store);
}

static void commit(struct cost *cost)
{
    (void)cost;
    bench_run();
}

static void store(struct cost *cost)
{
    struct sqn_array array = {.seq = {++cost->seq}};
    assert_int_equal(store_begin(bench.keeper.store), STORE_OK);
    for (size_t i = 0; i < cost->batch; i++)
        assert_int_equal(
            store_sqn_swap(bench.keeper.store, cost->rows[i], cost->versions[i]++, &array),
            STORE_OK);
    assert_int_equal(store_commit(bench.keeper.store), STORE_OK);
}

static const struct {
    const char *name;
    void (*run)(struct cost *cost);
    size_t batch_most;
    bool asks;
} ways[] = {{"execute", execute, KEEPER_BATCH_MAX, true},
            {"commit", commit, KEEPER_BATCH_MAX, true},
            {"store", store, SUBSCRIBERS, false}};

/* Making challenges is the network's work and not counted. */
static struct spent measure(struct cost *cost, size_t way, double seconds)
{
    struct spent spent = {0};
    size_t next = 0;
    while (spent.wall < seconds) {
        if (ways[way].asks)
            fill_batch(cost, &next);
        double wall = seconds_of(CLOCK_MONOTONIC);
        double cpu = seconds_of(CLOCK_PROCESS_CPUTIME_ID);
        ways[way].run(cost);
        spent.cpu += seconds_of(CLOCK_PROCESS_CPUTIME_ID) - cpu;
        spent.wall += seconds_of(CLOCK_MONOTONIC) - wall;
        spent.count += cost->batch;
        if (ways[way].asks)
            expect_accepted(cost);
    }
    return spent;
}

int main(int argc, char **argv)
{
    static struct cost cost;
    size_t way = 0;
    while (way < 3 && (argc != 4 || strcmp(argv[1], ways[way].name) != 0))
        way++;
    cost.batch = argc == 4 ? strtoul(argv[2], NULL, 10) : 0;
    double seconds = argc == 4 ? strtod(argv[3], NULL) : 0;
    if (way == 3 || cost.batch < 1 || cost.batch > ways[way].batch_most || !(seconds > 0)) {
        fprintf(stderr, "usage: keeper_cost execute|commit|store COUNT SECONDS\n");
        return 64;
    }
    assert_int_equal(bench_open(NULL), 0);
    assert_int_equal(bench_begin(NULL), 0);
    for (size_t i = 0; i < SUBSCRIBERS; i++)
        add_subscriber(&cost, i);
    struct spent spent = measure(&cost, way, seconds);
    printf("%llu %.6f %.6f\n", (unsigned long long)spent.count, spent.wall, spent.cpu);
    bench_end(NULL);
    bench_close(NULL);
    return 0;
}
