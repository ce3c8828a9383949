/* A subscription's GBA state: its list of NAFs, its record, its seal, its row in the store. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "softhsm.h"
#include "store_gba.h"

static struct softhsm softhsm;
static char path[128];
static struct store *store;
static struct subscription subscription;
static struct gba_state state_a;
static struct gba_state state_b;

static void use(struct gba_state *state, const char *naf, bool moved)
{
    assert_int_equal(gba_state_use_naf(state, (const uint8_t *)naf, strlen(naf)), moved);
}

/* The NAFs' first characters, the last used first. */
static void expect_nafs(const struct gba_state *state, const char *letters)
{
    char found[GBA_NAFS_MAX + 1] = "";
    for (size_t i = 0; i < state->naf_count; i++)
        found[i] = (char)state->nafs[i].bytes[0];
    assert_string_equal(found, letters);
}

static struct gba_state *fresh(struct gba_state *state)
{
    static const uint8_t rand[RAND_BYTES] = {1, [15] = 2};
    static const struct token_wrapped_ks ks = {.bytes = {3, [39] = 4}};
    memset(state, 0, sizeof *state);
    state->row = subscription.row;
    gba_state_renew(state, rand, &ks);
    return state;
}

static void the_least_recently_used_naf_gives_way(void **state)
{
    (void)state;
    struct gba_state *gba = fresh(&state_a);
    const char *const names[] = {"a", "b", "c", "d", "e", "f", "g", "h"};
    for (size_t i = 0; i < GBA_NAFS_MAX; i++)
        use(gba, names[i], true);
    expect_nafs(gba, "hgfedcba");
    use(gba, "h", false);
    use(gba, "a", true);
    expect_nafs(gba, "ahgfedcb");
    use(gba, "i", true);
    expect_nafs(gba, "iahgfedc");
    use(gba, "ib", true);
    use(gba, "i", true);
    expect_nafs(gba, "iiahgfed");
    gba_state_renew(gba, gba->rand, &gba->ks);
    expect_nafs(gba, "");
}

/* One with every field at its longest. */
static struct gba_state *full(void)
{
    struct gba_state *gba = fresh(&state_a);
    memset(gba->b_tid, 'b', sizeof gba->b_tid - 1);
    gba->lifetime = UINT64_MAX;
    for (uint8_t i = 0; i < GBA_NAFS_MAX; i++) {
        uint8_t naf[NAF_ID_BYTES_MAX];
        memset(naf, 'a' + i, sizeof naf);
        assert_true(gba_state_use_naf(gba, naf, sizeof naf));
    }
    assert_int_equal(gba_state_seal(softhsm.token, gba), HSM_OK);
    return gba;
}

static struct gba_state *copy_record(const struct gba_state *from)
{
    memset(&state_b, 0xee, sizeof state_b);
    state_b.row = from->row;
    state_b.record_bytes = from->record_bytes;
    memcpy(state_b.record, from->record, sizeof from->record);
    memcpy(state_b.seal, from->seal, sizeof from->seal);
    return &state_b;
}

static void a_record_brings_back_what_was_sealed(void **state)
{
    (void)state;
    struct gba_state *from = full();
    struct gba_state *gba = copy_record(from);
    assert_true(gba_state_decode(gba));
    assert_int_equal(gba_state_check_seal(softhsm.token, gba), HSM_OK);
    assert_memory_equal(gba->rand, from->rand, sizeof gba->rand);
    assert_memory_equal(&gba->ks, &from->ks, sizeof gba->ks);
    assert_string_equal(gba->b_tid, from->b_tid);
    assert_true(gba->lifetime == from->lifetime);
    expect_nafs(gba, "hgfedcba");
    assert_int_equal(gba->nafs[7].length, NAF_ID_BYTES_MAX);
}

static void no_byte_of_a_record_can_be_changed(void **state)
{
    (void)state;
    struct gba_state *from = full();
    for (size_t i = 0; i < from->record_bytes; i += i < 100 ? 1 : 97) {
        struct gba_state *gba = copy_record(from);
        gba->record[i] ^= 0x40;
        assert_int_equal(gba_state_check_seal(softhsm.token, gba), HSM_BAD_ANSWER);
    }
    struct gba_state *gba = copy_record(from);
    gba->seal[31] ^= 1;
    assert_int_equal(gba_state_check_seal(softhsm.token, gba), HSM_BAD_ANSWER);
}

static void a_record_that_is_cut_or_of_another_is_refused(void **state)
{
    (void)state;
    struct gba_state *from = full();
    for (size_t bytes = 0; bytes < from->record_bytes; bytes++) {
        struct gba_state *gba = copy_record(from);
        gba->record_bytes = bytes;
        assert_false(gba_state_decode(gba));
    }
    struct gba_state *gba = copy_record(from);
    gba->row++;
    assert_false(gba_state_decode(gba));
    gba = copy_record(from);
    gba->record_bytes++;
    assert_false(gba_state_decode(gba));
}

static enum store_result swap(struct store *in, struct gba_state *gba)
{
    assert_int_equal(gba_state_seal(softhsm.token, gba), HSM_OK);
    assert_int_equal(store_begin(in), STORE_OK);
    enum store_result rc = store_gba_swap(in, gba);
    if (rc == STORE_OK)
        return store_commit(in);
    store_rollback(in);
    return rc;
}

static void two_processes_do_not_overwrite_each_other(void **state)
{
    (void)state;
    struct gba_state *gba = fresh(&state_a);
    assert_int_equal(store_gba_read(store, subscription.row, &state_b), STORE_NOT_FOUND);
    assert_int_equal(swap(store, gba), STORE_OK);
    assert_int_equal(swap(store, gba), STORE_CONFLICT); /* both saw none */
    assert_int_equal(store_gba_read(store, subscription.row, gba), STORE_OK);
    assert_int_equal(gba->version, 1);
    use(gba, "naf.example.com", true);
    assert_int_equal(swap(store, gba), STORE_OK);
    assert_int_equal(swap(store, gba), STORE_CONFLICT);
    assert_int_equal(store_gba_read(store, subscription.row, &state_b), STORE_OK);
    assert_int_equal(state_b.version, 2);
    expect_nafs(&state_b, "n");
}

static void a_rollback_leaves_nothing(void **state)
{
    (void)state;
    struct gba_state *gba = fresh(&state_a);
    assert_int_equal(gba_state_seal(softhsm.token, gba), HSM_OK);
    assert_int_equal(store_begin(store), STORE_OK);
    assert_int_equal(store_gba_swap(store, gba), STORE_OK);
    store_rollback(store);
    assert_int_equal(store_gba_read(store, subscription.row, gba), STORE_NOT_FOUND);
}

static void a_subscription_takes_its_state_along(void **state)
{
    (void)state;
    struct gba_state *gba = fresh(&state_a);
    assert_int_equal(swap(store, gba), STORE_OK);
    assert_int_equal(store_remove(store, subscription.row), STORE_OK);
    assert_int_equal(store_gba_read(store, subscription.row, &state_b), STORE_NOT_FOUND);
    assert_int_equal(swap(store, gba), STORE_CONFLICT);
}

static void the_switches_are_in_the_record(void **state)
{
    (void)state;
    for (int i = 0; i < 3; i++) {
        subscription.gba = i > 0;
        subscription.gba_u_mac = i > 1;
        assert_int_equal(subscription_seal(softhsm.token, &subscription), HSM_OK);
        subscription.gba = subscription.gba_u_mac = i == 0;
        assert_true(subscription_decode(&subscription));
        assert_int_equal(subscription.gba, i > 0);
        assert_int_equal(subscription.gba_u_mac, i > 1);
        assert_int_equal(subscription.identity.service_table[0], i > 0 ? 0x02 : 0);
    }
    static const uint8_t wrong[] = {0x00, 0x02, 0x04, 0x05, 0xff};
    for (size_t i = 0; i < sizeof wrong; i++) {
        subscription.record[subscription.record_bytes - 1] = wrong[i];
        assert_false(subscription_decode(&subscription));
    }
}

static int begin(void **state)
{
    (void)state;
    static int count;
    char why[STORE_WHY_BYTES] = "";
    snprintf(path, sizeof path, "%s/%d.db", softhsm.folder, count++);
    assert_int_equal(store_open(path, true, why, &store), STORE_OK);
    subscription = (struct subscription){.profile = {5, SQN_DELTA_USUAL, 0}, .enabled = true};
    strcpy(subscription.identity.impi, "alice@ims.example.com");
    strcpy(subscription.identity.domain, "ims.example.com");
    assert_int_equal(subscription_seal(softhsm.token, &subscription), HSM_OK);
    assert_int_equal(store_add(store, &subscription), STORE_OK);
    return 0;
}

static int end(void **state)
{
    (void)state;
    store_close(&store);
    return 0;
}

static int open_token(void **state)
{
    (void)state;
    softhsm_open(&softhsm);
    return token_find_integrity(softhsm.token) == HSM_OK ? 0 : 1;
}

static int close_token(void **state)
{
    (void)state;
    softhsm_close(&softhsm);
    return 0;
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(no_byte_of_a_record_can_be_changed),
        TEST(a_record_that_is_cut_or_of_another_is_refused),
        TEST(two_processes_do_not_overwrite_each_other),
        TEST(a_rollback_leaves_nothing),
        TEST(a_subscription_takes_its_state_along),
        TEST(the_least_recently_used_naf_gives_way),
        TEST(a_record_brings_back_what_was_sealed),
        TEST(the_switches_are_in_the_record),
    };
    return cmocka_run_group_tests(tests, open_token, close_token);
}
