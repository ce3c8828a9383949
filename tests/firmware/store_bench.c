#include "store_bench.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static char folder[] = "/tmp/nisim-store-XXXXXX";
char bench_path[64];

struct store *bench_store(void)
{
    char why[STORE_WHY_BYTES] = "";
    struct store *store = NULL;
    assert_int_equal(store_open(bench_path, true, why, &store), STORE_OK);
    return store;
}

int bench_begin(void **state)
{
    (void)state;
    static int count;
    snprintf(bench_path, sizeof bench_path, "%s/%d.db", folder, count++);
    return 0;
}

static void put_text(struct wire_writer *writer, const char *text)
{
    wire_write_number(writer, strlen(text), 2);
    wire_write_bytes(writer, text, strlen(text));
}

struct subscription *bench_subscription(const char *impi, const char *user_id)
{
    static struct subscription subscription;
    memset(&subscription, 0, sizeof subscription);
    struct wire_writer writer = wire_writer_of(subscription.record, sizeof subscription.record);
    wire_write_number(&writer, SUBSCRIPTION_RECORD_VERSION, 1);
    wire_write_number(&writer, 1, 1);
    wire_write_number(&writer, KEY_ORIGIN_CLEAR_LABORATORY, 1);
    wire_write_number(&writer, 5, 1);
    wire_write_number(&writer, SQN_DELTA_USUAL, 8);
    wire_write_number(&writer, 0, 8);
    wire_write_bytes(&writer, "\1\2\3\4\5\6\7\10", 8);
    put_text(&writer, impi);
    put_text(&writer, "ims.example.com");
    wire_write_number(&writer, 1, 1);
    put_text(&writer, user_id);
    wire_write_number(&writer, 1, 1);
    put_text(&writer, "sip:alice@ims.example.com");
    wire_write_number(&writer, 0, 1);
    subscription.record_bytes = writer.used;
    assert_false(writer.failed);
    assert_true(subscription_decode(&subscription));
    return &subscription;
}

int bench_open(void **state)
{
    (void)state;
    return mkdtemp(folder) == NULL ? -1 : 0;
}

int bench_close(void **state)
{
    (void)state;
    char command[80];
    snprintf(command, sizeof command, "rm -rf '%s'", folder);
    return system(command);
}
