/* The rule of TS 33.102 C.2.2, and the ways public code gets it wrong. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "sqn.h"

static const struct sqn_profile usual = {SQN_IND_BITS_USUAL, SQN_DELTA_USUAL, 0};

static uint64_t sqn_of(uint64_t seq, uint64_t ind)
{
    return seq << SQN_IND_BITS_USUAL | ind;
}

/* Takes it in when fresh. */
static bool offer(const struct sqn_profile *profile, struct sqn_array *array, uint64_t sqn)
{
    struct sqn_array next = {0};
    if (!sqn_accept(profile, array, sqn, &next))
        return false;
    *array = next;
    return true;
}

static void refuses_what_was_accepted(void **state)
{
    (void)state;
    struct sqn_array array = {0};
    assert_true(offer(&usual, &array, sqn_of(100, 1)));
    assert_false(offer(&usual, &array, sqn_of(100, 1)));
    assert_false(offer(&usual, &array, sqn_of(99, 1)));
    assert_true(offer(&usual, &array, sqn_of(101, 1)));
}

static void refuses_zero_at_first(void **state)
{
    (void)state;
    struct sqn_array array = {0};
    assert_false(offer(&usual, &array, sqn_of(0, 0)));
    assert_false(offer(&usual, &array, sqn_of(0, 31)));
    assert_true(offer(&usual, &array, sqn_of(1, 0)));
}

static void leaves_the_output_alone_when_it_refuses(void **state)
{
    (void)state;
    struct sqn_array array = {.seq = {[1] = 100}};
    struct sqn_array next = {.seq = {[7] = 77}};
    assert_false(sqn_accept(&usual, &array, sqn_of(100, 1), &next));
    assert_int_equal(next.seq[7], 77);
    assert_int_equal(next.seq[1], 0);
}

static void accepts_a_late_vector_of_another_ind(void **state)
{
    (void)state;
    struct sqn_array array = {0};
    assert_true(offer(&usual, &array, sqn_of(100, 1)));
    assert_true(offer(&usual, &array, sqn_of(90, 2)));
    assert_false(offer(&usual, &array, sqn_of(90, 2)));
    assert_false(offer(&usual, &array, sqn_of(100, 1)));
}

static void accepts_a_jump_of_delta_and_no_more(void **state)
{
    (void)state;
    struct sqn_array array = {0};
    assert_false(offer(&usual, &array, sqn_of(SQN_DELTA_USUAL + 1, 3)));
    assert_true(offer(&usual, &array, sqn_of(SQN_DELTA_USUAL, 3)));
    assert_false(offer(&usual, &array, sqn_of(2 * SQN_DELTA_USUAL + 1, 4)));
    assert_true(offer(&usual, &array, sqn_of(2 * SQN_DELTA_USUAL, 4)));
}

static void refuses_what_is_too_old(void **state)
{
    (void)state;
    const struct sqn_profile limited = {SQN_IND_BITS_USUAL, SQN_DELTA_USUAL, 10};
    struct sqn_array array = {0};
    assert_true(offer(&limited, &array, sqn_of(100, 1)));
    assert_false(offer(&limited, &array, sqn_of(90, 2)));
    assert_true(offer(&limited, &array, sqn_of(91, 2)));
}

static void names_the_highest_with_its_own_ind(void **state)
{
    (void)state;
    struct sqn_array array = {0};
    assert_int_equal(sqn_highest(&usual, &array), 0);
    assert_true(offer(&usual, &array, sqn_of(100, 17)));
    assert_true(offer(&usual, &array, sqn_of(90, 2)));
    assert_int_equal(sqn_highest(&usual, &array), sqn_of(100, 17));
}

static void names_the_highest_of_equal_seqs(void **state)
{
    (void)state;
    struct sqn_array array = {0};
    assert_true(offer(&usual, &array, sqn_of(100, 17)));
    assert_true(offer(&usual, &array, sqn_of(100, 3)));
    assert_int_equal(sqn_highest(&usual, &array), sqn_of(100, 17));
}

static void works_without_an_ind(void **state)
{
    (void)state;
    const struct sqn_profile plain = {0, UINT64_C(0xffffffffffff), 0};
    struct sqn_array array = {0};
    assert_true(offer(&plain, &array, UINT64_C(0xff9bb4d0b607)));
    assert_false(offer(&plain, &array, UINT64_C(0xff9bb4d0b607)));
    assert_false(offer(&plain, &array, UINT64_C(0xff9bb4d0b606)));
    assert_int_equal(sqn_highest(&plain, &array), UINT64_C(0xff9bb4d0b607));
}

static void refuses_impossible_profiles(void **state)
{
    (void)state;
    struct sqn_profile profile = {SQN_IND_BITS_MAX + 1, 1, 0};
    assert_false(sqn_profile_is_valid(&profile));
    profile = (struct sqn_profile){5, 0, 0};
    assert_false(sqn_profile_is_valid(&profile));
    profile = (struct sqn_profile){5, UINT64_C(1) << 48, 0};
    assert_false(sqn_profile_is_valid(&profile));
    profile = (struct sqn_profile){5, 1, UINT64_C(1) << 48};
    assert_false(sqn_profile_is_valid(&profile));
    assert_true(sqn_profile_is_valid(&usual));
}

static void skips_what_may_have_been_used(void **state)
{
    (void)state;
    struct sqn_array array = {{0}};
    struct sqn_array skipped = {{0}};
    array.seq[3] = 100;
    array.seq[7] = 90;
    assert_true(sqn_skip(&usual, &array, 1000, &skipped));
    assert_int_equal(sqn_highest(&usual, &skipped), 1100 << 5 | 31);
    for (uint64_t ind = 0; ind < 32; ind++)
        assert_false(sqn_accept(&usual, &skipped, 1100 << 5 | ind, &array));
    assert_true(sqn_accept(&usual, &skipped, 1101 << 5, &array));
}

static void skips_no_further_than_48_bits(void **state)
{
    (void)state;
    const uint64_t limit = UINT64_C(1) << 43;
    struct sqn_array array = {{0}};
    struct sqn_array skipped = {{0}};
    array.seq[0] = limit - 10;
    assert_true(sqn_skip(&usual, &array, 9, &skipped));
    assert_false(sqn_skip(&usual, &array, 10, &skipped));
    assert_false(sqn_skip(&usual, &array, UINT64_MAX, &skipped));
    array.seq[0] = UINT64_MAX;
    assert_false(sqn_skip(&usual, &array, 1, &skipped));
}

static void writes_big_endian(void **state)
{
    (void)state;
    const uint8_t expected[6] = {0x01, 0x23, 0x45, 0x67, 0x89, 0xab};
    uint8_t bytes[6] = {0};
    sqn_to_bytes(UINT64_C(0x0123456789ab), bytes);
    assert_memory_equal(bytes, expected, sizeof bytes);
    assert_int_equal(sqn_from_bytes(bytes), UINT64_C(0x0123456789ab));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(refuses_what_was_accepted),
        cmocka_unit_test(refuses_zero_at_first),
        cmocka_unit_test(leaves_the_output_alone_when_it_refuses),
        cmocka_unit_test(accepts_a_late_vector_of_another_ind),
        cmocka_unit_test(accepts_a_jump_of_delta_and_no_more),
        cmocka_unit_test(refuses_what_is_too_old),
        cmocka_unit_test(names_the_highest_with_its_own_ind),
        cmocka_unit_test(names_the_highest_of_equal_seqs),
        cmocka_unit_test(works_without_an_ind),
        cmocka_unit_test(refuses_impossible_profiles),
        cmocka_unit_test(skips_what_may_have_been_used),
        cmocka_unit_test(skips_no_further_than_48_bits),
        cmocka_unit_test(writes_big_endian),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
