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
    bench_edit("CREATE TABLE other (x)");
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
    bench_edit("PRAGMA user_version = 99");
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

static bool has_moved(struct store *store, int64_t *in_out_edition)
{
    int64_t before = *in_out_edition;
    assert_int_equal(store_edition(store, in_out_edition), STORE_OK);
    return *in_out_edition != before;
}

/* By every change of what store_find may have found; by nothing that an authentication writes. */
static void moves_the_edition_on(void **state)
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
    bench_edit("UPDATE name SET text = text || 'x'");
    assert_true(has_moved(there, &edition));
    bench_edit("UPDATE subscription SET seal = zeroblob(32)");
    assert_true(has_moved(there, &edition));
    assert_int_equal(store_remove(here, subscription->row), STORE_OK);
    assert_true(has_moved(there, &edition));
    bench_edit("DELETE FROM edition");
    assert_int_equal(store_edition(there, &edition), STORE_CORRUPT);
    store_close(&there);
    store_close(&here);
}

static void brings_schema_1_up_to_date(void **state)
{
    (void)state;
    int64_t edition = -1;
    struct store *store = bench_store();
    struct subscription *subscription = bench_subscription("alice@ims.example.com", "1001");
    assert_int_equal(store_add(store, subscription), STORE_OK);
    store_close(&store);
    bench_edit("DROP TABLE edition; DROP TRIGGER record_changed; DROP TRIGGER record_removed;"
               " DROP TRIGGER name_changed; DROP TRIGGER name_removed; PRAGMA user_version = 1");
    store = bench_store();
    struct store *again = bench_store();
    assert_true(has_moved(again, &edition));
    assert_int_equal(store_update(store, subscription), STORE_OK);
    assert_true(has_moved(again, &edition));
    store_close(&again);
    store_close(&store);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup(name, bench_begin)
    const struct CMUnitTest tests[] = {
        TEST(refuses_a_file_that_is_no_store),  TEST(refuses_somebody_elses_database),
        TEST(refuses_a_store_that_was_emptied), TEST(refuses_a_younger_schema),
        TEST(refuses_a_file_that_is_not_there), TEST(keeps_the_file_to_its_owner),
        TEST(brings_schema_1_up_to_date),       TEST(moves_the_edition_on),
    };
    return cmocka_run_group_tests(tests, bench_open, bench_close);
}
