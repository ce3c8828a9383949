/* A keeper on a real SoftHSM and a real store, with two subscribers and two clients. */
#ifndef NISIM_TESTS_FIRMWARE_KEEPER_BENCH_H
#define NISIM_TESTS_FIRMWARE_KEEPER_BENCH_H

#include "batch.h"
#include "softhsm.h"
#include "store_edit.h"
#include "vectors.h"

#define ALICE "alice@ims.example.com"   /* user id 1001, domain ims.example.com */
#define OTHER "carol@other.example.net" /* user id 2002 */
#define SET 2                           /* of the vectors, for both */

/* What the tests of one program share. */
struct bench {
    struct softhsm softhsm;
    CK_FUNCTION_LIST real_list; /* softhsm.module->list is a copy, for a test's own calls */
    struct vector vectors[VECTOR_SETS];
    struct keeper keeper;
    struct batch *batch;
    struct store *other_node; /* the same store, as another appliance has it open */
    struct client clients[2]; /* 0: all forms in ims.example.com; 1: no form, every domain */
    struct config config;
    char path[128];  /* of the store */
    char audit[128]; /* folder of the trail */
};

extern struct bench bench;

/* Group and test fixtures of cmocka. Each test has a store of its own. */
int bench_open(void **state);
int bench_close(void **state);
int bench_begin(void **state);
int bench_end(void **state);

/* Puts a frame with this body into the batch. */
void bench_put(uint8_t type, uint16_t stamp, uint32_t request_id, const uint8_t *body,
               size_t bytes);

void bench_run(void);
struct frame_header bench_header(size_t at);
enum status bench_status(size_t at);
bool bench_holds(size_t at, const void *needle, size_t length);
uint64_t bench_stored_seq(size_t ind);

/* AUTN of the network for this SEQ and IND, by an implementation beside the token. */
void bench_autn(uint64_t seq, uint64_t ind, uint8_t out_autn[16]);

#endif
