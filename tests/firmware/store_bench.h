/* A store of its own for each test; seals of its subscriptions nobody checks: no token needed. */
#ifndef NISIM_TESTS_FIRMWARE_STORE_BENCH_H
#define NISIM_TESTS_FIRMWARE_STORE_BENCH_H

#include "store.h"
#include "store_edit.h"

extern char bench_path[64]; /* of this test's store */

/* Group and test fixtures of cmocka. */
int bench_open(void **state);
int bench_close(void **state);
int bench_begin(void **state);

/* This test's store, made if it is not there; open as often as is asked for. */
struct store *bench_store(void);

/* A record as subscription_seal makes it; one at a time. */
struct subscription *bench_subscription(const char *impi, const char *user_id);

#endif
