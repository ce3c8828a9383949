/* Milenage and AKA on the TS 35.208 sets, over OpenSSL, with each cipher call failing in turn. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "aka.h"
#include "openssl_cipher.h"
#include "vectors.h"

static struct vector vectors[VECTOR_SETS];
/* Every SQN of the sets is fresh for it. */
static const struct sqn_profile open_profile = {5, (UINT64_C(1) << 48) - 1, 0};

struct challenge {
    struct openssl_cipher state;
    struct cipher cipher;
    struct secret128 opc;
    uint8_t autn[16];
    struct sqn_array array;
};

static struct challenge challenge_of(const struct vector *vector)
{
    struct challenge challenge = {0};
    memcpy(challenge.opc.bytes, vector->opc, sizeof vector->opc);
    memcpy(challenge.autn, vector->autn, sizeof vector->autn);
    return challenge;
}

static enum hsm_result ask(struct challenge *challenge, const struct vector *vector, int fail_at,
                           struct aka_answer *out)
{
    challenge->cipher = openssl_cipher(&challenge->state, vector->k);
    challenge->state.fail_at = fail_at;
    return aka_answer_challenge(&challenge->cipher, &challenge->opc, vector->rand, challenge->autn,
                                &open_profile, &challenge->array, out);
}

static bool all_zero(const void *bytes, size_t length)
{
    const uint8_t *at = bytes;
    uint8_t any = 0;
    for (size_t i = 0; i < length; i++)
        any |= at[i];
    return any == 0;
}

static void gives_nothing_for_one_wrong_bit(void **state)
{
    (void)state;
    const struct vector *vector = &vectors[2];
    for (size_t bit = 0; bit < 128; bit++) {
        struct challenge challenge = challenge_of(vector);
        struct aka_answer answer = {0};
        challenge.autn[bit / 8] ^= (uint8_t)(1u << bit % 8);
        assert_int_equal(ask(&challenge, vector, 0, &answer), HSM_OK);
        assert_int_equal(answer.outcome, AKA_MAC_FAILURE);
        answer.outcome = AKA_ACCEPTED;
        assert_true(all_zero(&answer, sizeof answer));
    }
}

/* A stale SQN with a wrong MAC must not yield AUTS: the MAC comes first. */
static void checks_the_mac_before_the_sqn(void **state)
{
    (void)state;
    struct challenge challenge = challenge_of(&vectors[3]);
    struct aka_answer answer = {0};
    for (size_t i = 0; i < 32; i++)
        challenge.array.seq[i] = UINT64_C(1) << 42;
    challenge.autn[15] ^= 1;
    assert_int_equal(ask(&challenge, &vectors[3], 0, &answer), HSM_OK);
    assert_int_equal(answer.outcome, AKA_MAC_FAILURE);
    assert_true(all_zero(answer.auts, sizeof answer.auts));
}

static void wipes_the_answer_when_a_call_fails(void **state)
{
    (void)state;
    for (int fail_at = 1; fail_at <= 3; fail_at++) {
        struct challenge challenge = challenge_of(&vectors[4]);
        struct aka_answer answer;
        memset(&answer, 0x5a, sizeof answer);
        assert_int_equal(ask(&challenge, &vectors[4], fail_at, &answer), HSM_REFUSED);
        assert_true(all_zero(&answer, sizeof answer));
    }
}

static void gives_no_auts_when_its_call_fails(void **state)
{
    (void)state;
    struct challenge challenge = challenge_of(&vectors[4]);
    struct aka_answer answer = {0};
    assert_int_equal(ask(&challenge, &vectors[4], 0, &answer), HSM_OK);
    challenge.array = answer.array;
    assert_int_equal(ask(&challenge, &vectors[4], 4, &answer), HSM_REFUSED);
    assert_true(all_zero(&answer, sizeof answer));
}

static void gives_the_standards_answers(void **state)
{
    (void)state;
    for (size_t i = 0; i < VECTOR_SETS; i++) {
        const struct vector *vector = &vectors[i];
        struct challenge challenge = challenge_of(vector);
        struct aka_answer answer = {0};
        assert_int_equal(ask(&challenge, vector, 0, &answer), HSM_OK);
        assert_int_equal(answer.outcome, AKA_ACCEPTED);
        assert_memory_equal(answer.res.bytes, vector->res, sizeof vector->res);
        assert_memory_equal(answer.ck.bytes, vector->ck, sizeof vector->ck);
        assert_memory_equal(answer.ik.bytes, vector->ik, sizeof vector->ik);
        assert_int_equal(answer.sqn, sqn_from_bytes(vector->sqn));
        assert_int_equal(challenge.state.calls, 3);
    }
}

static void answers_a_replay_with_auts(void **state)
{
    (void)state;
    for (size_t i = 0; i < VECTOR_SETS; i++) {
        const struct vector *vector = &vectors[i];
        struct challenge challenge = challenge_of(vector);
        struct aka_answer answer = {0};
        assert_int_equal(ask(&challenge, vector, 0, &answer), HSM_OK);
        challenge.array = answer.array;
        assert_int_equal(ask(&challenge, vector, 0, &answer), HSM_OK);
        assert_int_equal(answer.outcome, AKA_SYNC_FAILURE);
        assert_memory_equal(answer.auts, vector->auts, sizeof vector->auts);
        assert_true(all_zero(&answer.res, sizeof answer.res));
        assert_true(all_zero(&answer.ck, sizeof answer.ck));
        assert_true(all_zero(&answer.ik, sizeof answer.ik));
    }
}

/* The highest SQN accepted goes into AUTS, its own IND included, whatever IND was received. */
static void puts_the_highest_sqn_into_auts(void **state)
{
    (void)state;
    const struct vector *vector = &vectors[5];
    struct challenge challenge = challenge_of(vector);
    struct aka_answer answer = {0};
    uint64_t sqn = sqn_from_bytes(vector->sqn);
    challenge.array.seq[sqn & 31] = sqn >> 5;
    challenge.array.seq[9] = (sqn >> 5) + 7;
    assert_int_equal(ask(&challenge, vector, 0, &answer), HSM_OK);
    assert_int_equal(answer.outcome, AKA_SYNC_FAILURE);
    uint8_t sqn_ms[6] = {0};
    for (size_t i = 0; i < 6; i++)
        sqn_ms[i] = answer.auts[i] ^ vector->ak_star[i];
    assert_int_equal(sqn_from_bytes(sqn_ms), ((sqn >> 5) + 7) << 5 | 9);
}

static void makes_opc_of_op(void **state)
{
    (void)state;
    for (size_t i = 0; i < VECTOR_SETS; i++) {
        struct openssl_cipher cipher_state;
        struct cipher cipher = openssl_cipher(&cipher_state, vectors[i].k);
        struct secret128 op = {0};
        struct secret128 opc = {0};
        memcpy(op.bytes, vectors[i].op, sizeof op);
        assert_int_equal(milenage_opc(&cipher, &op, &opc), HSM_OK);
        assert_memory_equal(opc.bytes, vectors[i].opc, sizeof opc);
    }
}

static void gives_f1_and_f1_star(void **state)
{
    (void)state;
    for (size_t i = 0; i < VECTOR_SETS; i++) {
        const struct vector *vector = &vectors[i];
        struct openssl_cipher cipher_state;
        struct cipher cipher = openssl_cipher(&cipher_state, vector->k);
        struct challenge challenge = challenge_of(vector);
        struct milenage out = {0};
        struct secret64 mac_a = {0};
        struct secret64 mac_s = {0};
        assert_int_equal(milenage_begin(&cipher, &challenge.opc, vector->rand, &out), HSM_OK);
        assert_int_equal(milenage_f1(&cipher, &out, vector->sqn, vector->amf, &mac_a, &mac_s),
                         HSM_OK);
        assert_memory_equal(mac_a.bytes, vector->mac_a, sizeof mac_a);
        assert_memory_equal(mac_s.bytes, vector->mac_s, sizeof mac_s);
        assert_memory_equal(out.ak, vector->ak, sizeof out.ak);
        assert_memory_equal(out.ak_star, vector->ak_star, sizeof out.ak_star);
    }
}

static int load(void **state)
{
    (void)state;
    vectors_load(vectors);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(gives_nothing_for_one_wrong_bit),
        cmocka_unit_test(checks_the_mac_before_the_sqn),
        cmocka_unit_test(wipes_the_answer_when_a_call_fails),
        cmocka_unit_test(gives_no_auts_when_its_call_fails),
        cmocka_unit_test(gives_the_standards_answers),
        cmocka_unit_test(answers_a_replay_with_auts),
        cmocka_unit_test(puts_the_highest_sqn_into_auts),
        cmocka_unit_test(makes_opc_of_op),
        cmocka_unit_test(gives_f1_and_f1_star),
    };
    return cmocka_run_group_tests(tests, load, NULL);
}
