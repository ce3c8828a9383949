/* Requests for approval and the rule, where the command line can't be: past their time, cut, put
 * under another name. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "officer.h"
#include "pending.h"
#include "softhsm.h"

static struct softhsm softhsm;
static struct office office;

static struct pending pending_of(uint8_t first, int64_t seconds_left)
{
    struct pending pending = {.mark = {.nonce = {first, 2, 3}, .made = 1}};
    pending.mark.expires = (uint64_t)((int64_t)time(NULL) + seconds_left);
    memset(pending.text_hash, first, sizeof pending.text_hash);
    pending_name(&pending);
    return pending;
}

static void is_read_as_it_was_written_and_used_once(void **state)
{
    (void)state;
    struct pending found = {0};
    struct pending pending = pending_of(0xab, 60);
    assert_string_equal(pending.id, "ab02030000000000");
    assert_int_equal(pending_read(&office, pending.id, &found), OUTCOME_NOT_APPROVED);
    assert_int_equal(pending_write(&office, &pending), OUTCOME_DONE);
    assert_int_equal(pending_read(&office, pending.id, &found), OUTCOME_DONE);
    assert_string_equal(found.id, pending.id);
    assert_memory_equal(found.mark.nonce, pending.mark.nonce, sizeof found.mark.nonce);
    assert_int_equal(found.mark.made, 1);
    assert_int_equal(found.mark.expires, pending.mark.expires);
    assert_memory_equal(found.text_hash, pending.text_hash, sizeof found.text_hash);
    assert_int_equal(pending_read(&office, "ab0203000000000", &found), OUTCOME_NOT_APPROVED);
    assert_int_equal(pending_read(&office, "", &found), OUTCOME_NOT_APPROVED);
    assert_int_equal(pending_use(&office, &pending), OUTCOME_DONE);
    assert_int_equal(pending_use(&office, &pending), OUTCOME_NOT_APPROVED);
    assert_int_equal(pending_read(&office, pending.id, &found), OUTCOME_NOT_APPROVED);
}

static void expires_and_is_forgotten(void **state)
{
    (void)state;
    struct pending found = {0};
    struct stored_value value = {0};
    struct pending old = pending_of(1, -1);
    struct pending new = pending_of(2, 60);
    assert_int_equal(pending_write(&office, &old), OUTCOME_DONE);
    assert_int_equal(pending_read(&office, old.id, &found), OUTCOME_NOT_APPROVED);
    assert_int_equal(store_value_read(office.store, "pending/0102030000000000", &value), STORE_OK);
    assert_int_equal(pending_write(&office, &new), OUTCOME_DONE);
    assert_int_equal(store_value_read(office.store, "pending/0102030000000000", &value),
                     STORE_NOT_FOUND);
    assert_int_equal(pending_read(&office, new.id, &found), OUTCOME_DONE);
}

/* Each is sealed, as by somebody who has the PIN and a program of another version. */
static void a_cut_value_is_refused(void **state)
{
    (void)state;
    struct pending found = {0};
    struct stored_value value = {0};
    struct pending pending = pending_of(3, 60);
    assert_int_equal(pending_write(&office, &pending), OUTCOME_DONE);
    assert_int_equal(store_value_read(office.store, "pending/0302030000000000", &value), STORE_OK);
    for (size_t bytes = value.bytes; bytes-- > 0;) {
        value.bytes = bytes;
        assert_int_equal(stored_value_seal(office.token, &value), HSM_OK);
        assert_int_equal(store_value_write(office.store, &value), STORE_OK);
        assert_int_equal(pending_read(&office, pending.id, &found), OUTCOME_STORE);
    }
}

static void an_officer_of_another_name_is_altered(void **state)
{
    (void)state;
    struct officer found = {0};
    struct stored_value value = {0};
    struct officer officer = {.name = "alice", .enrolled = 7, .key = {.bytes = 3, .der = "abc"}};
    assert_int_equal(officer_write(&office, &officer), OUTCOME_DONE);
    assert_int_equal(officer_find(&office, "alice", &found), STORE_OK);
    assert_string_equal(found.name, "alice");
    assert_int_equal(found.enrolled, 7);
    assert_string_equal(found.by, "");
    assert_int_equal(found.key.bytes, 3);
    assert_memory_equal(found.key.der, "abc", 3);
    assert_int_equal(officer_find(&office, "ali", &found), STORE_NOT_FOUND);
    assert_int_equal(officer_find(&office, "../alice", &found), STORE_NOT_FOUND);
    assert_int_equal(store_value_read(office.store, "officer/alice", &value), STORE_OK);
    memcpy(value.name, "officer/mallo", sizeof "officer/mallo");
    assert_int_equal(store_value_write(office.store, &value), STORE_OK);
    assert_int_equal(officer_find(&office, "mallo", &found), STORE_BAD_RECORD);
    assert_int_equal(store_value_remove(office.store, value.name), STORE_OK);
}

static void the_rule_goes_with_its_officers(void **state)
{
    (void)state;
    struct rule rule = {0};
    struct officer officer = {.name = "bob", .key = {.bytes = 3, .der = "abc"}};
    assert_int_equal(rule_read(&office, &rule), OUTCOME_STORE);
    assert_int_equal(rule_write_first(&office, 9), OUTCOME_DONE);
    assert_int_equal(rule_read(&office, &rule), OUTCOME_DONE);
    assert_int_equal(rule.pin_least, 9);
    assert_int_equal(officer_write(&office, &officer), OUTCOME_DONE);
    assert_int_equal(rule_read(&office, &rule), OUTCOME_STORE);
    assert_int_equal(rule_replace(&office, &rule), OUTCOME_DONE);
    struct rule before = rule;
    assert_int_equal(rule_read(&office, &rule), OUTCOME_DONE);
    assert_int_equal(rule_replace(&office, &before),
                     OUTCOME_STORE); /* read before the last change */
    assert_int_equal(officer_erase(&office, "bob"), OUTCOME_DONE);
    assert_int_equal(officer_erase(&office, "bob"), OUTCOME_UNKNOWN);
    assert_int_equal(rule_read(&office, &rule), OUTCOME_STORE);
}

static int open_office(void **state)
{
    (void)state;
    static char path[128];
    char why[STORE_WHY_BYTES] = "";
    softhsm_open(&softhsm);
    snprintf(path, sizeof path, "%s", softhsm_path(&softhsm, "nisim.db"));
    office.module = softhsm.module;
    office.token = softhsm.token;
    office.store_path = path;
    return token_find_integrity(softhsm.token) == HSM_OK &&
                   store_open(path, true, why, &office.store) == STORE_OK
               ? 0
               : 1;
}

static int close_office(void **state)
{
    (void)state;
    store_close(&office.store);
    softhsm_close(&softhsm);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(is_read_as_it_was_written_and_used_once),
        cmocka_unit_test(expires_and_is_forgotten),
        cmocka_unit_test(a_cut_value_is_refused),
        cmocka_unit_test(an_officer_of_another_name_is_altered),
        cmocka_unit_test(the_rule_goes_with_its_officers),
    };
    return cmocka_run_group_tests(tests, open_office, close_office);
}
