/* What a keeper writes into the audit trail, through batch_run. */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include <cmocka.h>

#include "card_message.h"
#include "cursor.h"
#include "keeper_bench.h"
#include "verify.h"

#define TRAIL_MOST 64

/* The trail as it is now. */
static struct audit_read_record trail[TRAIL_MOST];

static size_t read_trail(void)
{
    static struct audit_cursor cursor;
    size_t count = 0;
    assert_true(audit_cursor_open(&cursor, bench.audit, "keeper-0", NULL));
    while (audit_cursor_next(&cursor) == AUDIT_READ) {
        assert_true(count < TRAIL_MOST);
        /* The texts are the cursor's own: read again, into one that lasts. */
        size_t bytes = (size_t)cursor.bytes[0] << 8 | cursor.bytes[1];
        assert_true(audit_body_read(cursor.bytes + 2, bytes, &trail[count++]));
    }
    audit_cursor_close(&cursor);
    return count;
}

/* The record at `back` from the end, 1 being the last. */
static const struct audit_record *record(size_t back)
{
    size_t count = read_trail();
    assert_true(back <= count);
    return &trail[count - back].record;
}

static void assert_request(size_t back, const char *operation, const char *subscriber,
                           enum status status)
{
    const struct audit_record *found = record(back);
    assert_int_equal(found->kind, AUDIT_REQUEST);
    assert_string_equal(found->operation, operation);
    assert_string_equal(found->subscriber, subscriber);
    assert_int_equal(found->status, status);
}

static void keep_text(void *user, bool is_fault, const char *text)
{
    (void)user;
    print_message("%s: %s\n", is_fault ? "fault" : "note", text);
}

static struct audit_report verify(void)
{
    struct audit_report report = {.say = keep_text};
    struct audit_head head;
    struct audit_public_key *key = audit_public_key_new(bench.keeper.journal.signer.point);
    assert_non_null(key);
    enum hsm_result rc = audit_head_read(bench.keeper.token, bench.keeper.store, "keeper-0", &head);
    audit_verify(bench.audit, "keeper-0", rc == HSM_OK ? &head : NULL, key, &report);
    audit_public_key_free(&key);
    return report;
}

static void put(uint8_t type, const char *user, const uint8_t *autn, uint16_t client)
{
    struct authenticate_request request = {.subscriber = {.by = FIELD_USER_ID}, .form = FORM_CARD};
    uint8_t body[512];
    struct wire_writer writer = wire_writer_of(body, sizeof body);
    snprintf(request.subscriber.text, sizeof request.subscriber.text, "%s", user);
    memcpy(request.rand, bench.vectors[SET].rand, sizeof request.rand);
    memcpy(request.autn, autn, sizeof request.autn);
    if (type == MESSAGE_AUTHENTICATE)
        authenticate_request_write(&writer, &request);
    if (type == MESSAGE_IDENTITY)
        identity_request_write(&writer, &request.subscriber);
    if (type == MESSAGE_CARD_RESET)
        card_request_write(&writer, &request.subscriber);
    bench_put(type, client, 1, body, writer.used);
}

static enum status authenticate(const uint8_t *autn)
{
    batch_clear(bench.batch);
    put(MESSAGE_AUTHENTICATE, "1001", autn, 0);
    bench_run();
    return bench_status(0);
}

static void records_each_end_of_a_request(void **state)
{
    (void)state;
    uint8_t forged[16];
    memcpy(forged, bench.vectors[SET].autn, sizeof forged);
    forged[15] ^= 1;
    put(MESSAGE_PING, "", forged, 0);
    put(MESSAGE_AUTHENTICATE, "1001", bench.vectors[SET].autn, 0);
    put(MESSAGE_AUTHENTICATE, "1001", bench.vectors[SET].autn, 0);
    put(MESSAGE_AUTHENTICATE, "1001", forged, 0);
    put(MESSAGE_AUTHENTICATE, "nobody", forged, 0);
    put(MESSAGE_IDENTITY, "2002", forged, 0);
    put(MESSAGE_AUTHENTICATE, "2002", forged, 1);
    put(MESSAGE_IDENTITY, "1001", forged, 1);
    bench_run();
    assert_request(7, "AUTHENTICATE", ALICE, STATUS_OK);
    assert_string_equal(record(7)->person, "wwsf");
    assert_request(6, "AUTHENTICATE", ALICE, STATUS_SYNC_FAILURE);
    assert_request(5, "AUTHENTICATE", ALICE, STATUS_MAC_FAILURE);
    assert_request(4, "AUTHENTICATE", "nobody", STATUS_UNKNOWN_USER);
    assert_request(3, "IDENTITY", OTHER, STATUS_UNKNOWN_USER); /* its asker must not know */
    assert_request(2, "AUTHENTICATE", "2002", STATUS_FORM_NOT_ALLOWED);
    assert_request(1, "IDENTITY", ALICE, STATUS_OK);
    assert_string_equal(record(1)->person, "directory");
    assert_int_equal(record(8)->kind, AUDIT_CHECKPOINT); /* of the start: PING has none */
    struct audit_report report = verify();
    assert_int_equal(report.faults, 0);
    assert_int_equal(report.unconfirmed, 0);
}

static void put_apdu(const uint8_t *command, size_t bytes)
{
    uint8_t body[700];
    struct apdu_request request = {.subscriber = {.by = FIELD_USER_ID, .text = "1001"},
                                   .command_bytes = bytes};
    struct wire_writer writer = wire_writer_of(body, sizeof body);
    memcpy(request.command, command, bytes);
    apdu_request_write(&writer, &request);
    bench_put(MESSAGE_APDU, 0, 2, body, writer.used);
}

/* Who takes the card in use, and what is asked of K; not each file of it that is read. */
static void records_the_challenges_of_a_card(void **state)
{
    static const uint8_t select_isim[] = {0x00, 0xa4, 0x04, 0x0c, 0x07, 0xa0,
                                          0x00, 0x00, 0x00, 0x87, 0x10, 0x04};
    uint8_t command[39] = {0x00, 0x88, 0x00, 0x81, 34, 16};
    (void)state;
    memcpy(command + 6, bench.vectors[SET].rand, 16);
    command[22] = 16;
    bench_autn(100, 1, command + 23);
    command[38] ^= 1;
    put(MESSAGE_CARD_RESET, "1001", command + 23, 0);
    put_apdu(select_isim, sizeof select_isim);
    put_apdu(command, sizeof command);
    bench_run();
    assert_int_equal(bench_status(2), STATUS_OK);
    assert_request(1, "APDU", ALICE, STATUS_MAC_FAILURE);
    assert_request(2, "CARD_RESET", ALICE, STATUS_OK);
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

static void withdraws_what_another_was_faster_at(void **state)
{
    (void)state;
    meddle_left = 1;
    bench.softhsm.module->list->C_EncryptFinal = meddle;
    assert_int_equal(authenticate(bench.vectors[SET].autn), STATUS_SYNC_FAILURE);
    assert_request(3, "AUTHENTICATE", ALICE, STATUS_OK);
    uint64_t sequence = record(3)->sequence;
    assert_int_equal(record(2)->kind, AUDIT_WITHDRAWN);
    assert_int_equal(record(2)->range_first, sequence);
    assert_int_equal(record(2)->range_mask, 1);
    assert_request(1, "AUTHENTICATE", ALICE, STATUS_SYNC_FAILURE);
    assert_int_equal(verify().faults, 0);
}

static void withdraws_what_is_not_committed(void **state)
{
    (void)state;
    uint8_t forged[16];
    memcpy(forged, bench.vectors[SET].autn, sizeof forged);
    forged[15] ^= 1;
    assert_int_equal(store_begin(bench.other_node), STORE_OK);
    put(MESSAGE_AUTHENTICATE, "1001", forged, 0);
    put(MESSAGE_AUTHENTICATE, "1001", bench.vectors[SET].autn, 0);
    bench_run();
    store_rollback(bench.other_node);
    assert_int_equal(bench_status(0), STATUS_MAC_FAILURE);
    assert_int_equal(bench_status(1), STATUS_UNAVAILABLE);
    assert_int_equal(record(1)->kind, AUDIT_WITHDRAWN);
    assert_int_equal(record(1)->range_first, record(3)->sequence);
    assert_int_equal(record(1)->range_mask, 2);
    assert_int_equal(verify().unconfirmed, 3);
    assert_int_equal(authenticate(bench.vectors[SET].autn), STATUS_OK);
    assert_int_equal(verify().unconfirmed, 0);
    assert_int_equal(verify().faults, 0);
}

/* The store still takes writes: only the trail is full. */
static void answers_nothing_without_its_record(void **state)
{
    (void)state;
    struct rlimit before;
    uint8_t autn[16];
    bench_autn(100, 1, autn);
    signal(SIGXFSZ, SIG_IGN);
    assert_int_equal(authenticate(bench.vectors[SET].autn), STATUS_OK);
    size_t count = read_trail();
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
    struct rlimit limit = {audit_trail_head(bench.keeper.journal.trail)->offset + 50,
                           before.rlim_max};
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
    batch_clear(bench.batch);
    put(MESSAGE_AUTHENTICATE, "1001", autn, 0);
    put(MESSAGE_IDENTITY, "1001", autn, 0);
    put(MESSAGE_PING, "", autn, 0);
    bench_run();
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
    assert_int_equal(bench_status(0), STATUS_UNAVAILABLE);
    assert_int_equal(bench_status(1), STATUS_UNAVAILABLE);
    assert_int_equal(bench_status(2), STATUS_OK);
    assert_true(bench.keeper.journal.is_failing);
    assert_int_equal(bench_stored_seq(1), 0);
    assert_int_equal(read_trail(), count);
    assert_int_equal(authenticate(autn), STATUS_OK);
    assert_false(bench.keeper.journal.is_failing);
    assert_int_equal(read_trail(), count + 1);
    assert_int_equal(verify().faults, 0);
}

static void signs_what_was_added_after_a_minute(void **state)
{
    (void)state;
    assert_int_equal(authenticate(bench.vectors[SET].autn), STATUS_OK);
    size_t count = read_trail();
    assert_int_equal(journal_watch(&bench.keeper), EXIT_DONE);
    assert_int_equal(read_trail(), count);
    bench.keeper.journal.signed_s -= JOURNAL_CHECKPOINT_SECONDS;
    assert_int_equal(journal_watch(&bench.keeper), EXIT_DONE);
    assert_int_equal(record(1)->kind, AUDIT_CHECKPOINT);
    bench.keeper.journal.signed_s -= JOURNAL_CHECKPOINT_SECONDS;
    assert_int_equal(journal_watch(&bench.keeper), EXIT_DONE); /* nothing new to sign */
    assert_int_equal(read_trail(), count + 1);
    assert_int_equal(verify().unconfirmed, 0);
}

static void turns_to_a_new_segment(void **state)
{
    (void)state;
    uint8_t autn[16];
    audit_trail_limit(bench.keeper.journal.trail, 1000);
    for (uint64_t seq = 100; seq < 120; seq++) {
        bench_autn(seq, 1, autn);
        assert_int_equal(authenticate(autn), STATUS_OK);
    }
    assert_true(audit_trail_head(bench.keeper.journal.trail)->segment > 2);
    struct audit_report report = verify();
    assert_int_equal(report.faults, 0);
    assert_true(report.checkpoints > 2);
}

static void needs_its_folder(void **state)
{
    static struct keeper other;
    (void)state;
    other = bench.keeper;
    other.journal = (struct journal){.trail = NULL};
    assert_int_equal(journal_open(&other, "/nonexistent/audit", "keeper-1", 1), EXIT_STORE);
    assert_null(other.journal.trail);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, bench_begin, bench_end)
    const struct CMUnitTest tests[] = {
        TEST(records_each_end_of_a_request),
        TEST(records_the_challenges_of_a_card),
        TEST(withdraws_what_another_was_faster_at),
        TEST(withdraws_what_is_not_committed),
        TEST(answers_nothing_without_its_record),
        TEST(signs_what_was_added_after_a_minute),
        TEST(turns_to_a_new_segment),
        TEST(needs_its_folder),
    };
    return cmocka_run_group_tests(tests, bench_open, bench_close);
}
