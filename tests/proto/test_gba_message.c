/* GBA_BOOTSTRAP, GBA_NAF and GBA_STORE: readers, writers, and PROTOCOL.md's examples of them. */
#include <jansson.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "document.h"
#include "gba_message.h"
#include "hex.h"
#include "request.h"

#define ALICE "alice@ims.example.com"

static const uint8_t octets[16] = {0x51, 0x52, [15] = 0x5f};

static uint8_t buffer[1024];

static struct wire_writer writer_of_user(void)
{
    struct wire_writer writer = wire_writer_of(buffer, sizeof buffer);
    fields_write_text(&writer, FIELD_IMPI, ALICE);
    return writer;
}

static void assert_fault(struct fault fault, enum status status, unsigned at_field)
{
    assert_string_equal(status_name((uint8_t)fault.status), status_name((uint8_t)status));
    assert_int_equal(fault.at_field, at_field);
}

/* Also by the front's check, which must find the same. */
static struct fault read_as(uint8_t type, size_t bytes)
{
    static struct gba_bootstrap_request bootstrap;
    static struct gba_store_request store;
    static struct gba_naf_request naf;
    struct subscriber_name name;
    struct fault checked = request_check(type, buffer, bytes, &name);
    struct fault fault = type == MESSAGE_GBA_BOOTSTRAP
                             ? gba_bootstrap_request_read(buffer, bytes, &bootstrap)
                         : type == MESSAGE_GBA_STORE ? gba_store_request_read(buffer, bytes, &store)
                                                     : gba_naf_request_read(buffer, bytes, &naf);
    assert_int_equal(checked.status, fault.status);
    assert_int_equal(checked.at_field, fault.at_field);
    assert_string_equal(name.text, fault.status == STATUS_OK ? ALICE : "");
    return fault;
}

static void what_is_written_is_read(void **state)
{
    (void)state;
    struct gba_store_request store = {.lifetime = 0};
    const struct gba_store_request stored = {.subscriber = {FIELD_IMPI, ALICE},
                                             .rand = {1, [15] = 16},
                                             .b_tid = "x@bsf",
                                             .lifetime = UINT64_MAX};
    struct gba_naf_request naf = {.naf_id_bytes = 0};
    struct gba_naf_request asked = {.subscriber = {FIELD_IMPI, ALICE},
                                    .naf_id_bytes = NAF_ID_BYTES_MAX};
    memset(asked.naf_id, 0xfe, sizeof asked.naf_id);
    struct wire_writer writer = wire_writer_of(buffer, sizeof buffer);
    gba_store_request_write(&writer, &stored);
    assert_fault(gba_store_request_read(buffer, writer.used, &store), STATUS_OK, 0);
    assert_string_equal(store.subscriber.text, ALICE);
    assert_memory_equal(store.rand, stored.rand, sizeof store.rand);
    assert_string_equal(store.b_tid, stored.b_tid);
    assert_true(store.lifetime == stored.lifetime);
    writer = wire_writer_of(buffer, sizeof buffer);
    gba_naf_request_write(&writer, &asked);
    assert_fault(gba_naf_request_read(buffer, writer.used, &naf), STATUS_OK, 0);
    assert_int_equal(naf.naf_id_bytes, NAF_ID_BYTES_MAX);
    assert_memory_equal(naf.naf_id, asked.naf_id, sizeof naf.naf_id);
}

static void a_request_without_its_fields_is_refused(void **state)
{
    (void)state;
    static const struct {
        uint8_t type;
        enum field_tag missing;
    } cases[] = {{MESSAGE_GBA_BOOTSTRAP, FIELD_RAND},
                 {MESSAGE_GBA_STORE, FIELD_RAND},
                 {MESSAGE_GBA_NAF, FIELD_NAF_ID}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct wire_writer writer = writer_of_user();
        assert_fault(read_as(cases[i].type, writer.used), STATUS_MISSING_FIELD, cases[i].missing);
        fields_write(&writer, FIELD_RES, octets, 8);
        assert_fault(read_as(cases[i].type, writer.used), STATUS_UNKNOWN_FIELD, FIELD_RES);
    }
}

static void a_name_is_given_once(void **state)
{
    (void)state;
    struct wire_writer writer = wire_writer_of(buffer, sizeof buffer);
    fields_write(&writer, FIELD_NAF_ID, octets, sizeof octets);
    assert_fault(read_as(MESSAGE_GBA_NAF, writer.used), STATUS_MISSING_FIELD, FIELD_USER_ID);
    fields_write_text(&writer, FIELD_IMPI, ALICE);
    assert_fault(read_as(MESSAGE_GBA_NAF, writer.used), STATUS_OK, 0);
    fields_write_text(&writer, FIELD_USER_ID, "alice");
    assert_fault(read_as(MESSAGE_GBA_NAF, writer.used), STATUS_REPEATED_FIELD, FIELD_IMPI);
}

static void a_naf_id_has_room_for_a_protocol(void **state)
{
    (void)state;
    static const uint8_t long_id[NAF_ID_BYTES_MAX + 1];
    static const struct {
        size_t bytes;
        enum status status;
    } cases[] = {{0, STATUS_BAD_LENGTH},
                 {5, STATUS_BAD_LENGTH},
                 {6, STATUS_OK},
                 {NAF_ID_BYTES_MAX, STATUS_OK},
                 {NAF_ID_BYTES_MAX + 1, STATUS_BAD_LENGTH}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct wire_writer writer = writer_of_user();
        fields_write(&writer, FIELD_NAF_ID, long_id, cases[i].bytes);
        assert_fault(read_as(MESSAGE_GBA_NAF, writer.used), cases[i].status,
                     cases[i].status == STATUS_OK ? 0 : FIELD_NAF_ID);
    }
}

static void a_lifetime_is_a_time(void **state)
{
    (void)state;
    for (uint64_t lifetime = 0; lifetime < 2; lifetime++) {
        struct wire_writer writer = writer_of_user();
        fields_write(&writer, FIELD_RAND, octets, sizeof octets);
        fields_write_text(&writer, FIELD_B_TID, "x@bsf");
        fields_write_number(&writer, FIELD_KEY_LIFETIME, lifetime, 8);
        assert_fault(read_as(MESSAGE_GBA_STORE, writer.used),
                     lifetime == 0 ? STATUS_BAD_VALUE : STATUS_OK,
                     lifetime == 0 ? FIELD_KEY_LIFETIME : 0);
    }
}

/* The body of an example, in *out_example; returns its length. */
static size_t body_of(const char *document, const char *name, struct example *out_example)
{
    document_example(document, name, out_example);
    assert_true(out_example->bytes >= FRAME_HEADER_BYTES);
    return out_example->bytes - FRAME_HEADER_BYTES;
}

static void answers_are_not_mistaken_for_each_other(void **state)
{
    struct example example;
    struct gba_naf_answer naf;
    struct gba_bootstrap_answer run;
    const uint8_t *body = example.frame + FRAME_HEADER_BYTES;
    size_t bytes = body_of(*state, "gba-bootstrap-ok", &example);
    assert_fault(gba_bootstrap_answer_read(STATUS_SYNC_FAILURE, body, bytes, &run),
                 STATUS_UNKNOWN_FIELD, FIELD_RES);
    assert_fault(gba_naf_answer_read(body, bytes, &naf), STATUS_UNKNOWN_FIELD, FIELD_RES);
    assert_int_equal(gba_bootstrap_answer_read(STATUS_OK, body, bytes - 1, &run).status,
                     STATUS_MALFORMED);
    bytes = body_of(*state, "gba-naf-ok", &example);
    for (size_t cut = 0; cut < 36; cut++)
        assert_int_not_equal(gba_naf_answer_read(body, cut, &naf).status, STATUS_OK);
    assert_int_equal(gba_naf_answer_read(body, bytes - 1, &naf).status, STATUS_MALFORMED);
}

/* Set 3 of the vectors, to be freed with *out_all. */
static const json_t *set_3(json_t **out_all)
{
    size_t i = 0;
    json_t *set = NULL;
    *out_all = json_load_file(NISIM_SOURCE_DIR "/tests/vectors/gba_vectors.json", 0, NULL);
    assert_non_null(*out_all);
    json_array_foreach(json_object_get(*out_all, "vectors"), i, set)
    {
        if (json_integer_value(json_object_get(set, "milenage_set")) == 3)
            return set;
    }
    fail_msg("there is no set 3");
    return NULL;
}

static void assert_octets(const json_t *set, const char *name, const uint8_t *bytes, size_t length)
{
    char text[HEX_TEXT_BYTES(64)];
    hex_encode(bytes, length, text);
    assert_string_equal(text, json_string_value(json_object_get(set, name)));
}

static void the_examples_are_set_3(void **state)
{
    struct example example;
    json_t *all = NULL;
    const json_t *set = set_3(&all);
    const uint8_t *body = example.frame + FRAME_HEADER_BYTES;
    struct gba_naf_request request;
    struct gba_naf_answer naf;
    struct gba_store_request store;
    size_t bytes = body_of(*state, "gba-naf-request", &example);
    assert_fault(gba_naf_request_read(body, bytes, &request), STATUS_OK, 0);
    assert_octets(set, "naf_id", request.naf_id, request.naf_id_bytes);
    bytes = body_of(*state, "gba-naf-ok", &example);
    assert_fault(gba_naf_answer_read(body, bytes, &naf), STATUS_OK, 0);
    assert_octets(set, "ks_ext_naf", naf.ks_ext_naf, sizeof naf.ks_ext_naf);
    bytes = body_of(*state, "gba-store-request", &example);
    assert_fault(gba_store_request_read(body, bytes, &store), STATUS_OK, 0);
    assert_string_equal(store.b_tid, naf.b_tid);
    assert_true(store.lifetime == naf.lifetime);
    json_decref(all);
}

static int load(void **state)
{
    *state = document_load();
    return 0;
}

static int unload(void **state)
{
    free(*state);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_request_without_its_fields_is_refused),
        cmocka_unit_test(a_name_is_given_once),
        cmocka_unit_test(a_naf_id_has_room_for_a_protocol),
        cmocka_unit_test(a_lifetime_is_a_time),
        cmocka_unit_test(answers_are_not_mistaken_for_each_other),
        cmocka_unit_test(what_is_written_is_read),
        cmocka_unit_test(the_examples_are_set_3),
    };
    return cmocka_run_group_tests(tests, load, unload);
}
