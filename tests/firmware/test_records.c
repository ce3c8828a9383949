/* Records that a keeper keeps: as long as nothing has changed, and most of those who are busy. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "records.h"
#include "store_bench.h"

#define BUSY 1000

static struct records records;
static struct subscription found;

/* As they are provisioned: names that differ in their last digits. */
static struct subscriber_name name_of(unsigned number)
{
    struct subscriber_name name = {.by = FIELD_USER_ID};
    snprintf(name.text, sizeof name.text, "%06u", number);
    return name;
}

static struct store *store_of(unsigned count)
{
    struct store *store = bench_store();
    assert_int_equal(store_begin(store), STORE_OK);
    for (unsigned i = 0; i < count; i++) {
        char impi[NAME_BYTES_MAX + 32];
        struct subscriber_name name = name_of(i);
        snprintf(impi, sizeof impi, "%s@ims.example.com", name.text);
        assert_int_equal(store_add_in_transaction(store, bench_subscription(impi, name.text)),
                         STORE_OK);
    }
    assert_int_equal(store_commit(store), STORE_OK);
    return store;
}

static bool is_proven(struct store *store, const struct subscriber_name *name)
{
    bool is_proven = false;
    assert_int_equal(records_find(&records, store, name, &found, &is_proven), STORE_OK);
    assert_true(subscription_is_named(&found, name));
    return is_proven;
}

static int end(void **state)
{
    (void)state;
    records_free(&records);
    return 0;
}

static void keeps_nearly_all_who_are_busy(void **state)
{
    (void)state;
    struct store *store = store_of(BUSY);
    unsigned kept = 0;
    for (unsigned i = 0; i < BUSY; i++) {
        struct subscriber_name name = name_of(i);
        assert_false(is_proven(store, &name));
        records_keep(&records, &name, &found);
    }
    records_begin(&records);
    for (unsigned i = 0; i < BUSY; i++) {
        struct subscriber_name name = name_of(i);
        kept += is_proven(store, &name);
    }
    assert_in_range(kept, BUSY * 9 / 10, BUSY);
    store_close(&store);
}

/* A user id that looks like an IMPI is no IMPI. */
static void tells_one_kind_of_name_from_another(void **state)
{
    (void)state;
    struct store *store = store_of(1);
    struct subscriber_name name = name_of(0);
    bool is_of_it = true;
    assert_false(is_proven(store, &name));
    records_keep(&records, &name, &found);
    name.by = FIELD_IMPI;
    assert_int_equal(records_find(&records, store, &name, &found, &is_of_it), STORE_NOT_FOUND);
    assert_false(is_of_it);
    store_close(&store);
}

/* Another's change alone costs a look into the store, and no new proof. */
static void proves_anew_what_has_changed(void **state)
{
    (void)state;
    struct store *store = store_of(2);
    struct subscriber_name name = name_of(0);
    assert_false(is_proven(store, &name));
    records_keep(&records, &name, &found);
    store_edit(bench_path, "UPDATE subscription SET seal = zeroblob(32) WHERE row = 2");
    records_begin(&records);
    assert_true(is_proven(store, &name));
    store_edit(bench_path, "UPDATE subscription SET seal = randomblob(32) WHERE row = 1");
    records_begin(&records);
    assert_false(is_proven(store, &name));
    records_begin(&records);
    assert_false(is_proven(store, &name));
    store_close(&store);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, bench_begin, end)
    const struct CMUnitTest tests[] = {
        TEST(keeps_nearly_all_who_are_busy),
        TEST(tells_one_kind_of_name_from_another),
        TEST(proves_anew_what_has_changed),
    };
    return cmocka_run_group_tests(tests, bench_open, bench_close);
}
