/* The audit trail on a real SoftHSM: what is written, found again, and what is never overlooked. */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "audit_mutation.h"
#include "cursor.h"
#include "head.h"
#include "softhsm.h"
#include "trail.h"
#include "verify.h"

#define WRITER "keeper-0"
#define MUTATIONS 1000

static struct softhsm softhsm;
static struct token_signer signer;
static char folder[128];
static char why[AUDIT_WHY_BYTES];

static int open_token(void **state)
{
    (void)state;
    softhsm_open(&softhsm);
    assert_int_equal(token_find_integrity(softhsm.token), HSM_OK);
    return token_find_signer(softhsm.token, &signer) == HSM_OK ? 0 : -1;
}

static int close_token(void **state)
{
    (void)state;
    softhsm_close(&softhsm);
    return 0;
}

/* A folder of its own for each test. */
static int begin(void **state)
{
    (void)state;
    return softhsm_make_folder(&softhsm, folder, sizeof folder);
}

static struct audit_trail *open_trail(const struct audit_head *confirmed)
{
    struct audit_trail *trail = audit_trail_open(folder, WRITER, confirmed, why);
    if (trail == NULL)
        print_error("%s\n", why);
    assert_non_null(trail);
    return trail;
}

static void add(struct audit_trail *trail, const char *subscriber)
{
    audit_trail_add(trail, (struct audit_record){.kind = AUDIT_REQUEST,
                                                 .person = "wwsf-1",
                                                 .operation = "AUTHENTICATE",
                                                 .subscriber = subscriber,
                                                 .status = 2});
}

static void write_one(struct audit_trail *trail, const char *subscriber)
{
    add(trail, subscriber);
    assert_true(audit_trail_flush(trail));
}

static char *segment_path(uint32_t segment)
{
    static char path[AUDIT_PATH_BYTES];
    audit_segment_path(folder, WRITER, segment, path);
    return path;
}

static char last_said[AUDIT_WHY_BYTES + 256];

static void hear(void *user, bool is_fault, const char *text)
{
    (void)user;
    (void)is_fault;
    snprintf(last_said, sizeof last_said, "%s", text);
}

static struct audit_report verify(const struct audit_head *confirmed)
{
    struct audit_report report = {.say = hear};
    struct audit_public_key *key = audit_public_key_new(signer.point);
    assert_non_null(key);
    last_said[0] = '\0';
    audit_verify(folder, WRITER, confirmed, key, &report);
    audit_public_key_free(&key);
    return report;
}

static void body_of(struct audit_record record, struct wire_writer *writer)
{
    audit_body_write(writer, &record);
    assert_false(writer->failed);
}

static void refuses_what_is_no_record(void **state)
{
    static struct audit_read_record read;
    uint8_t body[512];
    struct wire_writer writer = wire_writer_of(body, sizeof body);
    (void)state;
    body_of((struct audit_record){.kind = AUDIT_REQUEST,
                                  .sequence = 7,
                                  .time_ms = 8,
                                  .person = "wwsf",
                                  .status = 1,
                                  .has_range = true,
                                  .range_first = 5,
                                  .officers = {"alice", "bob"}},
            &writer);
    for (size_t bytes = 0; bytes < writer.used; bytes++) {
        if (bytes != 17 && bytes != 24 && bytes != 32 && bytes != 38 && bytes != 43) /* fields */
            assert_false(audit_body_read(body, bytes, &read));
    }
    assert_true(audit_body_read(body, writer.used, &read));
    assert_int_equal(read.record.sequence, 7);
    assert_string_equal(read.record.person, "wwsf");
    assert_string_equal(read.record.officers[1], "bob");
    assert_null(read.record.officers[2]);
    assert_int_equal(read.record.range_first, 5);
    body[0] = 99; /* no kind */
    assert_false(audit_body_read(body, writer.used, &read));
    body[0] = AUDIT_REQUEST;
    body[17] = 77; /* no tag */
    assert_false(audit_body_read(body, writer.used, &read));
    body[17] = 1;
    body[20] = '\0'; /* in a text */
    assert_false(audit_body_read(body, writer.used, &read));
}

static void cuts_a_text_that_is_too_long(void **state)
{
    static struct audit_read_record read;
    char text[1000];
    uint8_t body[512];
    struct wire_writer writer = wire_writer_of(body, sizeof body);
    (void)state;
    memset(text, 'x', sizeof text - 1);
    text[sizeof text - 1] = '\0';
    body_of((struct audit_record){.kind = AUDIT_REQUEST, .detail = text}, &writer);
    assert_true(audit_body_read(body, writer.used, &read));
    assert_int_equal(strlen(read.record.detail), AUDIT_TEXT_BYTES_MAX);
}

static void needs_its_folder(void **state)
{
    (void)state;
    assert_int_equal(rmdir(folder), 0);
    assert_null(audit_trail_open(folder, WRITER, NULL, why));
    assert_non_null(strstr(why, "nisim-token init makes it"));
}

/* A keeper that was killed between its append and its commit, twice. */
static void goes_on_after_what_nobody_confirmed(void **state)
{
    (void)state;
    struct audit_trail *trail = open_trail(NULL);
    write_one(trail, "alice");
    struct audit_head confirmed = *audit_trail_head(trail);
    write_one(trail, "bob");
    write_one(trail, "carol");
    audit_trail_close(&trail);
    struct audit_report report = verify(&confirmed);
    assert_int_equal(report.faults, 0);
    assert_int_equal(report.unconfirmed, 2);
    trail = open_trail(&confirmed);
    assert_non_null(strstr(audit_trail_met(trail), "after 2 records"));
    write_one(trail, "dave");
    confirmed = *audit_trail_head(trail);
    audit_trail_close(&trail);
    report = verify(&confirmed);
    assert_int_equal(report.faults, 0);
    assert_int_equal(report.unconfirmed, 0);
    assert_int_equal(report.records, 6); /* segment, alice, bob, carol, resumed, dave */
    trail = open_trail(&confirmed);
    assert_null(audit_trail_met(trail));
    audit_trail_close(&trail);
}

static void append(const char *path, const void *bytes, size_t length)
{
    FILE *file = fopen(path, "a");
    assert_non_null(file);
    assert_int_equal(fwrite(bytes, 1, length, file), length);
    assert_int_equal(fclose(file), 0);
}

static void cuts_a_torn_record(void **state)
{
    (void)state;
    struct audit_trail *trail = open_trail(NULL);
    write_one(trail, "alice");
    struct audit_head confirmed = *audit_trail_head(trail);
    audit_trail_close(&trail);
    append(segment_path(1), "\0\x40torn", 6);
    assert_int_equal(verify(&confirmed).faults, 0);
    assert_non_null(strstr(last_said, "its keeper cuts it off"));
    trail = open_trail(&confirmed);
    assert_non_null(strstr(audit_trail_met(trail), "6 bytes of a torn one"));
    write_one(trail, "bob");
    confirmed = *audit_trail_head(trail);
    audit_trail_close(&trail);
    assert_int_equal(verify(&confirmed).faults, 0);
}

static void begins_a_segment_where_the_trail_was_cut(void **state)
{
    (void)state;
    struct audit_trail *trail = open_trail(NULL);
    write_one(trail, "alice");
    write_one(trail, "bob");
    struct audit_head confirmed = *audit_trail_head(trail);
    audit_trail_close(&trail);
    assert_int_equal(truncate(segment_path(1), (off_t)confirmed.offset - 1), 0);
    assert_true(verify(&confirmed).faults > 0);
    trail = open_trail(&confirmed);
    assert_non_null(strstr(audit_trail_met(trail), "damaged"));
    assert_int_equal(audit_trail_head(trail)->segment, 2);
    write_one(trail, "carol");
    confirmed = *audit_trail_head(trail);
    audit_trail_close(&trail);
    assert_true(verify(&confirmed).faults > 0); /* for ever after */
}

static void knows_when_the_store_lost_its_head(void **state)
{
    (void)state;
    struct audit_trail *trail = open_trail(NULL);
    write_one(trail, "alice");
    audit_trail_close(&trail);
    assert_int_equal(verify(NULL).faults, 1);
    trail = open_trail(NULL);
    assert_non_null(strstr(audit_trail_met(trail), "after 2 records"));
    write_one(trail, "bob");
    assert_int_equal(verify(audit_trail_head(trail)).faults, 0);
    audit_trail_close(&trail);
}

static void refuses_anothers_signature(void **state)
{
    (void)state;
    struct audit_trail *trail = open_trail(NULL);
    struct token_signer other = signer;
    write_one(trail, "alice");
    assert_int_equal(audit_trail_sign(trail, softhsm.token, &signer), HSM_OK);
    assert_true(audit_trail_flush(trail));
    assert_int_equal(verify(audit_trail_head(trail)).faults, 0);
    signer.point[64] ^= 1; /* no point of the curve */
    assert_null(audit_public_key_new(signer.point));
    signer = other;
    audit_trail_add(trail, (struct audit_record){.kind = AUDIT_CHECKPOINT,
                                                 .status = AUDIT_NO_STATUS,
                                                 .signature = other.point});
    assert_true(audit_trail_flush(trail));
    assert_int_equal(verify(audit_trail_head(trail)).faults, 1);
    assert_non_null(strstr(last_said, "signature"));
    audit_trail_close(&trail);
}

/* The disk is full in the middle of a record. */
static void writes_all_or_nothing(void **state)
{
    (void)state;
    struct rlimit before;
    struct audit_trail *trail = open_trail(NULL);
    write_one(trail, "alice");
    uint64_t full = audit_trail_head(trail)->offset;
    signal(SIGXFSZ, SIG_IGN);
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
    struct rlimit limit = {.rlim_cur = full + 100, .rlim_max = before.rlim_max};
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
    for (int i = 0; i < 3; i++) {
        add(trail, "bob");
        add(trail, "carol");
        assert_false(audit_trail_flush(trail));
        assert_non_null(strstr(audit_trail_why(trail), "can't be written"));
        assert_int_equal(audit_trail_head(trail)->offset, full);
    }
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
    write_one(trail, "dave");
    struct audit_report report = verify(audit_trail_head(trail));
    assert_int_equal(report.faults, 0);
    assert_int_equal(report.records, 3);
    audit_trail_close(&trail);
}

static void seals_its_head(void **state)
{
    (void)state;
    struct store *store = NULL;
    struct stored_value value;
    struct audit_head head = {3, 1000, 77, {1, 2, 3}};
    struct audit_head read;
    assert_int_equal(store_open(softhsm_path(&softhsm, "head.db"), true, why, &store), STORE_OK);
    assert_int_equal(audit_head_read(softhsm.token, store, WRITER, &read), HSM_NO_KEY);
    assert_int_equal(audit_head_seal(softhsm.token, WRITER, &head, &value), HSM_OK);
    assert_int_equal(store_value_write(store, &value), STORE_OK);
    assert_int_equal(audit_head_read(softhsm.token, store, WRITER, &read), HSM_OK);
    assert_memory_equal(&read.chain, &head.chain, sizeof head.chain);
    assert_int_equal(read.sequence, 77);
    value.value[15]--;
    assert_int_equal(store_value_write(store, &value), STORE_OK);
    assert_int_equal(audit_head_read(softhsm.token, store, WRITER, &read), HSM_BAD_ANSWER);
    store_close(&store);
}

static struct audit_head make_long_trail(uint32_t *out_segments)
{
    struct audit_trail *trail = open_trail(NULL);
    audit_trail_limit(trail, 12000);
    for (int i = 0; i < 600; i++) {
        char subscriber[64];
        snprintf(subscriber, sizeof subscriber, "user-%d@ims.example.com", i);
        write_one(trail, subscriber);
        if (i % 40 == 39) {
            assert_int_equal(audit_trail_sign(trail, softhsm.token, &signer), HSM_OK);
            assert_true(audit_trail_flush(trail));
        }
        if (audit_trail_is_full(trail))
            assert_true(audit_trail_turn(trail));
    }
    struct audit_head head = *audit_trail_head(trail);
    audit_trail_close(&trail);
    *out_segments = head.segment;
    return head;
}

static void finds_each_of_many_mutations(void **state)
{
    uint32_t segments = 0;
    (void)state;
    struct audit_head head = make_long_trail(&segments);
    struct audit_public_key *key = audit_public_key_new(signer.point);
    assert_true(segments > 3);
    assert_int_equal(verify(&head).faults, 0);
    unsigned seed = (unsigned)time(NULL);
    print_message("%d mutations of %u segments, seed %u\n", MUTATIONS, segments, seed);
    srandom(seed);
    for (int i = 0; i < MUTATIONS; i++)
        assert_true(mutation_is_found(folder, WRITER, &head, key));
    assert_int_equal(verify(&head).faults, 0);
    audit_public_key_free(&key);
    /* What was confirmed later is missed as well. */
    head.sequence++;
    assert_true(verify(&head).faults > 0);
}

static void add_part(struct audit_trail *trail, const char *subscriber)
{
    audit_trail_add(trail, (struct audit_record){.kind = AUDIT_PART,
                                                 .status = AUDIT_NO_STATUS,
                                                 .subscriber = subscriber,
                                                 .has_range = true,
                                                 .range_first = 1});
}

/* A bit for each of the first 64 records that a later one withdraws. */
static uint64_t withdrawn(void)
{
    static struct audit_cursor cursor;
    uint64_t mask = 0;
    assert_true(audit_cursor_open(&cursor, folder, WRITER, NULL));
    while (audit_cursor_next(&cursor) == AUDIT_READ) {
        if (cursor.read.record.kind == AUDIT_WITHDRAWN)
            mask |= cursor.read.record.range_mask << cursor.read.record.range_first;
    }
    audit_cursor_close(&cursor);
    return mask;
}

/* Opened anew after `confirmed`, with a record more. */
static void go_on_after(const struct audit_head *confirmed)
{
    struct audit_trail *trail = open_trail(confirmed);
    write_one(trail, "next");
    audit_trail_close(&trail);
}

static void withdraws_parts_that_nobody_confirmed(void **state)
{
    (void)state;
    struct audit_trail *trail = open_trail(NULL);
    write_one(trail, "alice"); /* 2 */
    const struct audit_head confirmed = *audit_trail_head(trail);
    add_part(trail, "bob");
    add_part(trail, "carol");
    assert_int_equal(audit_trail_sign(trail, softhsm.token, &signer), HSM_OK);
    add_part(trail, "dave"); /* 6: the batch before was confirmed, or this one had not begun */
    add_part(trail, "eve");
    assert_int_equal(audit_trail_sign(trail, softhsm.token, &signer), HSM_OK);
    assert_true(audit_trail_flush(trail));
    audit_trail_close(&trail);
    go_on_after(&confirmed);
    assert_int_equal(withdrawn(), 1u << 6 | 1u << 7);
    go_on_after(&confirmed);
    assert_int_equal(withdrawn(), 1u << 6 | 1u << 7);
}

static void leaves_parts_that_something_followed(void **state)
{
    (void)state;
    struct audit_trail *trail = open_trail(NULL);
    write_one(trail, "alice");
    const struct audit_head confirmed = *audit_trail_head(trail);
    add_part(trail, "bob");
    write_one(trail, "carol");
    audit_trail_close(&trail);
    go_on_after(&confirmed);
    assert_int_equal(withdrawn(), 0);
}

static void leaves_parts_where_the_store_knows_nothing(void **state)
{
    (void)state;
    struct audit_trail *trail = open_trail(NULL);
    add_part(trail, "bob");
    assert_true(audit_trail_flush(trail));
    audit_trail_close(&trail);
    go_on_after(NULL);
    assert_int_equal(withdrawn(), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(refuses_what_is_no_record),
        cmocka_unit_test(cuts_a_text_that_is_too_long),
        cmocka_unit_test_setup(needs_its_folder, begin),
        cmocka_unit_test_setup(goes_on_after_what_nobody_confirmed, begin),
        cmocka_unit_test_setup(cuts_a_torn_record, begin),
        cmocka_unit_test_setup(withdraws_parts_that_nobody_confirmed, begin),
        cmocka_unit_test_setup(leaves_parts_that_something_followed, begin),
        cmocka_unit_test_setup(leaves_parts_where_the_store_knows_nothing, begin),
        cmocka_unit_test_setup(begins_a_segment_where_the_trail_was_cut, begin),
        cmocka_unit_test_setup(knows_when_the_store_lost_its_head, begin),
        cmocka_unit_test_setup(refuses_anothers_signature, begin),
        cmocka_unit_test_setup(writes_all_or_nothing, begin),
        cmocka_unit_test(seals_its_head),
        cmocka_unit_test_setup(finds_each_of_many_mutations, begin),
    };
    return cmocka_run_group_tests(tests, open_token, close_token);
}
