/* A card without token or store: what would be asked of them is answered here. */
#ifndef NISIM_TESTS_FIRMWARE_CARD_BENCH_H
#define NISIM_TESTS_FIRMWARE_CARD_BENCH_H

#include "card.h"

#define AID "a0000000871004ffffffff8900000000"
#define SELECT_ISIM "00a4040c07a0000000871004"
#define RAND_AUTN "1000112233445566778899aabbccddeeff100f0e0d0c0b0a09080706050403020100"
#define RIGHT_PIN "31323334ffffffff"
#define WRONG_PIN "31323335ffffffff"

enum gba_progress {
    GBA_OFF,
    GBA_BEFORE, /* the first run */
    GBA_RUN,
    GBA_STORED, /* the BSF's B-TID and lifetime too */
};

struct card_bench {
    enum card_aka_outcome outcome;
    bool token_is_away;
    uint8_t pin_tries;
    enum gba_progress gba;
    struct card_session session;
    struct card card;
    struct apdu_answer answer;
};

extern struct card_bench bench;

/* Test fixture of cmocka: a card after its reset. */
int card_begin(void **state);

MUST_CHECK bool card_run(const char *hex);

/* `expected`: data and status word in hex. */
void card_expect(const char *command, const char *expected);

struct exchange {
    const char *command;
    const char *expected;
};

void card_expect_all(const struct exchange *exchanges, size_t count);
#define EXPECT_ALL(table) card_expect_all(table, sizeof(table) / sizeof((table)[0]))

#endif
