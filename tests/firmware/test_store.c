/* The store: what survives, what two processes may do at once. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "store_bench.h"
#include "stored_value.h"

static struct subscriber_name name_of(enum field_tag by, const char *text)
{
    struct subscriber_name name = {.by = by};
    snprintf(name.text, sizeof name.text, "%s", text);
    return name;
}

static void names_what_is_taken(void **state)
{
    (void)state;
    struct store *store = bench_store();
    static struct subscription found;
    const struct subscriber_name bob = name_of(FIELD_IMPI, "bob@ims.example.com");
    assert_int_equal(store_add(store, bench_subscription("alice@ims.example.com", "1001")),
                     STORE_OK);
    assert_int_equal(store_add(store, bench_subscription("bob@ims.example.com", "1001")),
                     STORE_DUPLICATE);
    assert_non_null(strstr(store_why(store), "user id '1001'"));
    assert_int_equal(store_find(store, &bob, &found), STORE_NOT_FOUND);
    assert_int_equal(store_add(store, bench_subscription("alice@ims.example.com", "1002")),
                     STORE_DUPLICATE);
    assert_non_null(strstr(store_why(store), "IMPI 'alice@ims.example.com'"));
    store_close(&store);
}

static void finds_by_each_name_across_a_restart(void **state)
{
    (void)state;
    static struct subscription found;
    const struct subscriber_name names[] = {name_of(FIELD_IMPI, "alice@ims.example.com"),
                                            name_of(FIELD_USER_ID, "1001")};
    struct store *store = bench_store();
    assert_int_equal(store_add(store, bench_subscription("alice@ims.example.com", "1001")),
                     STORE_OK);
    store_close(&store);
    store = bench_store();
    for (size_t i = 0; i < 2; i++) {
        assert_int_equal(store_find(store, &names[i], &found), STORE_OK);
        assert_true(subscription_is_named(&found, &names[i]));
        assert_string_equal(found.identity.impus[0], "sip:alice@ims.example.com");
        assert_true(found.enabled);
    }
    store_close(&store);
}

static void says_when_a_record_is_damaged(void **state)
{
    (void)state;
    static struct subscription found;
    const struct subscriber_name name = name_of(FIELD_USER_ID, "1001");
    struct subscription *subscription = bench_subscription("alice@ims.example.com", "1001");
    struct store *store = bench_store();
    assert_int_equal(store_add(store, subscription), STORE_OK);
    subscription->record_bytes -= 1;
    assert_int_equal(store_update(store, subscription), STORE_OK);
    assert_int_equal(store_find(store, &name, &found), STORE_BAD_RECORD);
    store_close(&store);
}

/* Two processes read one state; one of them loses, and nothing of its transaction stays. */
static void lets_one_of_two_swap(void **state)
{
    (void)state;
    struct store *here = bench_store();
    struct store *there = bench_store();
    struct subscription *subscription = bench_subscription("alice@ims.example.com", "1001");
    assert_int_equal(store_add(here, subscription), STORE_OK);
    struct sqn_array array = {0};
    int64_t version = -1;
    assert_int_equal(store_sqn_read(here, subscription->row, &array, &version), STORE_OK);
    assert_int_equal(version, 0);
    array.seq[3] = 77;
    assert_int_equal(store_begin(here), STORE_OK);
    assert_int_equal(store_sqn_swap(here, subscription->row, version, &array), STORE_OK);
    assert_int_equal(store_commit(here), STORE_OK);
    assert_int_equal(store_begin(there), STORE_OK);
    array.seq[3] = 78;
    assert_int_equal(store_sqn_swap(there, subscription->row, version, &array), STORE_CONFLICT);
    store_rollback(there);
    assert_int_equal(store_sqn_read(there, subscription->row, &array, &version), STORE_OK);
    assert_int_equal(array.seq[3], 77);
    assert_int_equal(version, 1);
    store_close(&there);
    store_close(&here);
}

static struct sqn_array read_back(struct store *store, int64_t row)
{
    struct sqn_array array = {.seq = {[0] = 1, [63] = 1}};
    int64_t version = 0;
    assert_int_equal(store_sqn_read(store, row, &array, &version), STORE_OK);
    return array;
}

/* The last entry that is not zero, wherever it is; the largest SEQ that there is. */
static void keeps_any_sqn_state(void **state)
{
    (void)state;
    struct store *store = bench_store();
    struct subscription *subscription = bench_subscription("alice@ims.example.com", "1001");
    assert_int_equal(store_add(store, subscription), STORE_OK);
    static const struct sqn_array zero;
    struct sqn_array array = read_back(store, subscription->row);
    assert_memory_equal(&array, &zero, sizeof zero);
    for (int64_t i = 0; i <= SQN_ENTRIES_MAX; i++) {
        struct sqn_array one = {{0}};
        if (i < SQN_ENTRIES_MAX)
            one.seq[i] = (UINT64_C(1) << SQN_BITS) - 1;
        if (i > 2)
            one.seq[1] = 1;
        assert_int_equal(store_begin(store), STORE_OK);
        assert_int_equal(store_sqn_swap(store, subscription->row, i, &one), STORE_OK);
        assert_int_equal(store_commit(store), STORE_OK);
        array = read_back(store, subscription->row);
        assert_memory_equal(&array, &one, sizeof one);
    }
    store_close(&store);
}

static void put_seqs(const char *value)
{
    char sql[256];
    snprintf(sql, sizeof sql, "UPDATE sqn SET seqs = %s", value);
    store_edit(bench_path, sql);
}

static void reads_sqn_states_of_before(void **state)
{
    (void)state;
    struct sqn_array array;
    int64_t version = 0;
    struct store *store = bench_store();
    struct subscription *subscription = bench_subscription("alice@ims.example.com", "1001");
    assert_int_equal(store_add(store, subscription), STORE_OK);
    put_seqs("CAST(zeroblob(510) || x'0102' AS BLOB)");
    array = read_back(store, subscription->row);
    assert_int_equal(array.seq[63], 0x0102);
    assert_int_equal(array.seq[62], 0);
    static const char *const wrong[] = {"zeroblob(1)", "zeroblob(7)", "zeroblob(390)",
                                        "zeroblob(520)"};
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        put_seqs(wrong[i]);
        assert_int_equal(store_sqn_read(store, subscription->row, &array, &version),
                         STORE_BAD_RECORD);
    }
    store_close(&store);
}

static void is_busy_while_another_writes(void **state)
{
    (void)state;
    struct store *here = bench_store();
    struct store *there = bench_store();
    assert_int_equal(store_begin(here), STORE_OK);
    assert_int_equal(store_begin(there), STORE_BUSY);
    store_rollback(here);
    assert_int_equal(store_begin(there), STORE_OK);
    store_rollback(there);
    store_close(&there);
    store_close(&here);
}

static void forgets_what_is_removed(void **state)
{
    (void)state;
    static struct subscription found;
    const struct subscriber_name name = name_of(FIELD_USER_ID, "1001");
    struct store *store = bench_store();
    struct subscription *subscription = bench_subscription("alice@ims.example.com", "1001");
    assert_int_equal(store_add(store, subscription), STORE_OK);
    int64_t row = subscription->row;
    struct sqn_array array;
    int64_t version = 0;
    assert_int_equal(store_remove(store, row), STORE_OK);
    assert_int_equal(store_remove(store, row), STORE_NOT_FOUND);
    assert_int_equal(store_find(store, &name, &found), STORE_NOT_FOUND);
    assert_int_equal(store_sqn_read(store, row, &array, &version), STORE_NOT_FOUND);
    subscription = bench_subscription("alice@ims.example.com", "1001");
    assert_int_equal(store_add(store, subscription), STORE_OK);
    assert_true(subscription->row > row);
    assert_int_equal(store_next(store, 0, &found), STORE_OK);
    assert_int_equal(store_next(store, found.row, &found), STORE_NOT_FOUND);
    store_close(&store);
}

/* A record cut at any byte is refused, not read past its end. */
static void decodes_no_record_that_is_cut(void **state)
{
    (void)state;
    struct subscription *subscription = bench_subscription("alice@ims.example.com", "1001");
    size_t whole = subscription->record_bytes;
    for (size_t bytes = 0; bytes < whole; bytes++) {
        subscription->record_bytes = bytes;
        assert_false(subscription_decode(subscription));
    }
    subscription->record_bytes = whole + 1;
    assert_false(subscription_decode(subscription));
}

static void write_value(struct store *store, const char *name, const char *text)
{
    struct stored_value value = {.bytes = strlen(text)};
    snprintf(value.name, sizeof value.name, "%s", name);
    memcpy(value.value, text, value.bytes);
    assert_int_equal(store_value_write(store, &value), STORE_OK);
}

static void keeps_values_by_name(void **state)
{
    (void)state;
    struct store *store = bench_store();
    struct stored_value value;
    assert_int_equal(store_value_read(store, "officer/alice", &value), STORE_NOT_FOUND);
    write_value(store, "officer/bob", "2");
    write_value(store, "officer/alice", "1");
    write_value(store, "rule/approvals", "");
    write_value(store, "officer/alice", "new");
    assert_int_equal(store_value_read(store, "officer/alice", &value), STORE_OK);
    assert_int_equal(value.bytes, 3);
    assert_memory_equal(value.value, "new", 3);
    assert_int_equal(store_value_next(store, "officer/", "", &value), STORE_OK);
    assert_string_equal(value.name, "officer/alice");
    assert_int_equal(store_value_next(store, "officer/", value.name, &value), STORE_OK);
    assert_string_equal(value.name, "officer/bob");
    assert_int_equal(store_value_next(store, "officer/", value.name, &value), STORE_NOT_FOUND);
    assert_int_equal(store_value_remove(store, "officer/bob"), STORE_OK);
    assert_int_equal(store_value_remove(store, "officer/bob"), STORE_NOT_FOUND);
    assert_int_equal(store_value_read(store, "rule/approvals", &value), STORE_OK);
    assert_int_equal(value.bytes, 0);
    store_close(&store);
}

/* What the officer's tool changes of a row: only as it was read, and all or nothing. */
static void changes_only_what_was_read(void **state)
{
    (void)state;
    static struct subscription found;
    const struct subscriber_name old_name = name_of(FIELD_USER_ID, "1001");
    const struct subscriber_name new_name = name_of(FIELD_USER_ID, "1002");
    const struct subscriber_name taken = name_of(FIELD_USER_ID, "2001");
    uint8_t seal[TOKEN_MAC_BYTES] = {0};
    struct store *store = bench_store();
    assert_int_equal(store_add(store, bench_subscription("bob@ims.example.com", "2001")), STORE_OK);
    struct subscription *subscription = bench_subscription("alice@ims.example.com", "1001");
    assert_int_equal(store_add(store, subscription), STORE_OK);
    int64_t row = subscription->row;
    assert_int_equal(store_check_same(store, row, seal), STORE_OK);
    seal[0] = 1;
    assert_int_equal(store_check_same(store, row, seal), STORE_CONFLICT);
    assert_int_equal(store_check_same(store, row + 1, seal), STORE_NOT_FOUND);
    snprintf(subscription->user_ids[0], sizeof subscription->user_ids[0], "2001");
    assert_int_equal(store_begin(store), STORE_OK);
    assert_int_equal(store_set_names(store, subscription), STORE_DUPLICATE);
    store_rollback(store);
    assert_int_equal(store_find(store, &old_name, &found), STORE_OK);
    snprintf(subscription->user_ids[0], sizeof subscription->user_ids[0], "1002");
    assert_int_equal(store_begin(store), STORE_OK);
    assert_int_equal(store_set_names(store, subscription), STORE_OK);
    assert_int_equal(store_commit(store), STORE_OK);
    assert_int_equal(store_find(store, &old_name, &found), STORE_NOT_FOUND);
    assert_int_equal(store_find(store, &new_name, &found), STORE_OK);
    assert_int_equal(store_find(store, &taken, &found), STORE_OK);
    store_close(&store);
}

static void begins_anew(void **state)
{
    (void)state;
    struct store *store = bench_store();
    struct subscription *subscription = bench_subscription("alice@ims.example.com", "1001");
    assert_int_equal(store_add(store, subscription), STORE_OK);
    struct sqn_array array = {.seq = {[63] = 5}};
    int64_t version = 0;
    assert_int_equal(store_begin(store), STORE_OK);
    assert_int_equal(store_sqn_swap(store, subscription->row, 0, &array), STORE_OK);
    assert_int_equal(store_begin_anew(store, subscription->row), STORE_OK);
    assert_int_equal(store_begin_anew(store, subscription->row + 1), STORE_NOT_FOUND);
    assert_int_equal(store_commit(store), STORE_OK);
    assert_int_equal(store_sqn_read(store, subscription->row, &array, &version), STORE_OK);
    assert_int_equal(array.seq[63], 0);
    assert_int_equal(version, 2); /* who read the state of the old K can't write it back */
    store_close(&store);
}

static void lists_by_impi_and_counts(void **state)
{
    (void)state;
    static struct subscription found;
    char impi[NAME_BYTES_MAX + 1] = "";
    int64_t count = -1;
    struct store *store = bench_store();
    assert_int_equal(store_count(store, &count), STORE_OK);
    assert_int_equal(count, 0);
    assert_int_equal(store_next_impi(store, impi, &found), STORE_NOT_FOUND);
    assert_int_equal(store_add(store, bench_subscription("bob@ims.example.com", "1")), STORE_OK);
    assert_int_equal(store_add(store, bench_subscription("carol@ims.example.com", "2")), STORE_OK);
    struct subscription *alice = bench_subscription("alice@ims.example.com", "3");
    assert_int_equal(store_add(store, alice), STORE_OK);
    alice->record_bytes -= 1;
    assert_int_equal(store_update(store, alice), STORE_OK);
    assert_int_equal(store_next_impi(store, impi, &found), STORE_BAD_RECORD);
    assert_string_equal(impi, "alice@ims.example.com");
    assert_int_equal(store_next_impi(store, impi, &found), STORE_OK);
    assert_string_equal(impi, "bob@ims.example.com");
    assert_int_equal(store_next_impi(store, impi, &found), STORE_OK);
    assert_string_equal(found.identity.impi, "carol@ims.example.com");
    assert_int_equal(store_next_impi(store, impi, &found), STORE_NOT_FOUND);
    assert_int_equal(store_count(store, &count), STORE_OK);
    assert_int_equal(count, 3);
    store_close(&store);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup(name, bench_begin)
    const struct CMUnitTest tests[] = {
        TEST(names_what_is_taken),
        TEST(finds_by_each_name_across_a_restart),
        TEST(says_when_a_record_is_damaged),
        TEST(lets_one_of_two_swap),
        TEST(keeps_any_sqn_state),
        TEST(reads_sqn_states_of_before),
        TEST(is_busy_while_another_writes),
        TEST(forgets_what_is_removed),
        TEST(keeps_values_by_name),
        TEST(changes_only_what_was_read),
        TEST(begins_anew),
        TEST(lists_by_impi_and_counts),
        TEST(decodes_no_record_that_is_cut),
    };
    return cmocka_run_group_tests(tests, bench_open, bench_close);
}
