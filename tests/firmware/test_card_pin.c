/* A card that asks for its PIN, and the files that GBA fills. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "card_bench.h"

static void keeps_its_files_behind_the_pin(void **state)
{
    static const struct exchange exchanges[] = {
        {"00a4080c022f00", "9000"},
        {"00b2010400", "61184f10" AID "50044953494d9000"}, /* EF.DIR is for everybody */
        {"00a4000c023f00", "9000"},
        {"80f2000000", "621b82027821"
                       "83023f00"
                       "a503800171"
                       "8a0105"
                       "8c0100"
                       "c606"
                       "900180830101"
                       "9000"},
        {SELECT_ISIM, "9000"},
        {"00b0830000", "0000009000"}, /* EF.AD, EF.ARR too */
        {"00b2013400", "8001019000ffffffffffff9000"},
        {"00b2023400", "800101a4068301019501089000"},
        {"00b2033400", "6a83"},
        {"00b0820000", "6982"},
        {"00b0000000", "6981"}, /* the current EF is still EF.ARR */
        {"00a40004026f02", "6119"},
        {"00c0000000", "621782024121"
                       "83026f02"
                       "8a0105"
                       "8b036f0602"
                       "80020017"
                       "8801109000"},
        {"00b0000000", "6982"},
        {"00b0850000", "6982"},
        {"00b2012400", "6982"},
        {"00b0870000", "6982"},
        {"0088008122" RAND_AUTN, "6982"},
        {"0088008422" RAND_AUTN, "6982"},
    };
    (void)state;
    bench.card.asks_pin = true;
    EXPECT_ALL(exchanges);
}

static void takes_no_try_for_what_is_no_pin(void **state)
{
    static const struct exchange exchanges[] = {
        {"00200001", "63c3"},
        {"0020000100", "63c3"},
        {"0020000107" RIGHT_PIN, "6700"},
        {"0020000107313233343536ff", "6700"},
        {"002000010931323334ffffffffff", "6700"},
        {"0020000108" RIGHT_PIN "00", "6700"},
        {"00200001083132330affffffff", "6a80"}, /* no digit */
        {"0020000108313233ffffffffff", "6a80"}, /* three digits */
        {"0020000108ffffffffffffffff", "6a80"},
        {"0020000108313233343500ffff", "6a80"}, /* filled with 00 */
        {"002000010831323334ff35ffff", "6a80"},
        {"0020010108" RIGHT_PIN, "6a86"},
        {"0020000208" RIGHT_PIN, "6a88"},
        {"0020008108" RIGHT_PIN, "6a88"},
        {"00200001", "63c3"},
    };
    (void)state;
    bench.card.asks_pin = true;
    EXPECT_ALL(exchanges);
}

static void verifies_its_pin(void **state)
{
    static const struct exchange exchanges[] = {
        {SELECT_ISIM, "9000"},
        {"0020000108" WRONG_PIN, "63c2"},
        {"0020000108" RIGHT_PIN, "9000"},
        {"00200001", "63c3"},
        {"00b0820000", "8015616c69636540696d732e6578616d706c652e636f6d9000"},
        {"0088008122" RAND_AUTN, "612c"},
        {"0070000001", "019000"},
        {"01a4040c07a0000000871004", "9000"},
        {"01b0820001", "809000"}, /* on every channel */
        {"0020000108" WRONG_PIN, "63c2"},
        {"00b0820000", "6982"}, /* taken back */
        {"0020000108" WRONG_PIN, "63c1"},
        {"0020000108" WRONG_PIN, "63c0"},
        {"00200001", "63c0"},
        {"0020000108" RIGHT_PIN, "6983"},
        {"00b0820000", "6982"},
    };
    (void)state;
    bench.card.asks_pin = true;
    EXPECT_ALL(exchanges);
    bench.token_is_away = true;
    assert_false(card_run("0020000108" RIGHT_PIN));
    assert_false(card_run("00200001"));
}

static void forgets_the_pin_at_reset(void **state)
{
    (void)state;
    bench.card.asks_pin = true;
    card_expect("0020000108" RIGHT_PIN, "9000");
    card_session_reset(&bench.session);
    card_expect(SELECT_ISIM, "9000");
    card_expect("00b0820000", "6982");
}

static void has_no_gba_files_without_gba(void **state)
{
    static const struct exchange exchanges[] = {
        {SELECT_ISIM, "9000"}, {"00a4000c026fd5", "6a82"}, {"00a4000c026fd7", "6a82"}};
    (void)state;
    EXPECT_ALL(exchanges);
}

/* Their lengths are a card's: what is empty is FF. */
static void tells_of_gba_before_a_run(void **state)
{
    static const struct exchange exchanges[] = {
        {SELECT_ISIM, "9000"},
        {"00a40004026fd5", "6118"},
        {"00c0000000", "62168202412183026fd58a01058b036f060180020126"
                       "88009000"},
        {"00b0000004", "ffffffff9000"},
        {"00b0012600", "6b00"},
        {"00b0012501", "ff9000"},
        {"00a40004026fd7", "611b"},
        {"00c0000000", "62198205422100ff0883026fd78a01058b036f0601800207f8"
                       "88009000"},
        {"00b2010401", "6cff"},
        {"00b2090400", "6a83"},
    };
    (void)state;
    bench.gba = GBA_BEFORE;
    EXPECT_ALL(exchanges);
    assert_true(card_run("00b20104ff"));
    assert_int_equal(bench.answer.data[0], 0xff);
}

static void tells_of_a_run(void **state)
{
    static const struct exchange exchanges[] = {
        {SELECT_ISIM, "9000"},
        {"00a4000c026fd5", "9000"},
        {"00b0000014", "103031323334353637383961626364656600"
                       "00ff9000"},
        {"00a4000c026fd7", "9000"},
    };
    (void)state;
    bench.gba = GBA_RUN;
    EXPECT_ALL(exchanges);
    assert_true(card_run("00b20104ff"));
    assert_memory_equal(bench.answer.data, "\x80\x08naf\1\0\0\0\2\x81\x00\xff", 13);
}

static void tells_what_the_bsf_said(void **state)
{
    static const struct exchange exchanges[] = {
        {SELECT_ISIM, "9000"},
        {"00a4000c026fd5", "9000"},
        {"00b000002f", "1030313233343536373839616263646566"
                       "0774696440627366"
                       "14323030312d30392d30395430313a34363a34305aff9000"},
        {"00a4000c026fd7", "9000"},
    };
    (void)state;
    bench.gba = GBA_STORED;
    EXPECT_ALL(exchanges);
    assert_true(card_run("00b20104ff"));
    assert_memory_equal(bench.answer.data, "\x80\x08naf\1\0\0\0\2\x81\x07tid@bsf\xff", 20);
    assert_true(card_run("00b20204ff"));
    assert_int_equal(bench.answer.data[0], 0xff);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(keeps_its_files_behind_the_pin, card_begin),
        cmocka_unit_test_setup(takes_no_try_for_what_is_no_pin, card_begin),
        cmocka_unit_test_setup(verifies_its_pin, card_begin),
        cmocka_unit_test_setup(forgets_the_pin_at_reset, card_begin),
        cmocka_unit_test_setup(has_no_gba_files_without_gba, card_begin),
        cmocka_unit_test_setup(tells_of_gba_before_a_run, card_begin),
        cmocka_unit_test_setup(tells_of_a_run, card_begin),
        cmocka_unit_test_setup(tells_what_the_bsf_said, card_begin),
    };
    return cmocka_run_group_tests_name("card_pin", tests, NULL, NULL);
}
