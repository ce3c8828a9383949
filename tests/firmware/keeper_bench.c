#include "keeper_bench.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include <cmocka.h>

#include "aka.h"
#include "hsm/openssl_cipher.h"
#include "log.h"

struct bench bench = {.config = {.client_count = 2, .clients = bench.clients}};

void bench_put(uint8_t type, uint16_t stamp, uint32_t request_id, const uint8_t *body, size_t bytes)
{
    struct packet *packet = &bench.batch->requests[bench.batch->count++];
    struct frame_header header = {.type = type, .request_id = request_id};
    packet->octets[0] = (uint8_t)(stamp >> 8);
    packet->octets[1] = (uint8_t)stamp;
    memcpy(packet->octets + CHANNEL_CLIENT_BYTES, (const uint8_t[4]){0, 0, 0, 1}, 4);
    struct wire_writer writer =
        wire_writer_of(packet->octets + CHANNEL_STAMP_BYTES, FRAME_BYTES_MAX);
    frame_begin(&writer);
    wire_write_bytes(&writer, body, bytes);
    assert_true(frame_end(&writer, header));
    packet->bytes = CHANNEL_STAMP_BYTES + writer.used;
}

struct frame_header bench_header(size_t at)
{
    assert_true(bench.batch->replies[at].bytes >= CHANNEL_STAMP_BYTES + FRAME_HEADER_BYTES);
    return frame_header_read(bench.batch->replies[at].packet + CHANNEL_STAMP_BYTES);
}

enum status bench_status(size_t at)
{
    return (enum status)bench_header(at).status;
}

void bench_run(void)
{
    assert_int_equal(batch_run(&bench.keeper, bench.batch), EXIT_DONE);
}

void bench_autn(uint64_t seq, uint64_t ind, uint8_t out_autn[16])
{
    const struct vector *vector = &bench.vectors[SET];
    struct openssl_cipher state;
    struct cipher cipher = openssl_cipher(&state, vector->k);
    struct secret128 opc;
    struct milenage milenage;
    struct secret64 mac_a;
    struct secret64 mac_s;
    memcpy(opc.bytes, vector->opc, sizeof opc);
    sqn_to_bytes(seq << 5 | ind, out_autn);
    memcpy(out_autn + 6, vector->amf, 2);
    assert_int_equal(milenage_begin(&cipher, &opc, vector->rand, &milenage), HSM_OK);
    assert_int_equal(milenage_f1(&cipher, &milenage, out_autn, vector->amf, &mac_a, &mac_s),
                     HSM_OK);
    for (size_t i = 0; i < 6; i++)
        out_autn[i] ^= milenage.ak[i];
    memcpy(out_autn + 8, mac_a.bytes, sizeof mac_a);
}

bool bench_holds(size_t at, const void *needle, size_t length)
{
    return memmem(&bench.batch->replies[at], sizeof bench.batch->replies[at], needle, length) !=
           NULL;
}

uint64_t bench_stored_seq(size_t ind)
{
    static struct subscription subscription;
    struct subscriber_name name = {.by = FIELD_IMPI, .text = ALICE};
    struct sqn_array array;
    int64_t version = 0;
    assert_int_equal(store_find(bench.other_node, &name, &subscription), STORE_OK);
    assert_int_equal(store_sqn_read(bench.other_node, subscription.row, &array, &version),
                     STORE_OK);
    return array.seq[ind];
}

static void add(const char *impi, const char *user_id, const char *domain, uint8_t key)
{
    static struct subscription subscription;
    memset(&subscription, 0, sizeof subscription);
    snprintf(subscription.identity.impi, NAME_BYTES_MAX, "%s", impi);
    snprintf(subscription.identity.domain, NAME_BYTES_MAX, "%s", domain);
    snprintf(subscription.identity.impus[0], NAME_BYTES_MAX, "sip:%s", impi);
    snprintf(subscription.user_ids[0], USER_ID_BYTES_MAX, "%s", user_id);
    subscription.identity.impu_count = 1;
    subscription.user_id_count = 1;
    subscription.key_ref.bytes[0] = key;
    subscription.profile = (struct sqn_profile){5, (UINT64_C(1) << 48) - 1, 0};
    subscription.origin = KEY_ORIGIN_CLEAR_LABORATORY;
    subscription.enabled = true;
    assert_int_equal(subscription_seal(bench.softhsm.token, &subscription), HSM_OK);
    assert_int_equal(store_add(bench.keeper.store, &subscription), STORE_OK);
}

/* A store of its own for each test; the token is shared. */
int bench_begin(void **state)
{
    (void)state;
    static CK_FUNCTION_LIST list;
    static int count;
    char why[STORE_WHY_BYTES];
    char name[32];
    list = bench.real_list;
    bench.softhsm.module->list = &list;
    snprintf(name, sizeof name, "%d.db", count++);
    snprintf(bench.path, sizeof bench.path, "%s", softhsm_path(&bench.softhsm, name));
    assert_int_equal(store_open(bench.path, true, why, &bench.keeper.store), STORE_OK);
    assert_int_equal(store_open(bench.path, false, why, &bench.other_node), STORE_OK);
    snprintf(name, sizeof name, "%d.db-audit", count - 1);
    snprintf(bench.audit, sizeof bench.audit, "%s", softhsm_path(&bench.softhsm, name));
    assert_int_equal(mkdir(bench.audit, 0700), 0);
    assert_int_equal(journal_open(&bench.keeper, bench.audit, "keeper-0", 1), EXIT_DONE);
    add(ALICE, "1001", "ims.example.com", 1);
    add(OTHER, "2002", "other.example.net", 2);
    batch_clear(bench.batch);
    return 0;
}

int bench_end(void **state)
{
    (void)state;
    records_free(&bench.keeper.records);
    journal_close(&bench.keeper, EXIT_DONE);
    bench.keeper.journal = (struct journal){.trail = NULL};
    store_close(&bench.keeper.store);
    store_close(&bench.other_node);
    return 0;
}

int bench_open(void **state)
{
    (void)state;
    const struct key_ref refs[2] = {{{1}}, {{2}}};
    log_start("test", LOG_LEVEL_ERROR);
    vectors_load(bench.vectors);
    softhsm_open(&bench.softhsm);
    bench.real_list = *bench.softhsm.module->list;
    for (size_t i = 0; i < 2; i++)
        softhsm_add_key(&bench.softhsm, &refs[i], bench.vectors[SET].k, bench.vectors[SET].opc,
                        SOFTHSM_KEY_PROPER);
    assert_int_equal(token_prove(bench.softhsm.token), HSM_OK);
    assert_int_equal(token_find_integrity(bench.softhsm.token), HSM_OK);
    bench.keeper.config = &bench.config;
    bench.keeper.token = bench.softhsm.token;
    assert_int_equal(keyring_new(bench.softhsm.token, &bench.keeper.keyring), HSM_OK);
    bench.clients[0] =
        (struct client){.name = "wwsf",
                        .domain_count = 1,
                        .domains = {"IMS.example.com"},
                        .forms = FORM_BIT(FORM_CARD) | FORM_BIT(FORM_DIGEST) | FORM_BIT(FORM_HA1)};
    bench.clients[1] = (struct client){.name = "directory", .domain_count = 1, .domains = {"*"}};
    bench.clients[0].forms |= FORM_BIT(FORM_APDU);
    bench.batch = secret_pages_new(sizeof *bench.batch);
    bench.keeper.cards = card_sessions_new();
    return bench.batch == NULL || bench.keeper.cards == NULL ? -1 : 0;
}

int bench_close(void **state)
{
    (void)state;
    card_sessions_free(&bench.keeper.cards);
    secret_pages_free(bench.batch, sizeof *bench.batch);
    keyring_free(&bench.keeper.keyring);
    softhsm_close(&bench.softhsm);
    return 0;
}
