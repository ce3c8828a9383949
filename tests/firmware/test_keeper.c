/* keeper_execute and batch_run on a real SoftHSM and a real store, negative cases first. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "aka.h"
#include "batch.h"
#include "hsm/openssl_cipher.h"
#include "log.h"
#include "softhsm.h"
#include "vectors.h"

#define ALICE "alice@ims.example.com"
#define OTHER "carol@other.example.net"
#define SET 2 /* of the vectors, for both */

static struct softhsm softhsm;
static CK_FUNCTION_LIST real_list;
static struct vector vectors[VECTOR_SETS];
static struct keeper keeper;
static struct batch *batch;
static struct store *other_node;
static struct client clients[2];
static struct config config = {.client_count = 2, .clients = clients};

static void put(enum field_tag by, const char *name, uint8_t type, uint16_t stamp,
                const uint8_t *autn, uint32_t request_id)
{
    struct authenticate_request request = {.subscriber = {.by = by}, .form = FORM_CARD};
    struct packet *packet = &batch->requests[batch->count++];
    struct frame_header header = {.type = type, .request_id = request_id};
    snprintf(request.subscriber.text, sizeof request.subscriber.text, "%s", name);
    memcpy(request.rand, vectors[SET].rand, sizeof request.rand);
    memcpy(request.autn, autn, sizeof request.autn);
    packet->octets[0] = (uint8_t)(stamp >> 8);
    packet->octets[1] = (uint8_t)stamp;
    struct wire_writer writer = wire_writer_of(packet->octets + 2, FRAME_BYTES_MAX);
    frame_begin(&writer);
    if (type == MESSAGE_AUTHENTICATE)
        authenticate_request_write(&writer, &request);
    if (type == MESSAGE_IDENTITY)
        identity_request_write(&writer, &request.subscriber);
    assert_true(frame_end(&writer, header));
    packet->bytes = CHANNEL_STAMP_BYTES + writer.used;
}

static void ask(const char *user_id, const uint8_t *autn)
{
    put(FIELD_USER_ID, user_id, MESSAGE_AUTHENTICATE, 0, autn,
        0x01020304u + (uint32_t)batch->count);
}

static struct frame_header reply_header(size_t at)
{
    assert_true(batch->replies[at].bytes >= CHANNEL_STAMP_BYTES + FRAME_HEADER_BYTES);
    return frame_header_read(batch->replies[at].packet + CHANNEL_STAMP_BYTES);
}

static enum status status_of(size_t at)
{
    return (enum status)reply_header(at).status;
}

static void run(void)
{
    assert_int_equal(batch_run(&keeper, batch), EXIT_DONE);
}

/* One AUTHENTICATE of Alice's in a batch of its own. */
static enum status authenticate(const uint8_t *autn)
{
    batch_clear(batch);
    ask("1001", autn);
    run();
    return status_of(0);
}

/* AUTN of the network for this SEQ and IND, by an implementation beside the token. */
static void make_autn(uint64_t seq, uint64_t ind, uint8_t out_autn[16])
{
    const struct vector *vector = &vectors[SET];
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

static bool reply_holds(size_t at, const uint8_t *needle, size_t length)
{
    return memmem(&batch->replies[at], sizeof batch->replies[at], needle, length) != NULL;
}

static uint64_t stored_seq(size_t ind)
{
    static struct subscription subscription;
    struct subscriber_name name = {.by = FIELD_IMPI, .text = ALICE};
    struct sqn_array array;
    int64_t version = 0;
    assert_int_equal(store_find(other_node, &name, &subscription), STORE_OK);
    assert_int_equal(store_sqn_read(other_node, subscription.row, &array, &version), STORE_OK);
    return array.seq[ind];
}

static void refuses_packets_that_no_front_makes(void **state)
{
    (void)state;
    static const uint8_t junk[] = {0, 0, 0, 0, 0, 9, 1, 4, 0, 0, 0, 0, 0, 7};
    static struct reply reply;
    for (size_t bytes = 0; bytes < sizeof junk; bytes++) {
        assert_int_equal(keeper_execute(&keeper, junk, bytes, &reply), EXIT_DONE);
        assert_int_equal(frame_header_read(reply.packet + 2).status, STATUS_MALFORMED);
    }
    assert_int_equal(keeper_execute(&keeper, junk, sizeof junk, &reply), EXIT_DONE);
    assert_int_equal(frame_header_read(reply.packet + 2).status, STATUS_MALFORMED);
    assert_int_equal(frame_header_read(reply.packet + 2).request_id, 7);
}

static void lets_the_front_itself_ask_for_nothing(void **state)
{
    (void)state;
    put(FIELD_IMPI, ALICE, MESSAGE_AUTHENTICATE, CHANNEL_STAMP_FRONT, vectors[SET].autn, 1);
    put(FIELD_IMPI, ALICE, MESSAGE_IDENTITY, CHANNEL_STAMP_FRONT, vectors[SET].autn, 2);
    put(FIELD_IMPI, ALICE, MESSAGE_IDENTITY, 2, vectors[SET].autn, 3);
    put(FIELD_IMPI, ALICE, MESSAGE_PING, CHANNEL_STAMP_FRONT, vectors[SET].autn, 4);
    run();
    assert_int_equal(status_of(0), STATUS_INTERNAL);
    assert_int_equal(status_of(1), STATUS_INTERNAL);
    assert_int_equal(status_of(2), STATUS_CLIENT_NOT_LISTED);
    assert_int_equal(status_of(3), STATUS_OK);
}

static void hides_who_else_is_served(void **state)
{
    (void)state;
    put(FIELD_IMPI, "nobody@ims.example.com", MESSAGE_IDENTITY, 0, vectors[SET].autn, 1);
    put(FIELD_IMPI, OTHER, MESSAGE_IDENTITY, 0, vectors[SET].autn, 2);
    put(FIELD_IMPI, OTHER, MESSAGE_AUTHENTICATE, 0, vectors[SET].autn, 3);
    run();
    assert_int_equal(status_of(0), STATUS_UNKNOWN_USER);
    assert_int_equal(status_of(1), STATUS_UNKNOWN_USER);
    assert_int_equal(status_of(2), STATUS_UNKNOWN_USER);
}

static void refuses_a_form_that_is_not_allowed(void **state)
{
    (void)state;
    put(FIELD_IMPI, OTHER, MESSAGE_AUTHENTICATE, 1, vectors[SET].autn, 1);
    put(FIELD_IMPI, OTHER, MESSAGE_IDENTITY, 1, vectors[SET].autn, 2);
    run();
    assert_int_equal(status_of(0), STATUS_FORM_NOT_ALLOWED);
    assert_int_equal(status_of(1), STATUS_OK);
}

static void set_enabled(bool enabled)
{
    static struct subscription subscription;
    struct subscriber_name name = {.by = FIELD_IMPI, .text = ALICE};
    assert_int_equal(store_find(other_node, &name, &subscription), STORE_OK);
    subscription.enabled = enabled;
    assert_int_equal(subscription_seal(softhsm.token, &subscription), HSM_OK);
    assert_int_equal(store_set_enabled(other_node, &subscription), STORE_OK);
}

static void refuses_a_disabled_subscriber_at_once(void **state)
{
    (void)state;
    set_enabled(false);
    assert_int_equal(authenticate(vectors[SET].autn), STATUS_USER_DISABLED);
    set_enabled(true);
    assert_int_equal(authenticate(vectors[SET].autn), STATUS_OK);
}

/* The file is edited so that Alice gets Carol's record, and so that a name points elsewhere. */
static void refuses_an_edited_record(void **state)
{
    (void)state;
    static struct subscription alice;
    static struct subscription carol;
    struct subscriber_name name = {.by = FIELD_IMPI, .text = ALICE};
    assert_int_equal(store_find(other_node, &name, &alice), STORE_OK);
    snprintf(name.text, sizeof name.text, "%s", OTHER);
    assert_int_equal(store_find(other_node, &name, &carol), STORE_OK);
    static struct subscription good;
    good = alice;
    alice.record[1] ^= 1; /* enabled */
    assert_int_equal(store_set_enabled(other_node, &alice), STORE_OK);
    assert_int_equal(authenticate(vectors[SET].autn), STATUS_KEY_UNUSABLE);
    carol.row = alice.row;
    assert_int_equal(store_set_enabled(other_node, &carol), STORE_OK);
    assert_int_equal(authenticate(vectors[SET].autn), STATUS_KEY_UNUSABLE);
    assert_int_equal(store_set_enabled(other_node, &good), STORE_OK);
    assert_int_equal(authenticate(vectors[SET].autn), STATUS_OK);
}

static void leaves_the_sqn_at_a_wrong_mac(void **state)
{
    (void)state;
    uint8_t autn[16];
    memcpy(autn, vectors[SET].autn, sizeof autn);
    autn[15] ^= 1;
    assert_int_equal(authenticate(autn), STATUS_MAC_FAILURE);
    assert_int_equal(reply_header(0).body_bytes, 0);
    assert_int_equal(stored_seq(sqn_from_bytes(vectors[SET].sqn) & 31), 0);
    assert_int_equal(authenticate(vectors[SET].autn), STATUS_OK);
}

static void says_nothing_that_is_not_durable(void **state)
{
    (void)state;
    assert_int_equal(store_begin(other_node), STORE_OK);
    assert_int_equal(authenticate(vectors[SET].autn), STATUS_UNAVAILABLE);
    assert_false(reply_holds(0, vectors[SET].res, sizeof vectors[SET].res));
    assert_false(reply_holds(0, vectors[SET].ck, sizeof vectors[SET].ck));
    store_rollback(other_node);
    assert_int_equal(authenticate(vectors[SET].autn), STATUS_OK);
}

static CK_RV lose_token(CK_SESSION_HANDLE session, CK_MECHANISM *mechanism, CK_OBJECT_HANDLE key)
{
    (void)session, (void)mechanism, (void)key;
    return CKR_DEVICE_REMOVED;
}

static void ends_when_the_token_is_lost(void **state)
{
    (void)state;
    softhsm.module->list->C_EncryptInit = lose_token;
    ask("1001", vectors[SET].autn);
    assert_int_equal(batch_run(&keeper, batch), EXIT_LOST);
    assert_int_equal(stored_seq(sqn_from_bytes(vectors[SET].sqn) & 31), 0);
}

static unsigned meddle_left;

/* While the token works, another appliance accepts the very same SQN. */
static CK_RV meddle(CK_SESSION_HANDLE session, CK_BYTE *out, CK_ULONG *out_bytes)
{
    struct sqn_array array;
    int64_t version = 0;
    int64_t row = keeper.subscription.row;
    uint64_t sqn = sqn_from_bytes(vectors[SET].sqn);
    if (meddle_left > 0) {
        meddle_left--;
        assert_int_equal(store_sqn_read(other_node, row, &array, &version), STORE_OK);
        array.seq[sqn & 31] = sqn >> 5;
        assert_int_equal(store_begin(other_node), STORE_OK);
        assert_int_equal(store_sqn_swap(other_node, row, version, &array), STORE_OK);
        assert_int_equal(store_commit(other_node), STORE_OK);
    }
    return real_list.C_EncryptFinal(session, out, out_bytes);
}

static void loses_to_a_faster_appliance(void **state)
{
    (void)state;
    meddle_left = 1;
    softhsm.module->list->C_EncryptFinal = meddle;
    assert_int_equal(authenticate(vectors[SET].autn), STATUS_SYNC_FAILURE);
    assert_false(reply_holds(0, vectors[SET].res, sizeof vectors[SET].res));
    assert_int_equal(meddle_left, 0);
}

static void gives_up_where_conflicts_do_not_end(void **state)
{
    (void)state;
    uint8_t autn[16];
    uint64_t sqn = sqn_from_bytes(vectors[SET].sqn);
    make_autn((sqn >> 5) + 1, sqn & 31, autn);
    meddle_left = 1000;
    softhsm.module->list->C_EncryptFinal = meddle;
    assert_int_equal(authenticate(autn), STATUS_UNAVAILABLE);
}

static void accepts_a_challenge_once_in_one_batch(void **state)
{
    (void)state;
    ask("1001", vectors[SET].autn);
    ask("1001", vectors[SET].autn);
    put(FIELD_IMPI, ALICE, MESSAGE_AUTHENTICATE, 0, vectors[SET].autn, 3);
    run();
    assert_int_equal(status_of(0), STATUS_OK);
    assert_int_equal(status_of(1), STATUS_SYNC_FAILURE);
    assert_int_equal(status_of(2), STATUS_SYNC_FAILURE);
    assert_true(reply_holds(1, vectors[SET].auts, sizeof vectors[SET].auts));
    assert_int_equal(reply_header(1).request_id, 0x01020305);
    assert_int_equal(stored_seq(sqn_from_bytes(vectors[SET].sqn) & 31),
                     sqn_from_bytes(vectors[SET].sqn) >> 5);
}

static void keeps_annex_c(void **state)
{
    (void)state;
    uint8_t autn[16];
    make_autn(100, 1, autn);
    assert_int_equal(authenticate(autn), STATUS_OK);
    assert_int_equal(authenticate(autn), STATUS_SYNC_FAILURE);
    make_autn(90, 2, autn);
    assert_int_equal(authenticate(autn), STATUS_OK);
    assert_int_equal(authenticate(autn), STATUS_SYNC_FAILURE);
    assert_int_equal(stored_seq(1), 100);
    assert_int_equal(stored_seq(2), 90);
}

static void answers_as_the_standard_does(void **state)
{
    (void)state;
    assert_int_equal(authenticate(vectors[SET].autn), STATUS_OK);
    struct authenticate_answer answer = {0};
    const uint8_t *body = batch->replies[0].packet + CHANNEL_STAMP_BYTES + FRAME_HEADER_BYTES;
    struct fault fault =
        authenticate_answer_read(STATUS_OK, body, reply_header(0).body_bytes, &answer);
    assert_int_equal(fault.status, STATUS_OK);
    assert_memory_equal(answer.res.bytes, vectors[SET].res, sizeof answer.res);
    assert_memory_equal(answer.ck.bytes, vectors[SET].ck, sizeof answer.ck);
    assert_memory_equal(answer.ik.bytes, vectors[SET].ik, sizeof answer.ik);
}

static void clears_what_it_held(void **state)
{
    (void)state;
    assert_int_equal(authenticate(vectors[SET].autn), STATUS_OK);
    assert_true(reply_holds(0, vectors[SET].ck, sizeof vectors[SET].ck));
    batch_clear(batch);
    assert_null(memmem(batch, sizeof *batch, vectors[SET].ck, sizeof vectors[SET].ck));
    assert_null(memmem(batch, sizeof *batch, vectors[SET].res, sizeof vectors[SET].res));
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
    assert_int_equal(subscription_seal(softhsm.token, &subscription), HSM_OK);
    assert_int_equal(store_add(keeper.store, &subscription), STORE_OK);
}

/* A store of its own for each test; the token is shared. */
static int begin(void **state)
{
    (void)state;
    static CK_FUNCTION_LIST list;
    static int count;
    char why[STORE_WHY_BYTES];
    char name[32];
    list = real_list;
    softhsm.module->list = &list;
    snprintf(name, sizeof name, "%d.db", count++);
    assert_int_equal(store_open(softhsm_path(&softhsm, name), true, why, &keeper.store), STORE_OK);
    assert_int_equal(store_open(softhsm_path(&softhsm, name), false, why, &other_node), STORE_OK);
    add(ALICE, "1001", "ims.example.com", 1);
    add(OTHER, "2002", "other.example.net", 2);
    batch_clear(batch);
    return 0;
}

static int end(void **state)
{
    (void)state;
    store_close(&keeper.store);
    store_close(&other_node);
    return 0;
}

static int open_all(void **state)
{
    (void)state;
    const struct key_ref refs[2] = {{{1}}, {{2}}};
    log_start("test", LOG_LEVEL_ERROR);
    vectors_load(vectors);
    softhsm_open(&softhsm);
    real_list = *softhsm.module->list;
    for (size_t i = 0; i < 2; i++)
        softhsm_add_key(&softhsm, &refs[i], vectors[SET].k, vectors[SET].opc, SOFTHSM_KEY_PROPER);
    assert_int_equal(token_prove(softhsm.token), HSM_OK);
    assert_int_equal(token_find_integrity(softhsm.token), HSM_OK);
    keeper.config = &config;
    keeper.token = softhsm.token;
    assert_int_equal(keyring_new(softhsm.token, &keeper.keyring), HSM_OK);
    clients[0] = (struct client){.name = "wwsf",
                                 .domain_count = 1,
                                 .domains = {"IMS.example.com"},
                                 .forms = FORM_BIT(FORM_CARD)};
    clients[1] = (struct client){.name = "directory", .domain_count = 1, .domains = {"*"}};
    batch = secret_pages_new(sizeof *batch);
    return batch == NULL ? -1 : 0;
}

static int close_all(void **state)
{
    (void)state;
    secret_pages_free(batch, sizeof *batch);
    keyring_free(&keeper.keyring);
    softhsm_close(&softhsm);
    return 0;
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)
    const struct CMUnitTest tests[] = {
        TEST(refuses_packets_that_no_front_makes),
        TEST(lets_the_front_itself_ask_for_nothing),
        TEST(hides_who_else_is_served),
        TEST(refuses_a_form_that_is_not_allowed),
        TEST(refuses_a_disabled_subscriber_at_once),
        TEST(refuses_an_edited_record),
        TEST(leaves_the_sqn_at_a_wrong_mac),
        TEST(says_nothing_that_is_not_durable),
        TEST(ends_when_the_token_is_lost),
        TEST(loses_to_a_faster_appliance),
        TEST(gives_up_where_conflicts_do_not_end),
        TEST(accepts_a_challenge_once_in_one_batch),
        TEST(keeps_annex_c),
        TEST(answers_as_the_standard_does),
        TEST(clears_what_it_held),
    };
    return cmocka_run_group_tests(tests, open_all, close_all);
}
