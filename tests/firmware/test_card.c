/* The card's commands, each with the status words it can have. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "card_bench.h"

static void refuses_malformed_commands(void **state)
{
    static const struct exchange exchanges[] = {
        {"00a404", "6700"},                   /* no header */
        {"00a40400050000", "6700"},           /* Lc says more */
        {"00a4040002000000ff", "6700"},       /* Lc says less */
        {"00a404000000050000000000", "6700"}, /* extended */
        {"00a40400000000", "6700"},
        {"10b0000000", "6e00"},
        {"ffb0000000", "6e00"},
        {"90b0000000", "6e00"},
        {"04b0000000", "6882"},
        {"0cb0000000", "6882"},
        {"01b0000000", "6881"}, /* not open */
        {"40b0000000", "6881"}, /* channel 4 */
        {"0000000000", "6d00"},
        {"00d6000001ff", "6d00"}, /* nothing is written */
        {"80a4040007a0000000871004", "6e00"},
        {"00f2000000", "6e00"},
    };
    (void)state;
    EXPECT_ALL(exchanges);
}

static void refuses_to_select(void **state)
{
    static const struct exchange exchanges[] = {
        {"00a40400", "6700"},
        {"00a4000402", "6700"},
        {"00a40004016f", "6700"},
        {"00a40004036f0200", "6700"},
        {"00a40804037fff6f", "6700"},
        {"00a4020c023f00", "6a86"},
        {"00a4008c023f00", "6a86"},
        {"00a40008023f00", "6a86"},
        {"00a4000d023f00", "6a86"}, /* an occurrence of a FID */
        {"00a4000c026f02", "6a82"}, /* of the ISIM, from the MF */
        {"00a4000c027fff", "6a82"}, /* no application yet */
        {"00a4080c047fff6f02", "6a82"},
        {"00a4040c04a0000000", "6a82"},
        {"00a4040c07a0000000871002", "6a82"}, /* a USIM */
        {"00a4040c11" AID "00", "6a82"},
        {SELECT_ISIM, "9000"},
        {"00a4040e07a0000000871004", "6a82"}, /* no next one */
        {"00a4000c026f99", "6a82"},
        {"00a4000c022f00", "6a82"}, /* of the MF, from the ISIM */
        {"00a4080c062f006f02", "6700"},
        {"00a4080c042f006f02", "6a82"}, /* inside an EF */
        {"00a4080c043f002f00", "6a82"},
        {"00b0000000", "6986"}, /* after all this no EF is selected */
    };
    (void)state;
    EXPECT_ALL(exchanges);
}

static void selects(void **state)
{
    static const struct exchange exchanges[] = {
        {"00a40004023f00", "611d"},
        {"00c000001d", "621b82027821"
                       "83023f00"
                       "a503800171"
                       "8a0105"
                       "8c0100"
                       "c606"
                       "900100830101"
                       "9000"},
        {"00a4000c022f00", "9000"},
        {"00b2010400", "61184f10" AID "50044953494d9000"},
        {"00b201f400", "61184f10" AID "50044953494d9000"},
        {"00a4040410" AID "00", "622d82027821"
                                "83027fff"
                                "8410" AID "a503800171"
                                "8a0105"
                                "8c0100"
                                "c606"
                                "9001008301019000"},
        {"00a40000026f02", "6119"},
        {"00c0000000", "6217820241218302"
                       "6f02"
                       "8a0105"
                       "8b036f0601"
                       "80020017"
                       "8801109000"},
        {"00a40904026f0400", "621a"
                             "820542210"
                             "01b02"
                             "83026f04"
                             "8a0105"
                             "8b036f0601"
                             "80020036"
                             "8801209000"},
        {"00a4000c023f00", "9000"},
        {"00a4000c027fff", "9000"},
        {"00a4080c047fff6f07", "9000"},
        {"00b0000000", "019000"},
    };
    (void)state;
    EXPECT_ALL(exchanges);
}

static void says_its_status(void **state)
{
    static const struct exchange exchanges[] = {
        {"80f2030c", "6a86"},     {"80f20002", "6a86"},
        {"80f2000001ff", "6700"}, {"80f20000", "6700"},
        {"80f2000c01", "6700"},   {"80f2000101", "6985"},
        {"80f2000c", "9000"},     {"80f2000001", "6c1d"},
        {SELECT_ISIM, "9000"},    {"80f2000112", "8410" AID "9000"},
        {"80f201010a", "6c12"},
    };
    (void)state;
    EXPECT_ALL(exchanges);
}

static void reads_binary(void **state)
{
    static const struct exchange exchanges[] = {
        {"00b0000000", "6986"},
        {"00b08200", "6700"},
        {"00b082000100", "6700"},
        {"00b0820000", "6a82"}, /* from the MF */
        {SELECT_ISIM, "9000"},
        {"00b0e20000", "6a86"},
        {"00b0800000", "6a82"},
        {"00b0990000", "6a82"},
        {"00b0840000", "6981"}, /* EF.IMPU has records */
        {"00b0820018", "6c17"},
        {"00b0821700", "6b00"},
        {"00b0000017", "8015616c69636540696d732e6578616d706c652e636f6d9000"},
        {"00b0000203", "616c699000"},
        {"00b0001500", "6f6d9000"},
        {"00b07fff00", "6b00"},
        {"00b0830000", "0000009000"}, /* EF.AD */
        {"00b0870000", "019000"},     /* EF.IST */
        {"00b0850000", "800f696d732e6578616d706c652e636f6d9000"},
    };
    (void)state;
    EXPECT_ALL(exchanges);
}

static void reads_records(void **state)
{
    static const char first[] = "80197369703a616c69636540696d732e6578616d706c652e636f6d9000";
    static const char second[] = "800d74656c3a2b3135353531303031ffffffffffffffffffffffff9000";
    const struct exchange exchanges[] = {
        {"00b2010400", "6986"},
        {"00b2012400", "6a82"},
        {SELECT_ISIM, "9000"},
        {"00b20124", "6700"},
        {"00b201240100", "6700"},
        {"00b2012000", "6a86"},
        {"00b2010200", "6a86"}, /* next has no number */
        {"00b201cc00", "6a82"},
        {"00b2011400", "6981"}, /* EF.IMPI has none */
        {"00b2032400", "6a83"},
        {"00b2ff2400", "6a83"},
        {"00b2002400", "6a83"}, /* no current record */
        {"00b201241a", "6c1b"},
        {"00b201241b", first},
        {"00b2000201", "6c1b"}, /* does not move on */
        {"00b200021b", first},
        {"00b2000200", second},
        {"00b2000200", "6a83"},
        {"00b2000400", second},
        {"00b2000300", first},
        {"00b2000300", "6a83"},
        {"00b2002300", second}, /* by SFI anew: previous is the last */
        {"00a4000c026f09", "9000"},
        {"00b2010400", "800501c0000207"
                       "ffffffffffffffffffffffffff9000"},
        {"00b2020400", "801200"
                       "70637363662e6578616d706c652e636f6d9000"},
        {"00b2013400", "80010190009000"}, /* EF.ARR */
    };
    (void)state;
    EXPECT_ALL(exchanges);
}

static void refuses_to_authenticate(void **state)
{
    static const struct exchange exchanges[] = {
        {"0088008122" RAND_AUTN, "6985"}, /* SELECT comes first */
        {SELECT_ISIM, "9000"},
        {"00880081", "6700"},
        {"0088018122" RAND_AUTN, "6a86"},
        {"0088008022" RAND_AUTN, "6a86"},
        {"0088008222" RAND_AUTN, "9864"},
        {"0088008422" RAND_AUTN, "9864"},
        {"0088008522" RAND_AUTN, "9864"},
        {"0088008123" RAND_AUTN "00", "6700"},
        {"008800812310" RAND_AUTN, "6700"},
        {"00880081220f00112233445566778899aabbccddeeff100f0e0d0c0b0a09080706050403020100aa",
         "6a80"},
    };
    (void)state;
    EXPECT_ALL(exchanges);
    bench.outcome = CARD_AKA_MAC_FAILURE;
    card_expect("0088008122" RAND_AUTN "00", "9862");
    card_expect("00c0000000", "6985");
    bench.token_is_away = true;
    assert_false(card_run("0088008122" RAND_AUTN));
    assert_int_equal(bench.answer.data_bytes, 0);
}

static void authenticates(void **state)
{
    static const struct exchange exchanges[] = {
        {SELECT_ISIM, "9000"},
        {"0088008122" RAND_AUTN, "612c"},
        {"00c000002d", "6c2c"},
        {"01c000002c", "6881"},
        {"80f2000c", "9000"},
        {"00c000002c", "6985"}, /* another command came between */
        {"0088008122" RAND_AUTN "0a", "db08aaaaaaaaaaaaaaaa6122"},
        {"00c0000022", "10cccccccccccccccccccccccccccccccc10bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb9000"},
        {"00c0000000", "6985"},
    };
    (void)state;
    EXPECT_ALL(exchanges);
    bench.outcome = CARD_AKA_SYNC_FAILURE;
    card_expect("0088008122" RAND_AUTN "00", "dc0edddddddddddddddddddddddddddd9000");
}

static void verifies_no_pin(void **state)
{
    static const struct exchange exchanges[] = {
        {"0020010108ffffffffffffffff", "6a86"},
        {"0020000104ffffffff", "6700"},
        {"0020008108ffffffffffffffff", "6a88"},
        {"0020000108ffffffffffffffff", "6984"},
        {"00200001", "6984"},
        {"0020000100", "6984"}, /* P3 of T=0 */
        {"0020000108", "6700"},
    };
    (void)state;
    EXPECT_ALL(exchanges);
}

static void manages_channels(void **state)
{
    static const struct exchange exchanges[] = {
        {"0070000001ff", "6700"},
        {"00700000", "6700"},
        {"0070000002", "6c01"},
        {"0070010001", "6a86"},
        {"00700004", "6881"},
        {"00708000", "6a86"},
        {"00708001", "6881"},
        {SELECT_ISIM, "9000"},
        {"0070000001", "019000"},
        {"00700001", "6a86"},
        {"01a4000c026f02", "6a82"}, /* the new one is at the MF */
        {"01a4040c07a0000000871004", "9000"},
        {"01a4000c026f02", "9000"},
        {"0170000001", "029000"},
        {"02b0000002", "80159000"}, /* opened from where channel 1 is */
        {"0070000001", "039000"},
        {"0070000001", "6a81"},
        {"00b0000000", "6986"},
        {"00708001", "9000"},
        {"01b0000000", "6881"},
        {"00700001", "9000"},
        {"01b0000000", "6986"},
    };
    (void)state;
    EXPECT_ALL(exchanges);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(refuses_malformed_commands, card_begin),
        cmocka_unit_test_setup(refuses_to_select, card_begin),
        cmocka_unit_test_setup(selects, card_begin),
        cmocka_unit_test_setup(says_its_status, card_begin),
        cmocka_unit_test_setup(reads_binary, card_begin),
        cmocka_unit_test_setup(reads_records, card_begin),
        cmocka_unit_test_setup(refuses_to_authenticate, card_begin),
        cmocka_unit_test_setup(authenticates, card_begin),
        cmocka_unit_test_setup(verifies_no_pin, card_begin),
        cmocka_unit_test_setup(manages_channels, card_begin),
    };
    return cmocka_run_group_tests_name("card", tests, NULL, NULL);
}
