/* keeper_execute and batch_run on a real SoftHSM and a real store, negative cases first. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "aka.h"
#include "keeper_bench.h"

static void put(enum field_tag by, const char *name, uint8_t type, uint16_t stamp,
                const uint8_t *autn, uint32_t request_id)
{
    struct authenticate_request request = {.subscriber = {.by = by}, .form = FORM_CARD};
    uint8_t body[512];
    struct wire_writer writer = wire_writer_of(body, sizeof body);
    snprintf(request.subscriber.text, sizeof request.subscriber.text, "%s", name);
    memcpy(request.rand, bench.vectors[SET].rand, sizeof request.rand);
    memcpy(request.autn, autn, sizeof request.autn);
    if (type == MESSAGE_AUTHENTICATE)
        authenticate_request_write(&writer, &request);
    if (type == MESSAGE_IDENTITY)
        identity_request_write(&writer, &request.subscriber);
    bench_put(type, stamp, request_id, body, writer.used);
}

static void ask(const char *user_id, const uint8_t *autn)
{
    put(FIELD_USER_ID, user_id, MESSAGE_AUTHENTICATE, 0, autn,
        0x01020304u + (uint32_t)bench.batch->count);
}

/* One AUTHENTICATE of Alice's in a batch of its own. */
static enum status authenticate(const uint8_t *autn)
{
    batch_clear(bench.batch);
    ask("1001", autn);
    bench_run();
    return bench_status(0);
}

static void refuses_packets_that_no_front_makes(void **state)
{
    (void)state;
    static const uint8_t junk[] = {0, 0, 0, 0, 0, 1, 0, 0, 0, 9, 1, 4, 0, 0, 0, 0, 0, 7};
    static struct reply reply;
    for (size_t bytes = 0; bytes < sizeof junk; bytes++) {
        assert_int_equal(keeper_execute(&bench.keeper, junk, bytes, &reply), EXIT_DONE);
        assert_int_equal(frame_header_read(reply.packet + CHANNEL_STAMP_BYTES).status,
                         STATUS_MALFORMED);
    }
    assert_int_equal(keeper_execute(&bench.keeper, junk, sizeof junk, &reply), EXIT_DONE);
    assert_int_equal(frame_header_read(reply.packet + CHANNEL_STAMP_BYTES).status,
                     STATUS_MALFORMED);
    assert_int_equal(frame_header_read(reply.packet + CHANNEL_STAMP_BYTES).request_id, 7);
}

static void lets_the_front_itself_ask_for_nothing(void **state)
{
    (void)state;
    put(FIELD_IMPI, ALICE, MESSAGE_AUTHENTICATE, CHANNEL_STAMP_FRONT, bench.vectors[SET].autn, 1);
    put(FIELD_IMPI, ALICE, MESSAGE_IDENTITY, CHANNEL_STAMP_FRONT, bench.vectors[SET].autn, 2);
    put(FIELD_IMPI, ALICE, MESSAGE_IDENTITY, 2, bench.vectors[SET].autn, 3);
    put(FIELD_IMPI, ALICE, MESSAGE_PING, CHANNEL_STAMP_FRONT, bench.vectors[SET].autn, 4);
    bench_run();
    assert_int_equal(bench_status(0), STATUS_INTERNAL);
    assert_int_equal(bench_status(1), STATUS_INTERNAL);
    assert_int_equal(bench_status(2), STATUS_CLIENT_NOT_LISTED);
    assert_int_equal(bench_status(3), STATUS_OK);
}

/* Only to the front, and not to a client, does a keeper say who it is (channel.h). */
static void says_to_the_front_who_it_is(void **state)
{
    const uint8_t says[] = {0, 0, 1, 2, 1};
    (void)state;
    bench.keeper.generation = 258;
    bench.keeper.is_laboratory = true;
    put(FIELD_IMPI, ALICE, MESSAGE_PING, CHANNEL_STAMP_FRONT, bench.vectors[SET].autn, 1);
    put(FIELD_IMPI, ALICE, MESSAGE_PING, 0, bench.vectors[SET].autn, 2);
    bench_run();
    assert_int_equal(bench_header(0).body_bytes, sizeof says);
    assert_true(bench_holds(0, says, sizeof says));
    assert_int_equal(bench_status(1), STATUS_OK);
    assert_int_equal(bench_header(1).body_bytes, 0);
}

static void hides_who_else_is_served(void **state)
{
    (void)state;
    put(FIELD_IMPI, "nobody@ims.example.com", MESSAGE_IDENTITY, 0, bench.vectors[SET].autn, 1);
    put(FIELD_IMPI, OTHER, MESSAGE_IDENTITY, 0, bench.vectors[SET].autn, 2);
    put(FIELD_IMPI, OTHER, MESSAGE_AUTHENTICATE, 0, bench.vectors[SET].autn, 3);
    bench_run();
    assert_int_equal(bench_status(0), STATUS_UNKNOWN_USER);
    assert_int_equal(bench_status(1), STATUS_UNKNOWN_USER);
    assert_int_equal(bench_status(2), STATUS_UNKNOWN_USER);
}

static void refuses_a_form_that_is_not_allowed(void **state)
{
    (void)state;
    put(FIELD_IMPI, OTHER, MESSAGE_AUTHENTICATE, 1, bench.vectors[SET].autn, 1);
    put(FIELD_IMPI, OTHER, MESSAGE_IDENTITY, 1, bench.vectors[SET].autn, 2);
    bench_run();
    assert_int_equal(bench_status(0), STATUS_FORM_NOT_ALLOWED);
    assert_int_equal(bench_status(1), STATUS_OK);
}

static void set_enabled(bool enabled)
{
    static struct subscription subscription;
    struct subscriber_name name = {.by = FIELD_IMPI, .text = ALICE};
    assert_int_equal(store_find(bench.other_node, &name, &subscription), STORE_OK);
    subscription.enabled = enabled;
    assert_int_equal(subscription_seal(bench.softhsm.token, &subscription), HSM_OK);
    assert_int_equal(store_update(bench.other_node, &subscription), STORE_OK);
}

static void refuses_a_disabled_subscriber_at_once(void **state)
{
    (void)state;
    set_enabled(false);
    assert_int_equal(authenticate(bench.vectors[SET].autn), STATUS_USER_DISABLED);
    set_enabled(true);
    assert_int_equal(authenticate(bench.vectors[SET].autn), STATUS_OK);
}

/* The file is edited so that Alice gets Carol's record, and so that a name points elsewhere. */
static void refuses_an_edited_record(void **state)
{
    (void)state;
    static struct subscription alice;
    static struct subscription carol;
    struct subscriber_name name = {.by = FIELD_IMPI, .text = ALICE};
    assert_int_equal(store_find(bench.other_node, &name, &alice), STORE_OK);
    snprintf(name.text, sizeof name.text, "%s", OTHER);
    assert_int_equal(store_find(bench.other_node, &name, &carol), STORE_OK);
    static struct subscription good;
    good = alice;
    alice.record[1] ^= 1; /* enabled */
    assert_int_equal(store_update(bench.other_node, &alice), STORE_OK);
    assert_int_equal(authenticate(bench.vectors[SET].autn), STATUS_KEY_UNUSABLE);
    carol.row = alice.row;
    assert_int_equal(store_update(bench.other_node, &carol), STORE_OK);
    assert_int_equal(authenticate(bench.vectors[SET].autn), STATUS_KEY_UNUSABLE);
    assert_int_equal(store_update(bench.other_node, &good), STORE_OK);
    assert_int_equal(authenticate(bench.vectors[SET].autn), STATUS_OK);
    /* Its seal is known by now: that must not stand for another record, or another seal. */
    alice.record[1] ^= 1;
    alice.record[4] ^= 1; /* Delta */
    assert_int_equal(store_update(bench.other_node, &alice), STORE_OK);
    assert_int_equal(authenticate(bench.vectors[SET].autn), STATUS_KEY_UNUSABLE);
    alice.record[4] ^= 1;
    alice.seal[31] ^= 1;
    assert_int_equal(store_update(bench.other_node, &alice), STORE_OK);
    assert_int_equal(authenticate(bench.vectors[SET].autn), STATUS_KEY_UNUSABLE);
}

/* Not looked for again while the edition stays; whoever is at the file moves that, too. */
static void keeps_what_it_found(void **state)
{
    (void)state;
    assert_int_equal(authenticate(bench.vectors[SET].autn), STATUS_OK);
    store_edit(bench.path,
               "DROP TRIGGER record_changed; UPDATE subscription SET seal = zeroblob(32)");
    assert_int_equal(authenticate(bench.vectors[SET].autn), STATUS_SYNC_FAILURE);
    store_edit(bench.path, "UPDATE edition SET number = number + 1");
    assert_int_equal(authenticate(bench.vectors[SET].autn), STATUS_KEY_UNUSABLE);
}

static void refuses_who_was_removed_at_once(void **state)
{
    (void)state;
    assert_int_equal(authenticate(bench.vectors[SET].autn), STATUS_OK);
    store_edit(bench.path, "UPDATE name SET text = '1003' WHERE text = '1001'");
    assert_int_equal(authenticate(bench.vectors[SET].autn), STATUS_UNKNOWN_USER);
    store_edit(bench.path, "UPDATE name SET text = '1001' WHERE text = '1003'");
    assert_int_equal(authenticate(bench.vectors[SET].autn), STATUS_SYNC_FAILURE);
    store_edit(bench.path, "DELETE FROM subscription");
    assert_int_equal(authenticate(bench.vectors[SET].autn), STATUS_UNKNOWN_USER);
}

static void leaves_the_sqn_at_a_wrong_mac(void **state)
{
    (void)state;
    uint8_t autn[16];
    memcpy(autn, bench.vectors[SET].autn, sizeof autn);
    autn[15] ^= 1;
    assert_int_equal(authenticate(autn), STATUS_MAC_FAILURE);
    assert_int_equal(bench_header(0).body_bytes, 0);
    assert_int_equal(bench_stored_seq(sqn_from_bytes(bench.vectors[SET].sqn) & 31), 0);
    assert_int_equal(authenticate(bench.vectors[SET].autn), STATUS_OK);
}

static void says_nothing_that_is_not_durable(void **state)
{
    (void)state;
    assert_int_equal(store_begin(bench.other_node), STORE_OK);
    assert_int_equal(authenticate(bench.vectors[SET].autn), STATUS_UNAVAILABLE);
    assert_false(bench_holds(0, bench.vectors[SET].res, sizeof bench.vectors[SET].res));
    assert_false(bench_holds(0, bench.vectors[SET].ck, sizeof bench.vectors[SET].ck));
    assert_true(bench.keeper.store_failing);
    batch_clear(bench.batch);
    put(FIELD_IMPI, ALICE, MESSAGE_IDENTITY, 0, bench.vectors[SET].autn, 1);
    put(FIELD_IMPI, "nobody@ims.example.com", MESSAGE_IDENTITY, 0, bench.vectors[SET].autn, 2);
    bench_run();
    assert_int_equal(bench_status(0), STATUS_OK);
    assert_int_equal(bench_status(1), STATUS_UNKNOWN_USER);
    assert_true(bench.keeper.store_failing); /* reading proves nothing */
    store_rollback(bench.other_node);
    assert_int_equal(authenticate(bench.vectors[SET].autn), STATUS_OK);
    assert_false(bench.keeper.store_failing);
}

static CK_RV lose_token(CK_SESSION_HANDLE session, CK_MECHANISM *mechanism, CK_OBJECT_HANDLE key)
{
    (void)session, (void)mechanism, (void)key;
    return CKR_DEVICE_REMOVED;
}

static void ends_when_the_token_is_lost(void **state)
{
    (void)state;
    bench.softhsm.module->list->C_EncryptInit = lose_token;
    ask("1001", bench.vectors[SET].autn);
    assert_int_equal(batch_run(&bench.keeper, bench.batch), EXIT_LOST);
    assert_int_equal(bench_stored_seq(sqn_from_bytes(bench.vectors[SET].sqn) & 31), 0);
}

static unsigned meddle_left;

/* While the token works, another appliance accepts the very same SQN. */
static CK_RV meddle(CK_SESSION_HANDLE session, CK_BYTE *out, CK_ULONG *out_bytes)
{
    struct sqn_array array;
    int64_t version = 0;
    int64_t row = bench.keeper.subscription.row;
    uint64_t sqn = sqn_from_bytes(bench.vectors[SET].sqn);
    if (meddle_left > 0) {
        meddle_left--;
        assert_int_equal(store_sqn_read(bench.other_node, row, &array, &version), STORE_OK);
        array.seq[sqn & 31] = sqn >> 5;
        assert_int_equal(store_begin(bench.other_node), STORE_OK);
        assert_int_equal(store_sqn_swap(bench.other_node, row, version, &array), STORE_OK);
        assert_int_equal(store_commit(bench.other_node), STORE_OK);
    }
    return bench.real_list.C_EncryptFinal(session, out, out_bytes);
}

static void loses_to_a_faster_appliance(void **state)
{
    (void)state;
    meddle_left = 1;
    bench.softhsm.module->list->C_EncryptFinal = meddle;
    assert_int_equal(authenticate(bench.vectors[SET].autn), STATUS_SYNC_FAILURE);
    assert_false(bench_holds(0, bench.vectors[SET].res, sizeof bench.vectors[SET].res));
    assert_int_equal(meddle_left, 0);
}

static void gives_up_where_conflicts_do_not_end(void **state)
{
    (void)state;
    uint8_t autn[16];
    uint64_t sqn = sqn_from_bytes(bench.vectors[SET].sqn);
    bench_autn((sqn >> 5) + 1, sqn & 31, autn);
    meddle_left = 1000;
    bench.softhsm.module->list->C_EncryptFinal = meddle;
    assert_int_equal(authenticate(autn), STATUS_UNAVAILABLE);
}

static void accepts_a_challenge_once_in_one_batch(void **state)
{
    (void)state;
    ask("1001", bench.vectors[SET].autn);
    ask("1001", bench.vectors[SET].autn);
    put(FIELD_IMPI, ALICE, MESSAGE_AUTHENTICATE, 0, bench.vectors[SET].autn, 3);
    bench_run();
    assert_int_equal(bench_status(0), STATUS_OK);
    assert_int_equal(bench_status(1), STATUS_SYNC_FAILURE);
    assert_int_equal(bench_status(2), STATUS_SYNC_FAILURE);
    assert_true(bench_holds(1, bench.vectors[SET].auts, sizeof bench.vectors[SET].auts));
    assert_int_equal(bench_header(1).request_id, 0x01020305);
    assert_int_equal(bench_stored_seq(sqn_from_bytes(bench.vectors[SET].sqn) & 31),
                     sqn_from_bytes(bench.vectors[SET].sqn) >> 5);
}

static void keeps_annex_c(void **state)
{
    (void)state;
    uint8_t autn[16];
    bench_autn(100, 1, autn);
    assert_int_equal(authenticate(autn), STATUS_OK);
    assert_int_equal(authenticate(autn), STATUS_SYNC_FAILURE);
    bench_autn(90, 2, autn);
    assert_int_equal(authenticate(autn), STATUS_OK);
    assert_int_equal(authenticate(autn), STATUS_SYNC_FAILURE);
    assert_int_equal(bench_stored_seq(1), 100);
    assert_int_equal(bench_stored_seq(2), 90);
}

static void answers_as_the_standard_does(void **state)
{
    (void)state;
    assert_int_equal(authenticate(bench.vectors[SET].autn), STATUS_OK);
    struct authenticate_answer answer = {0};
    const uint8_t *body = bench.batch->replies[0].packet + CHANNEL_STAMP_BYTES + FRAME_HEADER_BYTES;
    struct fault fault =
        authenticate_answer_read(STATUS_OK, body, bench_header(0).body_bytes, &answer);
    assert_int_equal(fault.status, STATUS_OK);
    assert_memory_equal(answer.res.bytes, bench.vectors[SET].res, sizeof answer.res);
    assert_memory_equal(answer.ck.bytes, bench.vectors[SET].ck, sizeof answer.ck);
    assert_memory_equal(answer.ik.bytes, bench.vectors[SET].ik, sizeof answer.ik);
}

static void clears_what_it_held(void **state)
{
    (void)state;
    assert_int_equal(authenticate(bench.vectors[SET].autn), STATUS_OK);
    assert_true(bench_holds(0, bench.vectors[SET].ck, sizeof bench.vectors[SET].ck));
    batch_clear(bench.batch);
    assert_null(memmem(bench.batch, sizeof *bench.batch, bench.vectors[SET].ck,
                       sizeof bench.vectors[SET].ck));
    assert_null(memmem(bench.batch, sizeof *bench.batch, bench.vectors[SET].res,
                       sizeof bench.vectors[SET].res));
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, bench_begin, bench_end)
    const struct CMUnitTest tests[] = {
        TEST(refuses_packets_that_no_front_makes),
        TEST(lets_the_front_itself_ask_for_nothing),
        TEST(says_to_the_front_who_it_is),
        TEST(hides_who_else_is_served),
        TEST(refuses_a_form_that_is_not_allowed),
        TEST(refuses_a_disabled_subscriber_at_once),
        TEST(refuses_an_edited_record),
        TEST(keeps_what_it_found),
        TEST(refuses_who_was_removed_at_once),
        TEST(leaves_the_sqn_at_a_wrong_mac),
        TEST(says_nothing_that_is_not_durable),
        TEST(ends_when_the_token_is_lost),
        TEST(loses_to_a_faster_appliance),
        TEST(gives_up_where_conflicts_do_not_end),
        TEST(accepts_a_challenge_once_in_one_batch),
        TEST(keeps_annex_c),
        TEST(answers_as_the_standard_does),
        TEST(clears_what_it_held),
    };
    return cmocka_run_group_tests(tests, bench_open, bench_close);
}
