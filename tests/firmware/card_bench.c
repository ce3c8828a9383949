#include "card_bench.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "hex.h"
#include "message.h"

struct card_bench bench;

static bool ims_aka(void *user, const uint8_t *rand, const uint8_t *autn, struct card_aka *out)
{
    (void)user;
    assert_int_equal(rand[1], 0x11);
    assert_int_equal(autn[1], 0x0e);
    out->outcome = bench.outcome;
    memset(&out->res, 0xaa, sizeof out->res);
    memset(&out->ck, 0xcc, sizeof out->ck);
    memset(&out->ik, 0xbb, sizeof out->ik);
    memset(out->auts, 0xdd, sizeof out->auts);
    return !bench.token_is_away;
}

static bool pin_tries(void *user, uint8_t *out_tries)
{
    (void)user;
    *out_tries = bench.pin_tries;
    return !bench.token_is_away;
}

static bool verify(void *user, const uint8_t pin[CARD_PIN_BYTES], enum card_pin_outcome *out,
                   uint8_t *out_tries)
{
    (void)user;
    bool is_right = memcmp(pin, "1234\xff\xff\xff\xff", CARD_PIN_BYTES) == 0;
    *out = is_right ? CARD_PIN_RIGHT : CARD_PIN_WRONG;
    if (bench.pin_tries == 0)
        *out = CARD_PIN_BLOCKED;
    else
        bench.pin_tries = is_right ? 3 : (uint8_t)(bench.pin_tries - 1);
    *out_tries = bench.pin_tries;
    return !bench.token_is_away;
}

static bool gba_files(void *user, struct card_gba *out)
{
    (void)user;
    *out = (struct card_gba){.b_tid = ""};
    if (bench.gba < GBA_RUN)
        return bench.gba == GBA_BEFORE;
    out->rand = (const uint8_t *)"0123456789abcdef";
    out->naf_count = 1;
    out->nafs[0].naf_id = (const uint8_t *)"naf\1\0\0\0\2";
    out->nafs[0].bytes = 8;
    if (bench.gba == GBA_STORED) {
        out->b_tid = "tid@bsf";
        out->lifetime = 1000000000;
    }
    return true;
}

int card_begin(void **state)
{
    static const struct identity identity = {
        .impi = "alice@ims.example.com",
        .domain = "ims.example.com",
        .impu_count = 2,
        .impus = {"sip:alice@ims.example.com", "tel:+15551001"},
        .p_cscf_count = 2,
        .p_cscfs = {"192.0.2.7", "pcscf.example.com"},
        .service_table_bytes = 1,
        .service_table = {0x01}};
    static const struct card_functions functions = {
        .ims_aka = ims_aka, .pin_tries = pin_tries, .verify = verify, .gba_files = gba_files};
    (void)state;
    bench = (struct card_bench){.pin_tries = 3};
    bench.card =
        (struct card){.session = &bench.session, .identity = &identity, .functions = &functions};
    card_session_reset(&bench.session);
    return 0;
}

bool card_run(const char *hex)
{
    uint8_t command[300];
    size_t length = strlen(hex) / 2;
    assert_true(hex_decode(hex, strlen(hex), command, length));
    return card_execute(&bench.card, command, length, &bench.answer);
}

void card_expect(const char *command, const char *expected)
{
    char shown[HEX_TEXT_BYTES(APDU_DATA_BYTES_MAX + 2)];
    assert_true(card_run(command));
    hex_encode(bench.answer.data, bench.answer.data_bytes, shown);
    snprintf(shown + 2 * bench.answer.data_bytes, 5, "%04x", bench.answer.sw);
    if (strcmp(shown, expected) != 0)
        fail_msg("%s: %s, not %s", command, shown, expected);
}

void card_expect_all(const struct exchange *exchanges, size_t count)
{
    for (size_t i = 0; i < count; i++)
        card_expect(exchanges[i].command, exchanges[i].expected);
}
