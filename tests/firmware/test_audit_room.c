/* Room in a segment: zeros ahead of what is written are no record, and what a power cut leaves in
 * them is cut off. */
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "softhsm.h"
#include "trail.h"
#include "verify.h"

#define WRITER "keeper-0"
#define ROOM_AT_LEAST 1000000
#define SECTOR 512
#define CONFIRMED 7 /* records, so that the head is in the middle of a sector */
#define BATCH 24

static struct softhsm softhsm;
static struct audit_public_key *key;
static char folder[128];
static char why[AUDIT_WHY_BYTES];

static int open_token(void **state)
{
    struct token_signer signer;
    (void)state;
    softhsm_open(&softhsm);
    if (token_find_signer(softhsm.token, &signer) != HSM_OK)
        return -1;
    key = audit_public_key_new(signer.point);
    return key == NULL ? -1 : 0;
}

static int close_token(void **state)
{
    (void)state;
    audit_public_key_free(&key);
    softhsm_close(&softhsm);
    return 0;
}

static int begin(void **state)
{
    (void)state;
    return softhsm_make_folder(&softhsm, folder, sizeof folder);
}

static const char *segment_path(uint32_t segment)
{
    static char path[AUDIT_PATH_BYTES];
    audit_segment_path(folder, WRITER, segment, path);
    return path;
}

static size_t size_of(uint32_t segment)
{
    struct stat status;
    assert_int_equal(stat(segment_path(segment), &status), 0);
    return (size_t)status.st_size;
}

static void hear(void *user, bool is_fault, const char *text)
{
    (void)user;
    if (is_fault)
        snprintf(why, sizeof why, "%s", text);
}

static struct audit_report verify(const struct audit_head *confirmed)
{
    struct audit_report report = {.say = hear};
    why[0] = '\0';
    audit_verify(folder, WRITER, confirmed, key, &report);
    return report;
}

static struct audit_trail *open_trail(const struct audit_head *confirmed)
{
    struct audit_trail *trail = audit_trail_open(folder, WRITER, confirmed, why);
    assert_non_null(trail);
    audit_trail_make_room(trail);
    return trail;
}

static struct audit_head write_batch(struct audit_trail *trail, int count)
{
    for (int i = 0; i < count; i++) {
        char subscriber[64];
        snprintf(subscriber, sizeof subscriber, "user-%d@ims.example.com", i);
        audit_trail_add(trail, (struct audit_record){.kind = AUDIT_REQUEST,
                                                     .person = "wwsf-1",
                                                     .operation = "AUTHENTICATE",
                                                     .subscriber = subscriber,
                                                     .status = 2});
    }
    assert_true(audit_trail_flush(trail));
    return *audit_trail_head(trail);
}

static void put(uint64_t offset, const uint8_t *bytes, size_t count)
{
    int file = open(segment_path(1), O_WRONLY | O_CLOEXEC);
    assert_true(file >= 0);
    assert_int_equal(pwrite(file, bytes, count, (off_t)offset), count);
    close(file);
}

static uint8_t *content(size_t *out_bytes)
{
    *out_bytes = size_of(1);
    uint8_t *bytes = malloc(*out_bytes);
    assert_non_null(bytes);
    FILE *file = fopen(segment_path(1), "re");
    assert_non_null(file);
    assert_int_equal(fread(bytes, 1, *out_bytes, file), *out_bytes);
    fclose(file);
    return bytes;
}

static void grows_by_room_and_gives_it_back(void **state)
{
    (void)state;
    struct audit_trail *trail = open_trail(NULL);
    struct audit_head head = write_batch(trail, BATCH);
    size_t size = size_of(1);
    assert_true(size > head.offset + ROOM_AT_LEAST);
    head = write_batch(trail, BATCH);
    assert_int_equal(size_of(1), size);
    assert_int_equal(verify(&head).faults, 0);
    assert_int_equal(verify(&head).records, 1 + 2 * BATCH);
    audit_trail_close(&trail);
    assert_int_equal(size_of(1), head.offset);
    assert_int_equal(verify(&head).faults, 0);
}

static void ends_a_segment_without_room(void **state)
{
    (void)state;
    struct audit_trail *trail = open_trail(NULL);
    struct audit_head first = write_batch(trail, BATCH);
    assert_true(audit_trail_turn(trail));
    assert_int_equal(size_of(1), first.offset);
    assert_true(size_of(2) > ROOM_AT_LEAST);
    struct audit_head head = write_batch(trail, 1);
    assert_int_equal(verify(&head).faults, 0);
    audit_trail_close(&trail);
    /* A crash in the middle of the turn leaves it there. */
    assert_int_equal(truncate(segment_path(1), (off_t)first.offset + 5000), 0);
    assert_int_equal(verify(&head).faults, 0);
    assert_int_equal(verify(&head).records, 2 + BATCH + 1);
}

/* Killed, and opened again: nothing was met. */
static void room_of_any_size_is_no_record(void **state)
{
    (void)state;
    struct audit_trail *trail = open_trail(NULL);
    struct audit_head head = write_batch(trail, 3);
    audit_trail_close(&trail);
    for (off_t room = 0; room < 70; room++) {
        assert_int_equal(truncate(segment_path(1), (off_t)head.offset + room), 0);
        assert_int_equal(verify(&head).faults, 0);
        trail = open_trail(&head);
        assert_null(audit_trail_met(trail));
        audit_trail_close(&trail);
        assert_int_equal(size_of(1), head.offset);
    }
}

/* What is there is legal behind `confirmed`, and a writer goes on after it. */
static void assert_goes_on(const struct audit_head *confirmed)
{
    struct audit_report report = verify(confirmed);
    if (report.faults != 0)
        print_error("%s\n", why);
    assert_int_equal(report.faults, 0);
    struct audit_trail *trail = open_trail(confirmed);
    assert_non_null(audit_trail_met(trail));
    struct audit_head head = write_batch(trail, 1);
    assert_int_equal(head.segment, 1);
    audit_trail_close(&trail);
    assert_int_equal(verify(&head).faults, 0);
}

/* A trail of which the store confirmed the first records alone, as it is while it is written. */
struct example {
    struct audit_head confirmed;
    struct audit_head end;
    uint8_t *whole; /* the file, with its room */
    size_t bytes;
};

static struct example make_example(int unconfirmed)
{
    struct example example;
    struct audit_trail *trail = open_trail(NULL);
    example.confirmed = write_batch(trail, CONFIRMED);
    example.end = write_batch(trail, unconfirmed);
    example.whole = content(&example.bytes);
    audit_trail_close(&trail);
    return example;
}

static void put_back(const struct example *example)
{
    put(0, example->whole, example->bytes);
}

/* Any sector of the last write but those before it may be missing, and any that follow. */
static void cuts_off_what_lost_a_sector(void **state)
{
    static const uint8_t zeros[SECTOR];
    (void)state;
    struct example example = make_example(BATCH);
    assert_true(example.confirmed.offset % SECTOR != 0);
    for (uint64_t sector = example.confirmed.offset / SECTOR; sector * SECTOR < example.end.offset;
         sector++) {
        uint64_t from =
            sector * SECTOR < example.confirmed.offset ? example.confirmed.offset : sector * SECTOR;
        put_back(&example);
        put(from, zeros, (sector + 1) * SECTOR - from);
        assert_goes_on(&example.confirmed);
        /* What the store confirmed is not missing for any crash. */
        put_back(&example);
        put(from, zeros, (sector + 1) * SECTOR - from);
        assert_true(verify(&example.end).faults > 0);
    }
    free(example.whole);
}

/* A reader may come in the middle of a write. */
static void half_a_write_is_no_fault(void **state)
{
    (void)state;
    struct example example = make_example(2);
    for (uint64_t there = example.confirmed.offset; there < example.end.offset; there++) {
        /* A chain value of which fewer than its half is missing is one that was changed. */
        uint64_t missing = example.end.offset - there;
        uint64_t record = (example.end.offset - example.confirmed.offset) / 2;
        if (missing < AUDIT_CHAIN_BYTES / 2 ||
            (missing > record && missing < record + AUDIT_CHAIN_BYTES / 2))
            continue;
        put_back(&example);
        assert_int_equal(truncate(segment_path(1), (off_t)there), 0);
        assert_int_equal(truncate(segment_path(1), (off_t)example.bytes), 0);
        assert_int_equal(verify(&example.confirmed).faults, 0);
    }
    free(example.whole);
}

static void a_changed_record_is_no_half_written_one(void **state)
{
    (void)state;
    struct example example = make_example(BATCH);
    for (uint64_t at = example.confirmed.offset; at < example.end.offset; at += 7) {
        const uint8_t other = (uint8_t)~example.whole[at];
        put_back(&example);
        put(at, &other, 1);
        assert_true(verify(&example.end).faults > 0);
    }
    free(example.whole);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(grows_by_room_and_gives_it_back, begin),
        cmocka_unit_test_setup(ends_a_segment_without_room, begin),
        cmocka_unit_test_setup(room_of_any_size_is_no_record, begin),
        cmocka_unit_test_setup(cuts_off_what_lost_a_sector, begin),
        cmocka_unit_test_setup(half_a_write_is_no_fault, begin),
        cmocka_unit_test_setup(a_changed_record_is_no_half_written_one, begin),
    };
    return cmocka_run_group_tests_name("room", tests, open_token, close_token);
}
