/*
 * Commands that a program sends to its card: each a byte of length and so many bytes; where the
 * first length is odd the card asks for a PIN. Must reach: apdu_parse and every command. What goes
 * back is within its bounds, and the state is sane.
 */
#include <assert.h>
#include <string.h>

#include "card.h"
#include "fuzz.h"
#include "message.h"

static bool ims_aka(void *user, const uint8_t *rand, const uint8_t *autn, struct card_aka *out)
{
    (void)user;
    out->outcome = (enum card_aka_outcome)(rand[0] % 3);
    memcpy(out->auts, autn, sizeof out->auts);
    return rand[15] != 0xff;
}

static bool pin_tries(void *user, uint8_t *out_tries)
{
    (void)user;
    *out_tries = 3;
    return true;
}

static bool verify(void *user, const uint8_t pin[CARD_PIN_BYTES], enum card_pin_outcome *out,
                   uint8_t *out_tries)
{
    (void)user;
    assert(pin[0] >= '0' && pin[3] <= '9');
    *out = (enum card_pin_outcome)(pin[0] % 3);
    *out_tries = pin[1] % 4;
    return pin[2] != '9';
}

static bool gba_files(void *user, struct card_gba *out)
{
    (void)user;
    *out = (struct card_gba){.rand = (const uint8_t *)"0123456789abcdef",
                             .b_tid = "tid@bsf.example.com",
                             .lifetime = UINT64_MAX,
                             .naf_count = 1,
                             .nafs = {{(const uint8_t *)"naf\1\0\0\0\2", 8}}};
    return true;
}

static void check_session(const struct card_session *session)
{
    assert(session->channels[0].is_open);
    assert(session->response_bytes <= sizeof session->response);
    assert(session->response_channel < CARD_CHANNELS);
    for (size_t i = 0; i < CARD_CHANNELS; i++)
        assert(session->channels[i].is_active || session->channels[i].directory == DIRECTORY_MF);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
    static const struct card_functions functions = {
        .ims_aka = ims_aka, .pin_tries = pin_tries, .verify = verify, .gba_files = gba_files};
    static const struct identity identity = {.impi = "a@example.com",
                                             .domain = "example.com",
                                             .impu_count = 2,
                                             .impus = {"sip:a@example.com", "tel:+1"},
                                             .p_cscf_count = 1,
                                             .p_cscfs = {"2001:db8::1"},
                                             .service_table_bytes = 1};
    static struct card_session session;
    struct card card = {.session = &session, .identity = &identity, .functions = &functions};
    card.asks_pin = length > 0 && bytes[0] % 2 == 1;
    struct apdu_answer answer;
    size_t at = 0;
    card_session_reset(&session);
    while (at < length) {
        size_t most = length - at - 1;
        size_t bytes_of_it = bytes[at] < most ? bytes[at] : most;
        bool answered = card_execute(&card, bytes + at + 1, bytes_of_it, &answer);
        assert(answered == (answer.sw != 0));
        assert(answer.data_bytes <= sizeof answer.data);
        check_session(&session);
        at += 1 + bytes_of_it;
    }
    return 0;
}
