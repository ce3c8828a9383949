/*
 * The ISIM as a card: one command APDU in, one answer out (TS 102 221, TS 31.103). Pure: what needs
 * the token is asked of the functions that the keeper gives. Nothing can be written to the card.
 */
#ifndef NISIM_CARD_CARD_H
#define NISIM_CARD_CARD_H

#include "card_session.h"
#include "secret.h"

#define CARD_ATR_BYTES_MAX 33 /* ISO/IEC 7816-3 8.1 */
#define CARD_AUTS_BYTES 14
#define CARD_NAFS_MAX 8
#define CARD_PIN_BYTES 8 /* digits, filled with FF (TS 102 221 9.5.1) */

struct identity;

enum card_aka_outcome {
    CARD_AKA_ACCEPTED,
    CARD_AKA_SYNC_FAILURE,
    CARD_AKA_MAC_FAILURE,
};

/* What an IMS AKA challenge comes to; the fields of the outcome are filled. */
struct card_aka {
    enum card_aka_outcome outcome;
    struct secret64 res;
    struct secret128 ck;
    struct secret128 ik;
    uint8_t auts[CARD_AUTS_BYTES];
};

static inline void card_aka_erase(struct card_aka *aka)
{
    secret_wipe(aka, sizeof *aka);
}

/* What EF.GBABP and EF.GBANL tell of GBA's last run. The bytes belong to who filled it. */
struct card_gba {
    const uint8_t *rand; /* 16 bytes; NULL before the first run */
    const char *b_tid;   /* empty, and lifetime 0, until the BSF has said */
    uint64_t lifetime;   /* seconds since 1970-01-01 UTC */
    size_t naf_count;
    struct {
        const uint8_t *naf_id;
        size_t bytes;
    } nafs[CARD_NAFS_MAX]; /* the last used first */
};

enum card_pin_outcome {
    CARD_PIN_RIGHT,
    CARD_PIN_WRONG,
    CARD_PIN_BLOCKED, /* it was before: the PIN was not looked at */
};

/* Each returns false when the appliance can't answer: then nothing of the card goes out. */
struct card_functions {
    /* rand and autn: 16 bytes each. */
    bool (*ims_aka)(void *user, const uint8_t *rand, const uint8_t *autn, struct card_aka *out);
    /* Of a card that asks for a PIN: how many tries are left; and a try, and how many then are. */
    bool (*pin_tries)(void *user, uint8_t *out_tries);
    bool (*verify)(void *user, const uint8_t pin[CARD_PIN_BYTES], enum card_pin_outcome *out,
                   uint8_t *out_tries);
    /*
     * AUTHENTICATE in the contexts P2 = 82 and 84 (TS 31.103 7.1.2.2, 7.1.2.3): from the command's
     * data to the answer and its status word. NULL: the context is not supported.
     */
    bool (*http_digest)(void *user, const uint8_t *data, size_t bytes, struct apdu_answer *out);
    bool (*gba)(void *user, const uint8_t *data, size_t bytes, struct apdu_answer *out);
    /* False: no GBA, or the appliance can't tell, which is then `user`'s to know. NULL: no GBA. */
    bool (*gba_files)(void *user, struct card_gba *out);
};

struct card {
    struct card_session *session;
    const struct identity *identity;
    bool asks_pin;
    const struct card_functions *functions;
    void *user; /* for the functions */
};

/* The answer to reset: T=0, a UICC of four logical channels. Returns its length. */
size_t card_atr(uint8_t out_atr[CARD_ATR_BYTES_MAX]);

/* False when the appliance can't answer; the session is then to be put back to what it was. */
MUST_CHECK bool card_execute(struct card *card, const uint8_t *command, size_t length,
                             struct apdu_answer *out);

#endif
