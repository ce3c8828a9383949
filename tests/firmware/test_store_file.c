/* The store's file: which are refused, which brought up to date, and how a change of it is noticed.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "store_bench.h"

static void write_file(const char *text)
{
    FILE *file = fopen(bench_path, "w");
    assert_non_null(file);
    for (int i = 0; i < 400; i++)
        assert_true(fputs(text, file) >= 0);
    assert_int_equal(fclose(file), 0);
}

static void refuses_a_file_that_is_no_store(void **state)
{
    (void)state;
    char why[STORE_WHY_BYTES] = "";
    struct store *store = NULL;
    write_file("no database at all. ");
    assert_int_equal(store_open(bench_path, false, why, &store), STORE_CORRUPT);
    assert_null(store);
    assert_non_null(strstr(why, "not a database"));
}

static void refuses_somebody_elses_database(void **state)
{
    (void)state;
    char why[STORE_WHY_BYTES] = "";
    struct store *store = NULL;
    store_edit(bench_path, "CREATE TABLE other (x)");
    assert_int_equal(store_open(bench_path, false, why, &store), STORE_CORRUPT);
    assert_non_null(strstr(why, "not a nisim store"));
}

static void refuses_a_store_that_was_emptied(void **state)
{
    (void)state;
    char why[STORE_WHY_BYTES] = "";
    struct store *store = bench_store();
    store_close(&store);
    assert_int_equal(truncate(bench_path, 0), 0);
    assert_int_equal(store_open(bench_path, false, why, &store), STORE_CORRUPT);
    assert_non_null(strstr(why, "not a nisim store"));
}

static void refuses_a_younger_schema(void **state)
{
    (void)state;
    char why[STORE_WHY_BYTES] = "";
    struct store *store = bench_store();
    store_close(&store);
    store_edit(bench_path, "PRAGMA user_version = 99");
    assert_int_equal(store_open(bench_path, false, why, &store), STORE_CORRUPT);
    assert_non_null(strstr(why, "schema version 99"));
}

static void refuses_a_file_that_is_not_there(void **state)
{
    (void)state;
    char why[STORE_WHY_BYTES] = "";
    struct store *store = NULL;
    assert_int_equal(store_open(bench_path, false, why, &store), STORE_FAILED);
    assert_non_null(strstr(why, "unable to open"));
    assert_int_equal(store_open("/no/such/folder/x.db", true, why, &store), STORE_FAILED);
    assert_non_null(strstr(why, "No such file"));
}

static void keeps_the_file_to_its_owner(void **state)
{
    (void)state;
    struct stat about;
    struct store *store = bench_store();
    assert_int_equal(stat(bench_path, &about), 0);
    assert_int_equal(about.st_mode & 077, 0);
    store_close(&store);
}

/* As nisim made them before there was an edition. */
#define TO_SCHEMA_1                                                                 \
    "DROP TABLE edition; DROP TRIGGER record_changed; DROP TRIGGER record_removed;" \
    " DROP TRIGGER name_changed; DROP TRIGGER name_removed; PRAGMA user_version = 1"

static bool has_moved(struct store *store, int64_t *in_out_edition)
{
    int64_t before = *in_out_edition;
    assert_int_equal(store_edition(store, in_out_edition), STORE_OK);
    return *in_out_edition != before;
}

/* By every change of what store_find may have found; by nothing that an authentication writes. */
static void changes_the_edition(void **state)
{
    (void)state;
    static const struct sqn_array array = {.seq = {1}};
    int64_t edition = -1;
    struct store *here = bench_store();
    struct store *there = bench_store();
    struct subscription *subscription = bench_subscription("alice@ims.example.com", "1001");
    assert_true(has_moved(there, &edition));
    assert_int_equal(store_add(here, subscription), STORE_OK);
    assert_int_equal(store_begin(here), STORE_OK);
    assert_int_equal(store_sqn_swap(here, subscription->row, 0, &array), STORE_OK);
    assert_int_equal(store_commit(here), STORE_OK);
    assert_false(has_moved(there, &edition));
    assert_int_equal(store_update(here, subscription), STORE_OK);
    assert_true(has_moved(there, &edition));
    assert_int_equal(store_begin(here), STORE_OK);
    assert_int_equal(store_set_names(here, subscription), STORE_OK);
    assert_int_equal(store_commit(here), STORE_OK);
    assert_true(has_moved(there, &edition));
    store_edit(bench_path, "UPDATE name SET text = text || 'x'");
    assert_true(has_moved(there, &edition));
    store_edit(bench_path, "UPDATE subscription SET seal = zeroblob(32)");
    assert_true(has_moved(there, &edition));
    assert_int_equal(store_remove(here, subscription->row), STORE_OK);
    assert_true(has_moved(there, &edition));
    store_edit(bench_path, "DELETE FROM edition");
    assert_int_equal(store_edition(there, &edition), STORE_CORRUPT);
    store_close(&there);
    store_close(&here);
}

/* A copy that is put back under a running keeper has its old edition; then comes a change. */
static void never_repeats_an_edition(void **state)
{
    (void)state;
    int64_t first = 0;
    int64_t second = 0;
    struct store *store = bench_store();
    struct subscription *subscription = bench_subscription("alice@ims.example.com", "1001");
    assert_int_equal(store_add(store, subscription), STORE_OK);
    store_edit(bench_path, "CREATE TABLE copy AS SELECT number FROM edition");
    assert_int_equal(store_update(store, subscription), STORE_OK);
    assert_int_equal(store_edition(store, &first), STORE_OK);
    store_edit(bench_path, "UPDATE edition SET number = (SELECT number FROM copy)");
    assert_int_equal(store_update(store, subscription), STORE_OK);
    assert_int_equal(store_edition(store, &second), STORE_OK);
    assert_int_not_equal(first, second);
    store_close(&store);
}

static void refuses_a_store_whose_edition_stands_still(void **state)
{
    static const char *const edits[] = {
        "DROP TRIGGER record_changed",
        "CREATE TRIGGER mine AFTER DELETE ON name BEGIN SELECT 1; END; DROP TRIGGER name_removed",
        "DELETE FROM edition",
        "INSERT INTO edition VALUES (1)",
        "DROP TABLE edition",
    };
    char why[STORE_WHY_BYTES] = "";
    for (size_t i = 0; i < sizeof edits / sizeof edits[0]; i++) {
        assert_int_equal(bench_begin(state), 0);
        struct store *store = bench_store();
        store_close(&store);
        store_edit(bench_path, edits[i]);
        assert_int_not_equal(store_open(bench_path, false, why, &store), STORE_OK);
        assert_non_null(strstr(why, "edition"));
    }
}

static void brings_schema_1_up_to_date(void **state)
{
    (void)state;
    int64_t edition = 0;
    struct store *store = bench_store();
    struct subscription *subscription = bench_subscription("alice@ims.example.com", "1001");
    assert_int_equal(store_add(store, subscription), STORE_OK);
    store_close(&store);
    store_edit(bench_path, TO_SCHEMA_1);
    store = bench_store();
    struct store *again = bench_store();
    assert_true(has_moved(again, &edition));
    assert_int_equal(store_update(store, subscription), STORE_OK);
    assert_true(has_moved(again, &edition));
    store_close(&again);
    store_close(&store);
}

static void waits_for_its_turn_to_bring_up_to_date(void **state)
{
    (void)state;
    char why[STORE_WHY_BYTES] = "";
    struct store *writer = bench_store();
    struct store *store = NULL;
    store_edit(bench_path, TO_SCHEMA_1);
    assert_int_equal(store_begin(writer), STORE_OK);
    assert_int_equal(store_open(bench_path, false, why, &store), STORE_BUSY);
    assert_non_null(strstr(why, "schema 2"));
    store_rollback(writer);
    assert_int_equal(store_open(bench_path, false, why, &store), STORE_OK);
    store_close(&store);
    store_close(&writer);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup(name, bench_begin)
    const struct CMUnitTest tests[] = {
        TEST(refuses_a_file_that_is_no_store),
        TEST(refuses_somebody_elses_database),
        TEST(refuses_a_store_that_was_emptied),
        TEST(refuses_a_younger_schema),
        TEST(refuses_a_file_that_is_not_there),
        TEST(keeps_the_file_to_its_owner),
        TEST(changes_the_edition),
        TEST(never_repeats_an_edition),
        TEST(refuses_a_store_whose_edition_stands_still),
        TEST(brings_schema_1_up_to_date),
        TEST(waits_for_its_turn_to_bring_up_to_date),
    };
    return cmocka_run_group_tests(tests, bench_open, bench_close);
}
