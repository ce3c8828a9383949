/*
 * The home network's side of AKA for laboratory subscribers whose K the generator knows: valid
 * challenges, spoilt ones, and resynchronisation (TS 33.102 6.3.2, 6.3.5; TS 35.206).
 */
#ifndef NISIM_PROTO_CLIENT_BENCH_HOME_H
#define NISIM_PROTO_CLIENT_BENCH_HOME_H

#include <stdbool.h>

#include "fields.h"
#include "message.h"

/* IND runs through 2^5 values, so that challenges in flight at once may arrive in any order. */
#define HOME_IND_BITS 5

struct home_subscriber {
    char *user_id;
    uint8_t k[16];
    uint8_t opc[16];
    uint64_t made;     /* challenges made since the last resynchronisation: chooses IND */
    uint64_t seq;      /* of the last challenge */
    uint64_t last_sqn; /* of the last accepted challenge, for replays; 0: none */
    uint8_t last_rand[RAND_BYTES];
};

struct home {
    void *evp; /* the AES context of every subscriber's turn */
    size_t count;
    struct home_subscriber *subscribers;
};

struct challenge {
    uint64_t sqn;
    uint8_t rand[RAND_BYTES];
    uint8_t autn[AUTN_BYTES];
};

/*
 * One JSON object after another, {"user": "...", "k": "32 hex digits", "opc": "32 hex digits"}.
 * False: said on standard error what is wrong, and where.
 */
MUST_CHECK bool home_open(struct home *home, const char *path);
void home_close(struct home *home);

/* A challenge with the subscriber's next SQN; `spoilt` turns a bit of its MAC. */
MUST_CHECK bool home_challenge(struct home *home, struct home_subscriber *who, bool spoilt,
                               struct challenge *out);

/* The last accepted challenge once more. There is one: last_sqn is not 0. */
MUST_CHECK bool home_replay(struct home *home, const struct home_subscriber *who,
                            struct challenge *out);

/* Takes SQN_MS from AUTS: the next challenge is fresh. */
MUST_CHECK bool home_resynchronise(struct home *home, struct home_subscriber *who,
                                   const uint8_t rand[RAND_BYTES], const uint8_t auts[AUTS_BYTES]);

#endif
