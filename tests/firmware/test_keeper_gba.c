/* GBA_U through batch_run: Ks and SQN in one transaction, and nothing twice. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "gba_message.h"
#include "keeper_bench.h"
#include "store_gba.h"

#define RUN 0 /* places in a batch of two */
#define NAF 1

static struct gba_state stored;

static void put_run(uint64_t seq, uint64_t ind)
{
    uint8_t body[256];
    struct gba_bootstrap_request request = {.subscriber = {FIELD_USER_ID, "1001"}};
    struct wire_writer writer = wire_writer_of(body, sizeof body);
    memcpy(request.rand, bench.vectors[SET].rand, sizeof request.rand);
    bench_autn(seq, ind, request.autn);
    gba_bootstrap_request_write(&writer, &request);
    bench_put(MESSAGE_GBA_BOOTSTRAP, 0, 1, body, writer.used);
}

static void put_naf(void)
{
    uint8_t body[256];
    struct gba_naf_request request = {.subscriber = {FIELD_IMPI, ALICE}, .naf_id_bytes = 20};
    struct wire_writer writer = wire_writer_of(body, sizeof body);
    memcpy(request.naf_id, "naf.example.com\1\0\0\0\2", 20);
    gba_naf_request_write(&writer, &request);
    bench_put(MESSAGE_GBA_NAF, 0, 2, body, writer.used);
}

static int64_t row_of_alice(void)
{
    static struct subscription subscription;
    const struct subscriber_name name = {FIELD_IMPI, ALICE};
    assert_int_equal(store_find(bench.other_node, &name, &subscription), STORE_OK);
    return subscription.row;
}

static enum store_result read_stored(void)
{
    return store_gba_read(bench.other_node, row_of_alice(), &stored);
}

static void set_gba(bool on)
{
    static struct subscription subscription;
    const struct subscriber_name name = {FIELD_IMPI, ALICE};
    assert_int_equal(store_find(bench.keeper.store, &name, &subscription), STORE_OK);
    subscription.gba = on;
    assert_int_equal(subscription_seal(bench.softhsm.token, &subscription), HSM_OK);
    assert_int_equal(store_update(bench.keeper.store, &subscription), STORE_OK);
}

static int begin(void **state)
{
    bench.clients[0].forms |= FORM_BIT(FORM_GBA);
    if (bench_begin(state) != 0)
        return -1;
    set_gba(true);
    return 0;
}

static void a_naf_before_any_run_is_refused(void **state)
{
    (void)state;
    put_naf();
    bench_run();
    assert_int_equal(bench_status(0), STATUS_NOT_BOOTSTRAPPED);
    assert_int_equal(read_stored(), STORE_NOT_FOUND);
}

static void without_gba_no_sqn_is_used_up(void **state)
{
    (void)state;
    set_gba(false);
    put_run(5, 1);
    put_naf();
    bench_run();
    assert_int_equal(bench_status(RUN), STATUS_GBA_OFF);
    assert_int_equal(bench_status(NAF), STATUS_GBA_OFF);
    assert_int_equal(bench_stored_seq(1), 0);
}

static void without_the_form_nothing_happens(void **state)
{
    (void)state;
    bench.clients[0].forms &= ~FORM_BIT(FORM_GBA);
    put_run(5, 1);
    put_naf();
    bench_run();
    assert_int_equal(bench_status(RUN), STATUS_FORM_NOT_ALLOWED);
    assert_int_equal(bench_status(NAF), STATUS_FORM_NOT_ALLOWED);
    assert_int_equal(bench_stored_seq(1), 0);
}

/* Ks, CK and IK of the set are in no reply; the NAF's key waits for the run's commit. */
static void a_run_and_its_naf_in_one_batch(void **state)
{
    (void)state;
    const struct vector *vector = &bench.vectors[SET];
    put_run(5, 1);
    put_naf();
    bench_run();
    assert_int_equal(bench_status(RUN), STATUS_OK);
    assert_int_equal(bench_status(NAF), STATUS_OK);
    assert_true(bench.batch->replies[NAF].needs_commit);
    assert_true(bench_holds(RUN, vector->res, sizeof vector->res));
    for (size_t i = 0; i < 2; i++) {
        assert_false(bench_holds(i, vector->ck, sizeof vector->ck));
        assert_false(bench_holds(i, vector->ik, sizeof vector->ik));
    }
    assert_int_equal(bench_stored_seq(1), 5);
    assert_int_equal(read_stored(), STORE_OK);
    assert_int_equal(stored.version, 1);
    assert_int_equal(stored.naf_count, 1);
    assert_memory_equal(stored.rand, vector->rand, sizeof stored.rand);
}

static void a_naf_asked_again_writes_nothing(void **state)
{
    (void)state;
    a_run_and_its_naf_in_one_batch(NULL);
    batch_clear(bench.batch);
    put_naf();
    bench_run();
    assert_int_equal(bench_status(0), STATUS_OK);
    assert_false(bench.batch->replies[0].needs_commit);
    assert_int_equal(read_stored(), STORE_OK);
    assert_int_equal(stored.version, 1);
}

static unsigned wraps;
static unsigned meddle_until; /* how many of the wraps another process answers with a write */

/* Another process moves the state between this batch's execution and its commit. */
static CK_RV wrap_and_meddle(CK_SESSION_HANDLE session, CK_MECHANISM *mechanism,
                             CK_OBJECT_HANDLE kek, CK_OBJECT_HANDLE key, CK_BYTE *out,
                             CK_ULONG *out_bytes)
{
    if (wraps++ < meddle_until) {
        enum store_result rc = read_stored();
        assert_true(rc == STORE_OK || rc == STORE_NOT_FOUND);
        if (rc == STORE_NOT_FOUND)
            memset(&stored, 0, sizeof stored);
        stored.row = row_of_alice();
        assert_int_equal(gba_state_seal(bench.softhsm.token, &stored), HSM_OK);
        assert_int_equal(store_begin(bench.other_node), STORE_OK);
        assert_int_equal(store_gba_swap(bench.other_node, &stored), STORE_OK);
        assert_int_equal(store_commit(bench.other_node), STORE_OK);
    }
    return bench.real_list.C_WrapKey(session, mechanism, kek, key, out, out_bytes);
}

static void a_conflict_is_executed_again(void **state)
{
    (void)state;
    wraps = 0;
    meddle_until = 2;
    bench.softhsm.module->list->C_WrapKey = wrap_and_meddle;
    put_run(5, 1);
    put_naf();
    bench_run();
    assert_int_equal(bench_status(RUN), STATUS_OK);
    assert_int_equal(bench_status(NAF), STATUS_OK);
    assert_int_equal(wraps, 3);
    assert_int_equal(bench_stored_seq(1), 5);
    assert_int_equal(read_stored(), STORE_OK);
    assert_int_equal(stored.version, 3);
    assert_int_equal(stored.naf_count, 1);
    assert_memory_equal(stored.rand, bench.vectors[SET].rand, sizeof stored.rand);
}

/* Neither half of a run that could not be committed stays: the same challenge serves again. */
static void a_run_is_whole_or_not_at_all(void **state)
{
    (void)state;
    wraps = 0;
    meddle_until = 1000;
    bench.softhsm.module->list->C_WrapKey = wrap_and_meddle;
    put_run(5, 1);
    put_naf();
    bench_run();
    assert_int_equal(bench_status(RUN), STATUS_UNAVAILABLE);
    assert_int_equal(bench_status(NAF), STATUS_UNAVAILABLE);
    assert_int_equal(bench_stored_seq(1), 0);
    batch_clear(bench.batch);
    meddle_until = 0;
    put_run(5, 1);
    bench_run();
    assert_int_equal(bench_status(RUN), STATUS_OK);
    assert_int_equal(bench_stored_seq(1), 5);
}

static int open_bench(void **state)
{
    if (bench_open(state) != 0)
        return -1;
    softhsm_add_kek(&bench.softhsm);
    return 0;
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, bench_end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_naf_before_any_run_is_refused),  TEST(without_gba_no_sqn_is_used_up),
        TEST(without_the_form_nothing_happens), TEST(a_run_and_its_naf_in_one_batch),
        TEST(a_naf_asked_again_writes_nothing), TEST(a_conflict_is_executed_again),
        TEST(a_run_is_whole_or_not_at_all),
    };
    return cmocka_run_group_tests(tests, open_bench, bench_close);
}
