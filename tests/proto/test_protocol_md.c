/* PROTOCOL.md says what messages.def says, and its examples decode to what it says of them. */
#include <jansson.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "card_message.h"
#include "digest_message.h"
#include "document.h"
#include "vectors.h"

#define SET_3 2 /* place in the file */
#define LINE_BYTES 256

/* What the document calls the kinds. */
static const char *const kind_words[] = {[FIELD_KIND_TEXT] = "text",
                                         [FIELD_KIND_BYTES] = "octets",
                                         [FIELD_KIND_SECRET] = "secret",
                                         [FIELD_KIND_NUMBER] = "number"};

struct field_words {
    uint16_t tag;
    enum field_kind kind;
    unsigned least;
    unsigned most;
};

static const struct field_words field_table[] = {
#define FIELD(name, tag, kind, least, most) {(tag), FIELD_KIND_##kind, (least), (most)},
#include "messages.def"
};

struct carries_words {
    const char *message;
    const char *body;
    const char *field;
    unsigned least;
    unsigned most;
};

static const struct carries_words carries_table[] = {
#define CARRIES(message, body, field, least, most) {#message, #body, #field, (least), (most)},
#include "messages.def"
};

#define COUNT_OF(table) (sizeof(table) / sizeof((table)[0]))

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

static void assert_says(const char *document, const char *line)
{
    if (strstr(document, line) == NULL)
        fail_msg("PROTOCOL.md does not say \"%s\"", line + (line[0] == '\n'));
}

/* "1", "1 to 8", and with_or: "0 or 1". */
static const char *range(unsigned least, unsigned most, bool with_or, char out[32])
{
    if (least == most)
        snprintf(out, 32, "%u", least);
    else
        snprintf(out, 32, "%u %s %u", least, with_or && most == least + 1 ? "or" : "to", most);
    return out;
}

static void every_field_is_in_the_document(void **state)
{
    for (size_t i = 0; i < COUNT_OF(field_table); i++) {
        const struct field_words *field = &field_table[i];
        char line[LINE_BYTES];
        char bytes[32];
        snprintf(line, sizeof line, "\n| %s | 0x%04x | %s | %s | ", field_name(field->tag),
                 field->tag, kind_words[field->kind],
                 range(field->least, field->most, false, bytes));
        assert_says(*state, line);
    }
}

static void every_status_is_in_the_document(void **state)
{
#define STATUS(name, code, text) assert_says(*state, "\n| " #name " | " #code " | ");
#include "messages.def"
}

static void every_message_is_in_the_document(void **state)
{
#define MESSAGE(name, code) assert_says(*state, "\n## " #name " (" #code ")\n");
#include "messages.def"
}

/* A copy of the message's section, to be freed. */
static char *section_of(const char *document, const char *message)
{
    char heading[64];
    snprintf(heading, sizeof heading, "\n## %s (", message);
    const char *begin = strstr(document, heading);
    assert_non_null(begin);
    const char *end = strstr(begin + 1, "\n## ");
    assert_non_null(end);
    return strndup(begin, (size_t)(end - begin));
}

static const char *body_word(const char *body)
{
    return strcmp(body, "REQUEST") == 0 ? "request" : body + strlen("ANSWER_");
}

static size_t rows_of_bodies(const char *document)
{
    size_t count = 0;
    static const char *const begins[] = {"\n| request | ", "\n| OK | ", "\n| SYNC_FAILURE | "};
    for (size_t i = 0; i < COUNT_OF(begins); i++) {
        for (const char *at = document; (at = strstr(at, begins[i])) != NULL; at++)
            count++;
    }
    return count;
}

static void every_body_is_in_the_document(void **state)
{
    for (size_t i = 0; i < COUNT_OF(carries_table); i++) {
        const struct carries_words *row = &carries_table[i];
        char *section = section_of(*state, row->message);
        char line[LINE_BYTES];
        char times[32];
        snprintf(line, sizeof line, "\n| %s | %s | %s |\n", body_word(row->body), row->field,
                 range(row->least, row->most, true, times));
        assert_says(section, line);
        free(section);
    }
    /* OK and SYNC_FAILURE stand in the table of statuses too. */
    assert_int_equal(rows_of_bodies(*state), COUNT_OF(carries_table) + 2);
}

static void limits_are_in_the_document(void **state)
{
    char line[LINE_BYTES];
    snprintf(line, sizeof line, "\n| body of a frame, either way | %d bytes |\n",
             FRAME_BODY_BYTES_MAX);
    assert_says(*state, line);
    snprintf(line, sizeof line, "\n| known fields in a body | %d |\n", FIELDS_MAX);
    assert_says(*state, line);
    assert_int_equal(IMPUS_MAX, P_CSCFS_MAX);
    snprintf(line, sizeof line, "\n| IMPUs, and P-CSCFs, of a subscription | %d |\n", IMPUS_MAX);
    assert_says(*state, line);
    snprintf(line, sizeof line, "\n| 4 | 1 | version: %d |\n", FRAME_VERSION);
    assert_says(*state, line);
    assert_says(*state, "ALPN name `" FRAME_ALPN "`");
}

static enum field_kind kind_of(uint16_t tag)
{
    for (size_t i = 0; i < COUNT_OF(field_table); i++) {
        if (field_table[i].tag == tag)
            return field_table[i].kind;
    }
    return FIELD_KIND_BYTES;
}

/* What the document writes beside a field. */
static void describe_field(const struct field *field, char out[EXAMPLE_COMMENT_BYTES])
{
    const char *name = field_name(field->tag);
    const char *text = (const char *)field->bytes;
    assert_non_null(name);
    switch (kind_of(field->tag)) {
    case FIELD_KIND_TEXT:
        snprintf(out, EXAMPLE_COMMENT_BYTES, "%s \"%.*s\"", name, (int)field->length, text);
        return;
    case FIELD_KIND_NUMBER:
        snprintf(out, EXAMPLE_COMMENT_BYTES, "%s %llu", name,
                 (unsigned long long)field_number(field));
        return;
    default:
        snprintf(out, EXAMPLE_COMMENT_BYTES, "%s", name);
    }
}

static void describe_header(const struct frame_header *header, char out[EXAMPLE_COMMENT_BYTES])
{
    bool answer = header->flags == FRAME_FLAG_ANSWER;
    snprintf(out, EXAMPLE_COMMENT_BYTES, "%s %s%s, id %u", message_name(header->type),
             answer ? "answer " : "request", answer ? status_name(header->status) : "",
             header->request_id);
}

/* Reads the example by the tables alone, and compares each row with its comment. */
static struct frame_header check_example(const char *document, const char *name,
                                         struct example *out)
{
    char comment[EXAMPLE_COMMENT_BYTES];
    struct fields fields;
    document_example(document, name, out);
    assert_true(out->bytes >= FRAME_HEADER_BYTES);
    struct frame_header header = frame_header_read(out->frame);
    assert_int_equal(header.version, FRAME_VERSION);
    assert_int_equal(header.body_bytes, out->bytes - FRAME_HEADER_BYTES);
    describe_header(&header, comment);
    assert_string_equal(out->rows[0].comment, comment);
    enum body_kind kind = header.flags == 0 ? BODY_REQUEST : body_kind_of_answer(header.status);
    struct fault fault =
        fields_read(header.type, kind, out->frame + FRAME_HEADER_BYTES, header.body_bytes, &fields);
    assert_int_equal(fault.status, STATUS_OK);
    assert_int_equal(fields.count, out->row_count - 1);
    for (size_t i = 0; i < fields.count; i++) {
        const struct example_row *row = &out->rows[i + 1];
        describe_field(&fields.list[i], comment);
        assert_string_equal(row->comment, comment);
        assert_ptr_equal(fields.list[i].bytes, out->frame + row->start + 4);
    }
    return header;
}

/* One a line would be a page. */
/* clang-format off */
static const char *const example_names[] = {
    "hello", "hello-client-not-listed", "ping-request", "ping-ok", "identity-request",
    "identity-ok", "authenticate-request", "authenticate-ok", "authenticate-again",
    "authenticate-sync-failure", "authenticate-forged", "authenticate-mac-failure",
    "digest-request", "digest-ok", "digest-sync-failure", "digest-mac-failure",
    "digest-wrong-realm", "digest-sip-request", "digest-sip-ok", "digest-no-such-credential",
    "ha1-request", "ha1-ok", "ha1-sync-failure", "read-file-request", "read-file-ok",
    "read-file-webrtc-uri", "read-file-no-such-file", "gba-bootstrap-request", "gba-bootstrap-ok",
    "gba-bootstrap-sync-failure", "gba-naf-request", "gba-naf-ok", "gba-naf-not-bootstrapped",
    "gba-naf-expired", "gba-store-request", "gba-store-ok", "apdu-request", "apdu-ok",
    "apdu-no-card", "card-reset-request", "card-reset-ok", "card-off-request", "card-off-ok",
    "refusal",
};
/* clang-format on */

static void every_example_is_what_its_comments_say(void **state)
{
    for (size_t i = 0; i < COUNT_OF(example_names); i++) {
        struct example example;
        struct frame_header header = check_example(*state, example_names[i], &example);
        if (header.flags == 0)
            assert_int_equal(frame_check_request(&header), STATUS_OK);
    }
    assert_int_equal(document_example_count(*state), COUNT_OF(example_names));
}

static struct authenticate_request request_of(const char *document, const char *name)
{
    struct example example;
    struct authenticate_request request = {0};
    struct frame_header header = check_example(document, name, &example);
    struct fault fault =
        authenticate_request_read(example.frame + FRAME_HEADER_BYTES, header.body_bytes, &request);
    assert_int_equal(fault.status, STATUS_OK);
    return request;
}

static struct authenticate_answer answer_of(const char *document, const char *name,
                                            enum status status)
{
    struct example example;
    struct authenticate_answer answer = {0};
    struct frame_header header = check_example(document, name, &example);
    assert_int_equal(header.status, status);
    struct fault fault = authenticate_answer_read(status, example.frame + FRAME_HEADER_BYTES,
                                                  header.body_bytes, &answer);
    assert_int_equal(fault.status, STATUS_OK);
    return answer;
}

static void challenges_are_set_3(void **state)
{
    static struct vector sets[VECTOR_SETS];
    vectors_load(sets);
    static const char *const names[] = {"authenticate-request", "authenticate-again",
                                        "authenticate-forged"};
    for (size_t i = 0; i < COUNT_OF(names); i++) {
        struct authenticate_request request = request_of(*state, names[i]);
        request.autn[AUTN_BYTES - 1] ^= (uint8_t)(i == 2);
        assert_memory_equal(request.rand, sets[SET_3].rand, RAND_BYTES);
        assert_memory_equal(request.autn, sets[SET_3].autn, AUTN_BYTES);
    }
}

static void answers_are_those_of_set_3(void **state)
{
    static struct vector sets[VECTOR_SETS];
    vectors_load(sets);
    struct authenticate_answer answer = answer_of(*state, "authenticate-ok", STATUS_OK);
    assert_memory_equal(answer.res.bytes, sets[SET_3].res, sizeof answer.res);
    assert_memory_equal(answer.ck.bytes, sets[SET_3].ck, sizeof answer.ck);
    assert_memory_equal(answer.ik.bytes, sets[SET_3].ik, sizeof answer.ik);
    answer = answer_of(*state, "authenticate-sync-failure", STATUS_SYNC_FAILURE);
    assert_memory_equal(answer.auts, sets[SET_3].auts, AUTS_BYTES);
}

/* The derived digests of set 3, in *out_all, which is to be freed. */
static json_t *digests_of_set_3(json_t **out_all)
{
    size_t i = 0;
    json_t *set = NULL;
    *out_all = json_load_file(NISIM_SOURCE_DIR "/tests/vectors/aka_digest_vectors.json", 0, NULL);
    assert_non_null(*out_all);
    json_array_foreach(*out_all, i, set)
    {
        if (json_integer_value(json_object_get(set, "milenage_set")) == 3)
            return set;
    }
    fail_msg("no digest of set 3");
    return NULL;
}

static const char *text_of(const json_t *set, const char *name)
{
    return json_string_value(json_object_get(set, name));
}

static void assert_challenge(const struct digest_challenge *challenge, const json_t *set)
{
    assert_int_equal(challenge->algorithm, ALGORITHM_AKAV1_MD5);
    assert_string_equal(challenge->realm, text_of(set, "realm"));
    assert_string_equal(challenge->nonce, text_of(set, "nonce"));
    if (challenge->username[0] != '\0')
        assert_string_equal(challenge->username, text_of(set, "username"));
}

static void digests_are_asked_of_set_3(void **state)
{
    struct example example;
    struct digest_request request;
    struct digest_challenge challenge;
    json_t *all = NULL;
    const json_t *set = digests_of_set_3(&all);
    const uint8_t *body = example.frame + FRAME_HEADER_BYTES;
    struct frame_header header = check_example(*state, "digest-request", &example);
    assert_int_equal(digest_request_read(body, header.body_bytes, &request).status, STATUS_OK);
    assert_challenge(&request.challenge, set);
    assert_string_equal(request.method, text_of(set, "method"));
    assert_string_equal(request.uri, text_of(set, "uri"));
    assert_string_equal(request.nc, text_of(set, "nc"));
    assert_string_equal(request.cnonce, text_of(set, "cnonce"));
    assert_int_equal(request.protection, PROTECTION_AUTH);
    header = check_example(*state, "ha1-request", &example);
    assert_int_equal(ha1_request_read(body, header.body_bytes, &challenge).status, STATUS_OK);
    assert_challenge(&challenge, set);
    json_decref(all);
}

static struct digest_answer digest_answer_of(const char *document, const char *name,
                                             enum status status)
{
    struct example example;
    struct digest_answer answer = {0};
    struct frame_header header = check_example(document, name, &example);
    assert_int_equal(header.status, status);
    struct fault fault =
        digest_answer_read(status, example.frame + FRAME_HEADER_BYTES, header.body_bytes, &answer);
    assert_int_equal(fault.status, STATUS_OK);
    return answer;
}

static struct ha1_answer ha1_answer_of(const char *document, const char *name, enum status status)
{
    struct example example;
    struct ha1_answer answer = {0};
    struct frame_header header = check_example(document, name, &example);
    assert_int_equal(header.status, status);
    struct fault fault =
        ha1_answer_read(status, example.frame + FRAME_HEADER_BYTES, header.body_bytes, &answer);
    assert_int_equal(fault.status, STATUS_OK);
    return answer;
}

static void digests_are_answered_for_set_3(void **state)
{
    static struct vector sets[VECTOR_SETS];
    json_t *all = NULL;
    const json_t *set = digests_of_set_3(&all);
    vectors_load(sets);
    struct digest_answer answer = digest_answer_of(*state, "digest-ok", STATUS_OK);
    assert_string_equal(answer.response, text_of(set, "response_akav1_md5"));
    assert_string_not_equal(answer.rspauth, "");
    answer = digest_answer_of(*state, "digest-sync-failure", STATUS_SYNC_FAILURE);
    assert_string_equal(answer.response, text_of(set, "response_syncfail_empty_password"));
    assert_memory_equal(answer.auts, sets[SET_3].auts, AUTS_BYTES);
    struct ha1_answer ha1 = ha1_answer_of(*state, "ha1-ok", STATUS_OK);
    assert_string_equal(ha1.hash, text_of(set, "ha1_akav1"));
    ha1 = ha1_answer_of(*state, "ha1-sync-failure", STATUS_SYNC_FAILURE);
    assert_memory_equal(ha1.auts, sets[SET_3].auts, AUTS_BYTES);
    json_decref(all);
}

/* RFC 7616 3.9.1, SHA-256. */
static void sip_digest_is_the_rfcs_example(void **state)
{
    struct example example;
    struct digest_request request;
    struct frame_header header = check_example(*state, "digest-sip-request", &example);
    const uint8_t *body = example.frame + FRAME_HEADER_BYTES;
    assert_int_equal(digest_request_read(body, header.body_bytes, &request).status, STATUS_OK);
    assert_int_equal(request.challenge.algorithm, ALGORITHM_SHA_256);
    assert_string_equal(request.challenge.username, "Mufasa");
    struct digest_answer answer = digest_answer_of(*state, "digest-sip-ok", STATUS_OK);
    assert_string_equal(answer.response,
                        "753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1");
}

static void refusals_are_what_the_prose_says(void **state)
{
    struct example example;
    struct frame_header header = check_example(*state, "refusal", &example);
    assert_int_equal(header.status, STATUS_BAD_LENGTH);
    assert_int_equal(failure_read(example.frame + FRAME_HEADER_BYTES, header.body_bytes),
                     FIELD_AUTN);
    header = check_example(*state, "authenticate-mac-failure", &example);
    assert_int_equal(header.status, STATUS_MAC_FAILURE);
    header = check_example(*state, "digest-mac-failure", &example);
    assert_int_equal(header.status, STATUS_MAC_FAILURE);
    assert_int_equal(header.body_bytes, 0);
    header = check_example(*state, "digest-wrong-realm", &example);
    assert_int_equal(header.status, STATUS_WRONG_REALM);
    assert_int_equal(failure_read(example.frame + FRAME_HEADER_BYTES, header.body_bytes),
                     FIELD_REALM);
    header = check_example(*state, "digest-no-such-credential", &example);
    assert_int_equal(header.status, STATUS_NO_SUCH_CREDENTIAL);
    header = check_example(*state, "hello-client-not-listed", &example);
    assert_int_equal(header.status, STATUS_CLIENT_NOT_LISTED);
    assert_int_equal(header.request_id, 0);
}

static void a_card_is_reset_and_asked(void **state)
{
    struct example example;
    struct apdu_request request;
    struct apdu_response response;
    struct atr atr;
    const uint8_t *body = example.frame + FRAME_HEADER_BYTES;
    struct frame_header header = check_example(*state, "apdu-request", &example);
    assert_int_equal(apdu_request_read(body, header.body_bytes, &request).status, STATUS_OK);
    assert_string_equal(request.subscriber.text, "+15550103");
    assert_int_equal(request.command_bytes, 12);
    header = check_example(*state, "apdu-ok", &example);
    assert_int_equal(apdu_response_read(body, header.body_bytes, &response).status, STATUS_OK);
    assert_int_equal(response.bytes, 2);
    header = check_example(*state, "card-reset-ok", &example);
    assert_int_equal(atr_read(body, header.body_bytes, &atr).status, STATUS_OK);
    assert_int_equal(atr.bytes, 19);
    header = check_example(*state, "card-off-ok", &example);
    assert_int_equal(card_off_answer_read(body, header.body_bytes).status, STATUS_OK);
    header = check_example(*state, "apdu-no-card", &example);
    assert_int_equal(header.status, STATUS_NO_CARD);
}

static void hello_and_identity_are_read_by_a_client(void **state)
{
    struct example example;
    struct hello hello = {0};
    static struct identity identity;
    const uint8_t *body = example.frame + FRAME_HEADER_BYTES;
    struct frame_header header = check_example(*state, "hello", &example);
    assert_int_equal(hello_read(body, header.body_bytes, &hello).status, STATUS_OK);
    assert_int_equal(hello.max_body, FRAME_BODY_BYTES_MAX);
    assert_int_equal(hello.forms, FORM_BIT(FORM_CARD) | FORM_BIT(FORM_DIGEST) | FORM_BIT(FORM_HA1));
    header = check_example(*state, "identity-ok", &example);
    assert_int_equal(identity_read(body, header.body_bytes, &identity).status, STATUS_OK);
    assert_int_equal(identity.impu_count, 2);
    assert_string_equal(identity.p_cscfs[0], "pcscf.ims.example.com");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_field_is_in_the_document),
        cmocka_unit_test(every_status_is_in_the_document),
        cmocka_unit_test(every_message_is_in_the_document),
        cmocka_unit_test(every_body_is_in_the_document),
        cmocka_unit_test(limits_are_in_the_document),
        cmocka_unit_test(every_example_is_what_its_comments_say),
        cmocka_unit_test(challenges_are_set_3),
        cmocka_unit_test(answers_are_those_of_set_3),
        cmocka_unit_test(digests_are_asked_of_set_3),
        cmocka_unit_test(digests_are_answered_for_set_3),
        cmocka_unit_test(sip_digest_is_the_rfcs_example),
        cmocka_unit_test(refusals_are_what_the_prose_says),
        cmocka_unit_test(a_card_is_reset_and_asked),
        cmocka_unit_test(hello_and_identity_are_read_by_a_client),
    };
    return cmocka_run_group_tests(tests, load, unload);
}
