#include "digest_message.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "request.h"

#define BUFFER_BYTES 4096

static const struct digest_request register_auth = {
    .challenge = {.subscriber = {.by = FIELD_USER_ID, .text = "+15550107"},
                  .algorithm = ALGORITHM_AKAV1_MD5,
                  .realm = "a.example.com",
                  .username = "alice@a.example.com",
                  .nonce = "n3yNAhrM9NshPM/wx/caaq5KOptMl3JcnKvD6ZuvcoE="},
    .method = "REGISTER",
    .uri = "sip:a.example.com",
    .protection = PROTECTION_AUTH,
    .nc = "0000a1B2",
    .cnonce = "0a4f113b",
    .want_rspauth = true};

static uint8_t buffer[BUFFER_BYTES];

static void assert_fault(struct fault fault, enum status status, unsigned at_field)
{
    assert_string_equal(status_name((uint8_t)fault.status), status_name((uint8_t)status));
    assert_int_equal(fault.at_field, at_field);
}

static struct fault read_request(const struct wire_writer *writer)
{
    struct digest_request request;
    assert_false(writer->failed);
    return digest_request_read(writer->start, writer->used, &request);
}

static struct fault read_ha1(const struct wire_writer *writer)
{
    struct digest_challenge challenge;
    assert_false(writer->failed);
    return ha1_request_read(writer->start, writer->used, &challenge);
}

/* The fields of a good request but one, for the test to write itself. */
static struct wire_writer write_all_but(const struct digest_request *request, enum field_tag left)
{
    static uint8_t whole[BUFFER_BYTES];
    struct fields fields;
    struct wire_writer all = wire_writer_of(whole, sizeof whole);
    struct wire_writer writer = wire_writer_of(buffer, sizeof buffer);
    digest_request_write(&all, request);
    assert_false(all.failed);
    struct fault fault = fields_read(MESSAGE_DIGEST, BODY_REQUEST, whole, all.used, &fields);
    assert_fault(fault, STATUS_OK, 0);
    for (size_t i = 0; i < fields.count; i++) {
        const struct field *field = &fields.list[i];
        if (field->tag != left)
            fields_write(&writer, (enum field_tag)field->tag, field->bytes, field->length);
    }
    return writer;
}

/* What comes of a good request with this text in the place of its own. */
static struct fault read_with(const struct digest_request *request, enum field_tag tag,
                              const char *text)
{
    struct wire_writer writer = write_all_but(request, tag);
    fields_write_text(&writer, tag, text);
    return read_request(&writer);
}

static struct digest_request with_body_hash(enum digest_algorithm algorithm)
{
    struct digest_request request = register_auth;
    request.challenge.algorithm = algorithm;
    request.protection = PROTECTION_AUTH_INT;
    request.body_hash_bytes = digest_algorithm_hash_bytes(algorithm);
    for (size_t i = 0; i < request.body_hash_bytes; i++)
        request.body_hash[i] = (uint8_t)(0x61 + i);
    return request;
}

static struct digest_request without_qop(void)
{
    struct digest_request request = register_auth;
    request.protection = PROTECTION_NONE;
    memset(request.nc, 0, sizeof request.nc);
    memset(request.cnonce, 0, sizeof request.cnonce);
    return request;
}

/* Of the request without WANT_RSPAUTH. */
static size_t bytes_of(struct digest_request request)
{
    struct wire_writer writer = wire_writer_of(buffer, sizeof buffer);
    request.want_rspauth = false;
    digest_request_write(&writer, &request);
    return writer.used;
}

/* Behind the URI and before WANT_RSPAUTH a cut makes a smaller request, which is whole. */
static void a_request_cut_anywhere_is_refused(void **state)
{
    (void)state;
    const struct digest_request request = with_body_hash(ALGORITHM_AKAV2_SHA_256);
    struct digest_request plain = without_qop();
    plain.challenge.algorithm = request.challenge.algorithm;
    const size_t smaller[] = {bytes_of(plain), bytes_of(request)};
    struct wire_writer writer = wire_writer_of(buffer, sizeof buffer);
    digest_request_write(&writer, &request);
    size_t whole = writer.used;
    for (writer.used = 0; writer.used < whole; writer.used++) {
        bool good = writer.used == smaller[0] || writer.used == smaller[1];
        assert_int_equal(read_request(&writer).status == STATUS_OK, good);
    }
    assert_fault(read_request(&writer), STATUS_OK, 0);
    wire_write_number(&writer, 0, 1);
    assert_fault(read_request(&writer), STATUS_MALFORMED, 0);
}

static void an_ha1_request_cut_anywhere_is_refused(void **state)
{
    (void)state;
    struct digest_challenge challenge = register_auth.challenge;
    challenge.username[0] = '\0';
    struct wire_writer writer = wire_writer_of(buffer, sizeof buffer);
    ha1_request_write(&writer, &challenge);
    size_t whole = writer.used;
    for (writer.used = 0; writer.used < whole; writer.used++)
        assert_true(read_ha1(&writer).status != STATUS_OK);
    assert_fault(read_ha1(&writer), STATUS_OK, 0);
    wire_write_number(&writer, 0, 1);
    assert_fault(read_ha1(&writer), STATUS_MALFORMED, 0);
}

static void each_field_is_needed(void **state)
{
    (void)state;
    static const enum field_tag needed[] = {FIELD_USER_ID, FIELD_ALGORITHM, FIELD_REALM,
                                            FIELD_NONCE,   FIELD_METHOD,    FIELD_DIGEST_URI,
                                            FIELD_NC,      FIELD_CNONCE,    FIELD_BODY_HASH};
    const struct digest_request request = with_body_hash(ALGORITHM_AKAV1_MD5);
    for (size_t i = 0; i < sizeof needed / sizeof needed[0]; i++) {
        struct wire_writer writer = write_all_but(&request, needed[i]);
        assert_fault(read_request(&writer), STATUS_MISSING_FIELD, needed[i]);
    }
}

/* Without qop the others are not known: whoever sends them means another computation. */
static void qop_says_which_fields_there_are(void **state)
{
    (void)state;
    const struct digest_request plain = without_qop();
    assert_fault(read_with(&plain, FIELD_NC, "00000001"), STATUS_UNKNOWN_FIELD, FIELD_NC);
    assert_fault(read_with(&plain, FIELD_CNONCE, "0a4f113b"), STATUS_UNKNOWN_FIELD, FIELD_CNONCE);
    assert_fault(read_with(&plain, FIELD_BODY_HASH, "0123456789abcdef"), STATUS_UNKNOWN_FIELD,
                 FIELD_BODY_HASH);
    assert_fault(read_with(&register_auth, FIELD_BODY_HASH, "0123456789abcdef"),
                 STATUS_UNKNOWN_FIELD, FIELD_BODY_HASH);
    assert_fault(read_with(&plain, FIELD_QOP, "auth"), STATUS_MISSING_FIELD, FIELD_NC);
    assert_fault(read_with(&register_auth, FIELD_QOP, "auth-int"), STATUS_MISSING_FIELD,
                 FIELD_BODY_HASH);
    struct wire_writer writer = write_all_but(&register_auth, FIELD_QOP);
    assert_fault(read_request(&writer), STATUS_UNKNOWN_FIELD, FIELD_NC);
}

static void an_algorithm_or_qop_that_is_not_known_is_refused(void **state)
{
    (void)state;
    static const char *const algorithms[] = {"MD5-sess",
                                             "SHA-1",
                                             "SHA-512",
                                             "SHA-512-256-sess",
                                             "AKAv1-MD5-sess",
                                             "AKAv1-SHA-256",
                                             "AKAv3-MD5",
                                             "AKAv1-MD5 ",
                                             " ",
                                             "x"};
    static const char *const qops[] = {"auth-conf", "auth,auth-int", "auth ", "none", "a"};
    for (size_t i = 0; i < sizeof algorithms / sizeof algorithms[0]; i++)
        assert_fault(read_with(&register_auth, FIELD_ALGORITHM, algorithms[i]), STATUS_BAD_VALUE,
                     FIELD_ALGORITHM);
    for (size_t i = 0; i < sizeof qops / sizeof qops[0]; i++)
        assert_fault(read_with(&register_auth, FIELD_QOP, qops[i]), STATUS_BAD_VALUE, FIELD_QOP);
    assert_fault(read_with(&register_auth, FIELD_QOP, "auth-int-and-more"), STATUS_BAD_LENGTH,
                 FIELD_QOP);
}

static struct fault read_ha1_of(enum digest_algorithm algorithm)
{
    struct digest_challenge challenge = register_auth.challenge;
    struct wire_writer writer = wire_writer_of(buffer, sizeof buffer);
    challenge.algorithm = algorithm;
    ha1_request_write(&writer, &challenge);
    return read_ha1(&writer);
}

/* That of a password serves for ever, so nobody gets it. */
static void ha1_is_of_aka_alone(void **state)
{
    (void)state;
    for (enum digest_algorithm i = ALGORITHM_AKAV1_MD5; i <= ALGORITHM_AKAV2_SHA_256; i++) {
        assert_true(digest_algorithm_is_aka(i));
        assert_fault(read_ha1_of(i), STATUS_OK, 0);
    }
    for (enum digest_algorithm i = ALGORITHM_MD5; i <= ALGORITHM_SHA_512_256; i++) {
        assert_false(digest_algorithm_is_aka(i));
        assert_fault(read_ha1_of(i), STATUS_BAD_VALUE, FIELD_ALGORITHM);
    }
}

static void a_sip_digest_takes_any_nonce(void **state)
{
    (void)state;
    struct digest_request request = register_auth;
    request.challenge.algorithm = ALGORITHM_SHA_512_256;
    assert_fault(read_with(&request, FIELD_NONCE, "."), STATUS_OK, 0);
    assert_fault(read_with(&request, FIELD_NONCE, "a nonce\""), STATUS_BAD_VALUE, FIELD_NONCE);
    assert_fault(read_with(&request, FIELD_NONCE, "a\r\nb"), STATUS_BAD_VALUE, FIELD_NONCE);
    request.protection = PROTECTION_AUTH_INT;
    request.body_hash_bytes = 16;
    struct wire_writer writer = wire_writer_of(buffer, sizeof buffer);
    digest_request_write(&writer, &request);
    assert_fault(read_request(&writer), STATUS_BAD_LENGTH, FIELD_BODY_HASH);
    request.body_hash_bytes = 32;
    writer = wire_writer_of(buffer, sizeof buffer);
    digest_request_write(&writer, &request);
    assert_fault(read_request(&writer), STATUS_OK, 0);
}

static void nc_is_eight_hex_digits(void **state)
{
    (void)state;
    static const char *const wrong_length[] = {"1", "0000001", "000000001", "0x00000001"};
    static const char *const wrong_digit[] = {"0000000g", "        ", "+0000001", "0x000001"};
    for (size_t i = 0; i < sizeof wrong_length / sizeof wrong_length[0]; i++)
        assert_fault(read_with(&register_auth, FIELD_NC, wrong_length[i]), STATUS_BAD_LENGTH,
                     FIELD_NC);
    for (size_t i = 0; i < sizeof wrong_digit / sizeof wrong_digit[0]; i++)
        assert_fault(read_with(&register_auth, FIELD_NC, wrong_digit[i]), STATUS_BAD_VALUE,
                     FIELD_NC);
    assert_fault(read_with(&register_auth, FIELD_NC, "fFfFfFfF"), STATUS_OK, 0);
}

static const enum field_tag texts[] = {
    FIELD_USER_ID, FIELD_ALGORITHM,  FIELD_REALM, FIELD_NONCE, FIELD_USERNAME,
    FIELD_METHOD,  FIELD_DIGEST_URI, FIELD_QOP,   FIELD_NC,    FIELD_CNONCE};

/* Nothing that would end a quoted string or a header line. */
static void no_text_can_break_out_of_a_header(void **state)
{
    (void)state;
    static const char *const evil[] = {"a\r\nb", "a\rb", "a\nb", "a\"b",
                                       "\"",     "a\\b", "a\tb", "a\x7f"};
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        for (size_t j = 0; j < sizeof evil / sizeof evil[0]; j++) {
            bool is_name = texts[i] == FIELD_USER_ID && strpbrk(evil[j], "\"\\") != NULL;
            if (is_name) /* it goes into no header */
                continue;
            assert_fault(read_with(&register_auth, texts[i], evil[j]), STATUS_BAD_VALUE, texts[i]);
        }
    }
}

static void no_text_is_empty_or_has_a_nul(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        assert_fault(read_with(&register_auth, texts[i], ""), STATUS_BAD_LENGTH, texts[i]);
        struct wire_writer writer = write_all_but(&register_auth, texts[i]);
        fields_write(&writer, texts[i], "a\0b", 3);
        assert_fault(read_request(&writer), STATUS_BAD_VALUE, texts[i]);
    }
}

static void a_body_hash_is_as_long_as_the_algorithms(void **state)
{
    (void)state;
    static const enum digest_algorithm algorithms[] = {ALGORITHM_AKAV1_MD5, ALGORITHM_AKAV2_MD5,
                                                       ALGORITHM_AKAV2_SHA_256};
    static const uint8_t octets[65] = {0};
    for (size_t i = 0; i < sizeof algorithms / sizeof algorithms[0]; i++) {
        const struct digest_request request = with_body_hash(algorithms[i]);
        for (size_t length = 0; length <= sizeof octets; length++) {
            struct wire_writer writer = write_all_but(&request, FIELD_BODY_HASH);
            fields_write(&writer, FIELD_BODY_HASH, octets, length);
            bool right = length == (algorithms[i] == ALGORITHM_AKAV2_SHA_256 ? 32 : 16);
            assert_fault(read_request(&writer), right ? STATUS_OK : STATUS_BAD_LENGTH,
                         right ? 0 : FIELD_BODY_HASH);
        }
    }
}

static void a_text_may_have_its_greatest_length(void **state)
{
    (void)state;
    static const struct {
        enum field_tag tag;
        size_t most;
    } bounds[] = {{FIELD_NONCE, 1024},   {FIELD_DIGEST_URI, 1024}, {FIELD_REALM, 255},
                  {FIELD_USERNAME, 255}, {FIELD_METHOD, 32},       {FIELD_CNONCE, 128}};
    for (size_t i = 0; i < sizeof bounds / sizeof bounds[0]; i++) {
        char text[1024 + 2] = "";
        memset(text, 'a', bounds[i].most);
        assert_fault(read_with(&register_auth, bounds[i].tag, text), STATUS_OK, 0);
        text[bounds[i].most] = 'a';
        assert_fault(read_with(&register_auth, bounds[i].tag, text), STATUS_BAD_LENGTH,
                     bounds[i].tag);
    }
}

static void a_subscriber_is_named_once(void **state)
{
    (void)state;
    assert_fault(read_with(&register_auth, FIELD_IMPI, "alice@a.example.com"),
                 STATUS_REPEATED_FIELD, FIELD_IMPI);
    struct wire_writer writer = wire_writer_of(buffer, sizeof buffer);
    ha1_request_write(&writer, &register_auth.challenge);
    fields_write_text(&writer, FIELD_IMPI, "alice@a.example.com");
    assert_fault(read_ha1(&writer), STATUS_REPEATED_FIELD, FIELD_IMPI);
}

static void want_rspauth_is_no_or_yes(void **state)
{
    (void)state;
    for (unsigned value = 0; value <= 255; value++) {
        struct digest_request request;
        struct wire_writer writer = write_all_but(&register_auth, FIELD_WANT_RSPAUTH);
        fields_write_number(&writer, FIELD_WANT_RSPAUTH, value, 1);
        struct fault fault = digest_request_read(buffer, writer.used, &request);
        assert_fault(fault, value <= 1 ? STATUS_OK : STATUS_BAD_VALUE,
                     value <= 1 ? 0 : FIELD_WANT_RSPAUTH);
        if (value <= 1)
            assert_int_equal(request.want_rspauth, value == 1);
    }
}

/* The answer's body is part of rspauth with auth-int alone. */
static void the_answers_body_goes_with_rspauth(void **state)
{
    (void)state;
    struct digest_request read;
    struct digest_request request = register_auth;
    assert_fault(read_with(&register_auth, FIELD_ANSWER_BODY_HASH, "0123456789abcdef"),
                 STATUS_UNKNOWN_FIELD, FIELD_ANSWER_BODY_HASH);
    request.protection = PROTECTION_AUTH_INT;
    request.body_hash_bytes = 16;
    memcpy(request.body_hash, "0123456789abcdef", 16);
    for (size_t length = 1; length <= 64; length++) {
        struct wire_writer writer = write_all_but(&request, FIELD_ANSWER_BODY_HASH);
        fields_write(&writer, FIELD_ANSWER_BODY_HASH, (const uint8_t[64]){0xab}, length);
        assert_fault(digest_request_read(buffer, writer.used, &read),
                     length == 16 ? STATUS_OK : STATUS_BAD_LENGTH,
                     length == 16 ? 0 : FIELD_ANSWER_BODY_HASH);
        if (length == 16)
            assert_int_equal(read.answer_body_hash[0], 0xab);
    }
    request.want_rspauth = false;
    struct wire_writer writer = write_all_but(&request, FIELD_ANSWER_BODY_HASH);
    fields_write(&writer, FIELD_ANSWER_BODY_HASH, "0123456789abcdef", 16);
    assert_fault(read_request(&writer), STATUS_UNKNOWN_FIELD, FIELD_ANSWER_BODY_HASH);
}

/* The terms of a request that HA1 is not computed from are not its fields. */
static void ha1_takes_the_challenge_alone(void **state)
{
    (void)state;
    static const enum field_tag others[] = {FIELD_METHOD, FIELD_DIGEST_URI, FIELD_QOP,
                                            FIELD_NC,     FIELD_CNONCE,     FIELD_BODY_HASH};
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++) {
        struct wire_writer writer = wire_writer_of(buffer, sizeof buffer);
        ha1_request_write(&writer, &register_auth.challenge);
        fields_write_text(&writer, others[i], "a");
        assert_fault(read_ha1(&writer), STATUS_UNKNOWN_FIELD, others[i]);
    }
}

static void a_refused_ha1_request_writes_nothing(void **state)
{
    (void)state;
    struct digest_challenge challenge;
    memset(&challenge, 0x6b, sizeof challenge);
    const struct digest_challenge before = challenge;
    struct wire_writer writer = wire_writer_of(buffer, sizeof buffer);
    fields_write_text(&writer, FIELD_USER_ID, "+15550107");
    fields_write_text(&writer, FIELD_ALGORITHM, "AKAv1-MD5");
    fields_write_text(&writer, FIELD_REALM, "a.example.com");
    fields_write_text(&writer, FIELD_NONCE, "a\"b");
    assert_fault(ha1_request_read(buffer, writer.used, &challenge), STATUS_BAD_VALUE, FIELD_NONCE);
    assert_memory_equal(&challenge, &before, sizeof challenge);
}

static void a_request_is_read_as_it_was_written(void **state)
{
    (void)state;
    struct digest_request requests[] = {register_auth, without_qop(),
                                        with_body_hash(ALGORITHM_AKAV2_MD5),
                                        with_body_hash(ALGORITHM_AKAV2_SHA_256)};
    memset(requests[1].challenge.username, 0, sizeof requests[1].challenge.username);
    requests[1].want_rspauth = false;
    requests[2].challenge.subscriber.by = FIELD_IMPI;
    for (size_t i = 0; i < sizeof requests / sizeof requests[0]; i++) {
        struct digest_request request;
        struct subscriber_name name = {.text = "stale"};
        struct wire_writer writer = wire_writer_of(buffer, sizeof buffer);
        digest_request_write(&writer, &requests[i]);
        assert_fault(digest_request_read(buffer, writer.used, &request), STATUS_OK, 0);
        assert_memory_equal(&request, &requests[i], sizeof request);
        assert_fault(request_check(MESSAGE_DIGEST, buffer, writer.used, &name), STATUS_OK, 0);
        assert_string_equal(name.text, "+15550107");
        assert_int_equal(name.by, requests[i].challenge.subscriber.by);
    }
}

static void an_ha1_request_is_read_as_it_was_written(void **state)
{
    (void)state;
    struct digest_challenge challenge;
    struct subscriber_name name = {.text = "stale"};
    struct wire_writer writer = wire_writer_of(buffer, sizeof buffer);
    ha1_request_write(&writer, &register_auth.challenge);
    assert_fault(ha1_request_read(buffer, writer.used, &challenge), STATUS_OK, 0);
    assert_memory_equal(&challenge, &register_auth.challenge, sizeof challenge);
    assert_fault(request_check(MESSAGE_HA1, buffer, writer.used, &name), STATUS_OK, 0);
    assert_string_equal(name.text, "+15550107");
    assert_fault(request_check(MESSAGE_DIGEST, buffer, writer.used, &name), STATUS_MISSING_FIELD,
                 FIELD_METHOD);
    assert_string_equal(name.text, "");
}

/* Tokens are compared without case (RFC 3261 25.1). */
static void names_of_algorithms_have_no_case(void **state)
{
    (void)state;
    assert_int_equal(digest_algorithm_from_name("akav2-sha-256"), ALGORITHM_AKAV2_SHA_256);
    assert_int_equal(digest_algorithm_from_name("AKAV1-MD5"), ALGORITHM_AKAV1_MD5);
    assert_int_equal(digest_algorithm_from_name(""), 0);
    assert_fault(read_with(&register_auth, FIELD_QOP, "AUTH"), STATUS_OK, 0);
    for (int i = ALGORITHM_AKAV1_MD5; i <= ALGORITHM_AKAV2_SHA_256; i++) {
        const char *name = digest_algorithm_name((enum digest_algorithm)i);
        assert_int_equal(digest_algorithm_from_name(name), i);
    }
}

/* The largest request there can be fits into a frame. */
static void the_largest_request_fits(void **state)
{
    (void)state;
    struct digest_request request = with_body_hash(ALGORITHM_AKAV2_SHA_256);
    struct digest_request read;
    request.challenge.subscriber.by = FIELD_IMPI;
    memset(request.challenge.subscriber.text, 'i', NAME_BYTES_MAX);
    memset(request.challenge.realm, 'r', NAME_BYTES_MAX);
    memset(request.challenge.username, 'u', NAME_BYTES_MAX);
    memset(request.challenge.nonce, 'n', NONCE_BYTES_MAX);
    memset(request.method, 'm', METHOD_BYTES_MAX);
    memset(request.uri, 'd', DIGEST_URI_BYTES_MAX);
    memset(request.cnonce, 'c', CNONCE_BYTES_MAX);
    struct wire_writer writer = wire_writer_of(buffer, sizeof buffer);
    digest_request_write(&writer, &request);
    assert_fault(digest_request_read(buffer, writer.used, &read), STATUS_OK, 0);
    assert_memory_equal(&read, &request, sizeof read);
    assert_true(writer.used <= FRAME_BODY_BYTES_MAX);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_request_cut_anywhere_is_refused),
        cmocka_unit_test(an_ha1_request_cut_anywhere_is_refused),
        cmocka_unit_test(each_field_is_needed),
        cmocka_unit_test(qop_says_which_fields_there_are),
        cmocka_unit_test(an_algorithm_or_qop_that_is_not_known_is_refused),
        cmocka_unit_test(ha1_is_of_aka_alone),
        cmocka_unit_test(a_sip_digest_takes_any_nonce),
        cmocka_unit_test(nc_is_eight_hex_digits),
        cmocka_unit_test(no_text_can_break_out_of_a_header),
        cmocka_unit_test(no_text_is_empty_or_has_a_nul),
        cmocka_unit_test(a_body_hash_is_as_long_as_the_algorithms),
        cmocka_unit_test(a_text_may_have_its_greatest_length),
        cmocka_unit_test(a_subscriber_is_named_once),
        cmocka_unit_test(want_rspauth_is_no_or_yes),
        cmocka_unit_test(the_answers_body_goes_with_rspauth),
        cmocka_unit_test(ha1_takes_the_challenge_alone),
        cmocka_unit_test(a_refused_ha1_request_writes_nothing),
        cmocka_unit_test(a_request_is_read_as_it_was_written),
        cmocka_unit_test(an_ha1_request_is_read_as_it_was_written),
        cmocka_unit_test(names_of_algorithms_have_no_case),
        cmocka_unit_test(the_largest_request_fits),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
