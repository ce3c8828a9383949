#include "digest_message.h"

#include <assert.h>
#include <string.h>
#include <strings.h>

#include "hex.h"
#include "text.h"

#define NC_DIGITS 8

static const struct fault no_fault = {STATUS_OK, 0};

static const struct {
    enum digest_algorithm algorithm;
    const char *name;
    size_t hash_bytes;
} algorithms[] = {
    {ALGORITHM_AKAV1_MD5, "AKAv1-MD5", 16},
    {ALGORITHM_AKAV2_MD5, "AKAv2-MD5", 16},
    {ALGORITHM_AKAV2_SHA_256, "AKAv2-SHA-256", 32},
    {ALGORITHM_MD5, "MD5", 16},
    {ALGORITHM_SHA_256, "SHA-256", 32},
    {ALGORITHM_SHA_512_256, "SHA-512-256", 32},
};
#define ALGORITHMS (sizeof algorithms / sizeof algorithms[0])

static const char *const protection_names[] = {
    [PROTECTION_AUTH] = "auth",
    [PROTECTION_AUTH_INT] = "auth-int",
};

enum digest_algorithm digest_algorithm_from_name(const char *name)
{
    for (size_t i = 0; i < ALGORITHMS; i++) {
        if (strcasecmp(algorithms[i].name, name) == 0)
            return algorithms[i].algorithm;
    }
    return (enum digest_algorithm)0;
}

const char *digest_algorithm_name(enum digest_algorithm algorithm)
{
    assert(algorithm >= 1 && algorithm <= ALGORITHMS);
    return algorithms[algorithm - 1].name;
}

bool digest_algorithm_is_aka(enum digest_algorithm algorithm)
{
    return algorithm <= ALGORITHM_AKAV2_SHA_256;
}

size_t digest_algorithm_hash_bytes(enum digest_algorithm algorithm)
{
    assert(algorithm >= 1 && algorithm <= ALGORITHMS);
    return algorithms[algorithm - 1].hash_bytes;
}

/* Every text of a digest request ends up between quotes. out_text stays empty without the field. */
static struct fault take_text(const struct fields *fields, enum field_tag tag, char *out_text,
                              size_t room)
{
    const struct field *field = fields_find(fields, tag, 0);
    if (field == NULL)
        return no_fault;
    if (!text_is_quotable((const char *)field->bytes, field->length))
        return (struct fault){STATUS_BAD_VALUE, (uint16_t)tag};
    if (field->length >= room)
        return (struct fault){STATUS_BAD_LENGTH, (uint16_t)tag};
    field_copy_text(field, out_text, room);
    return no_fault;
}

static struct fault take_algorithm(const struct fields *fields, enum digest_algorithm *out)
{
    char name[32 + 1] = "";
    struct fault fault = take_text(fields, FIELD_ALGORITHM, name, sizeof name);
    if (fault.status != STATUS_OK)
        return fault;
    *out = digest_algorithm_from_name(name);
    return *out != 0 ? no_fault : (struct fault){STATUS_BAD_VALUE, FIELD_ALGORITHM};
}

static struct fault take_challenge(const struct fields *fields, struct digest_challenge *out)
{
    struct fault fault = subscriber_name_read(fields, &out->subscriber);
    if (fault.status == STATUS_OK)
        fault = take_algorithm(fields, &out->algorithm);
    if (fault.status == STATUS_OK)
        fault = take_text(fields, FIELD_REALM, out->realm, sizeof out->realm);
    if (fault.status == STATUS_OK)
        fault = take_text(fields, FIELD_USERNAME, out->username, sizeof out->username);
    if (fault.status == STATUS_OK)
        fault = take_text(fields, FIELD_NONCE, out->nonce, sizeof out->nonce);
    return fault;
}

static struct fault take_protection(const struct fields *fields, enum digest_protection *out)
{
    char name[16 + 1] = "";
    struct fault fault = take_text(fields, FIELD_QOP, name, sizeof name);
    if (fault.status != STATUS_OK)
        return fault;
    *out = PROTECTION_NONE;
    if (name[0] == '\0')
        return no_fault;
    for (size_t i = PROTECTION_AUTH; i <= PROTECTION_AUTH_INT; i++) {
        if (strcasecmp(name, protection_names[i]) == 0)
            *out = (enum digest_protection)i;
    }
    return *out != PROTECTION_NONE ? no_fault : (struct fault){STATUS_BAD_VALUE, FIELD_QOP};
}

/* The field stands there exactly when qop asks for it (RFC 7616 3.4). */
static struct fault check_presence(const struct fields *fields, enum field_tag tag, bool wanted)
{
    bool there = fields_find(fields, tag, 0) != NULL;
    if (there == wanted)
        return no_fault;
    return (struct fault){wanted ? STATUS_MISSING_FIELD : STATUS_UNKNOWN_FIELD, (uint16_t)tag};
}

static struct fault take_count(const struct fields *fields, struct digest_request *out)
{
    bool wanted = out->protection != PROTECTION_NONE;
    struct fault fault = check_presence(fields, FIELD_NC, wanted);
    if (fault.status == STATUS_OK)
        fault = check_presence(fields, FIELD_CNONCE, wanted);
    if (fault.status == STATUS_OK)
        fault = take_text(fields, FIELD_NC, out->nc, sizeof out->nc);
    if (fault.status == STATUS_OK)
        fault = take_text(fields, FIELD_CNONCE, out->cnonce, sizeof out->cnonce);
    if (fault.status != STATUS_OK || !wanted)
        return fault;
    if (strlen(out->nc) != NC_DIGITS)
        return (struct fault){STATUS_BAD_LENGTH, FIELD_NC};
    if (strspn(out->nc, "0123456789abcdefABCDEF") != NC_DIGITS)
        return (struct fault){STATUS_BAD_VALUE, FIELD_NC};
    return no_fault;
}

/* As long as the algorithm's hash. Nothing without the field. */
static struct fault take_octets(const struct fields *fields, enum field_tag tag,
                                enum digest_algorithm algorithm,
                                uint8_t out_hash[BODY_HASH_BYTES_MAX], size_t *out_bytes)
{
    const struct field *field = fields_find(fields, tag, 0);
    if (field == NULL)
        return no_fault;
    if (field->length != digest_algorithm_hash_bytes(algorithm))
        return (struct fault){STATUS_BAD_LENGTH, (uint16_t)tag};
    *out_bytes = field->length;
    memcpy(out_hash, field->bytes, field->length);
    return no_fault;
}

static struct fault take_body_hash(const struct fields *fields, struct digest_request *out)
{
    struct fault fault =
        check_presence(fields, FIELD_BODY_HASH, out->protection == PROTECTION_AUTH_INT);
    if (fault.status != STATUS_OK)
        return fault;
    return take_octets(fields, FIELD_BODY_HASH, out->challenge.algorithm, out->body_hash,
                       &out->body_hash_bytes);
}

/* rspauth, and what it is over: the answer's body is part of it with auth-int alone. */
static struct fault take_rspauth(const struct fields *fields, struct digest_request *out)
{
    const struct field *rspauth = fields_find(fields, FIELD_WANT_RSPAUTH, 0);
    if (rspauth != NULL && field_number(rspauth) > 1)
        return (struct fault){STATUS_BAD_VALUE, FIELD_WANT_RSPAUTH};
    out->want_rspauth = rspauth != NULL && field_number(rspauth) == 1;
    if (fields_find(fields, FIELD_ANSWER_BODY_HASH, 0) != NULL &&
        (!out->want_rspauth || out->protection != PROTECTION_AUTH_INT))
        return (struct fault){STATUS_UNKNOWN_FIELD, FIELD_ANSWER_BODY_HASH};
    return take_octets(fields, FIELD_ANSWER_BODY_HASH, out->challenge.algorithm,
                       out->answer_body_hash, &out->answer_body_hash_bytes);
}

static struct fault take_request(const struct fields *fields, struct digest_request *out)
{
    struct fault fault = take_challenge(fields, &out->challenge);
    if (fault.status == STATUS_OK)
        fault = take_text(fields, FIELD_METHOD, out->method, sizeof out->method);
    if (fault.status == STATUS_OK)
        fault = take_text(fields, FIELD_DIGEST_URI, out->uri, sizeof out->uri);
    if (fault.status == STATUS_OK)
        fault = take_protection(fields, &out->protection);
    if (fault.status == STATUS_OK)
        fault = take_count(fields, out);
    if (fault.status == STATUS_OK)
        fault = take_body_hash(fields, out);
    return fault.status == STATUS_OK ? take_rspauth(fields, out) : fault;
}

struct fault digest_request_read(const uint8_t *body, size_t body_bytes, struct digest_request *out)
{
    struct fields fields;
    *out = (struct digest_request){0}; /* too large for a second one on the stack */
    struct fault fault = fields_read(MESSAGE_DIGEST, BODY_REQUEST, body, body_bytes, &fields);
    return fault.status == STATUS_OK ? take_request(&fields, out) : fault;
}

static void write_challenge(struct wire_writer *writer, const struct digest_challenge *challenge)
{
    fields_write_text(writer, challenge->subscriber.by, challenge->subscriber.text);
    fields_write_text(writer, FIELD_ALGORITHM, digest_algorithm_name(challenge->algorithm));
    fields_write_text(writer, FIELD_REALM, challenge->realm);
    fields_write_text(writer, FIELD_NONCE, challenge->nonce);
    if (challenge->username[0] != '\0')
        fields_write_text(writer, FIELD_USERNAME, challenge->username);
}

void digest_request_write(struct wire_writer *writer, const struct digest_request *request)
{
    write_challenge(writer, &request->challenge);
    fields_write_text(writer, FIELD_METHOD, request->method);
    fields_write_text(writer, FIELD_DIGEST_URI, request->uri);
    if (request->protection != PROTECTION_NONE) {
        fields_write_text(writer, FIELD_QOP, protection_names[request->protection]);
        fields_write_text(writer, FIELD_NC, request->nc);
        fields_write_text(writer, FIELD_CNONCE, request->cnonce);
    }
    if (request->protection == PROTECTION_AUTH_INT)
        fields_write(writer, FIELD_BODY_HASH, request->body_hash, request->body_hash_bytes);
    if (request->want_rspauth)
        fields_write_number(writer, FIELD_WANT_RSPAUTH, 1, 1);
    if (request->answer_body_hash_bytes != 0)
        fields_write(writer, FIELD_ANSWER_BODY_HASH, request->answer_body_hash,
                     request->answer_body_hash_bytes);
}

/* A hash in hex and nothing else: a client puts it between quotes. Nothing without the field. */
static struct fault take_hash(const struct fields *fields, enum field_tag tag,
                              char out_text[DIGEST_HEX_BYTES_MAX + 1])
{
    uint8_t octets[DIGEST_HEX_BYTES_MAX / 2];
    const struct field *field = fields_find(fields, tag, 0);
    if (field == NULL)
        return no_fault;
    if (field->length != 32 && field->length != 64)
        return (struct fault){STATUS_BAD_LENGTH, (uint16_t)tag};
    bool is_hex = hex_decode((const char *)field->bytes, field->length, octets, field->length / 2);
    secret_wipe(octets, sizeof octets);
    if (!is_hex)
        return (struct fault){STATUS_BAD_VALUE, (uint16_t)tag};
    field_copy_text(field, out_text, DIGEST_HEX_BYTES_MAX + 1);
    return no_fault;
}

static void take_auts(const struct fields *fields, uint8_t out_auts[AUTS_BYTES])
{
    const struct field *auts = fields_find(fields, FIELD_AUTS, 0);
    if (auts != NULL)
        memcpy(out_auts, auts->bytes, AUTS_BYTES);
}

struct fault digest_answer_read(enum status status, const uint8_t *body, size_t body_bytes,
                                struct digest_answer *out)
{
    struct fields fields;
    enum body_kind kind = body_kind_of_answer((uint8_t)status);
    assert(kind != BODY_ANSWER_FAILURE);
    struct digest_answer answer = {0};
    struct fault fault = fields_read(MESSAGE_DIGEST, kind, body, body_bytes, &fields);
    if (fault.status == STATUS_OK)
        fault = take_hash(&fields, FIELD_RESPONSE, answer.response);
    if (fault.status == STATUS_OK)
        fault = take_hash(&fields, FIELD_RSPAUTH, answer.rspauth);
    if (fault.status != STATUS_OK)
        return fault;
    take_auts(&fields, answer.auts);
    *out = answer;
    return no_fault;
}

void digest_answer_write(struct wire_writer *writer, enum status status,
                         const struct digest_answer *answer)
{
    if (status == STATUS_SYNC_FAILURE)
        fields_write(writer, FIELD_AUTS, answer->auts, sizeof answer->auts);
    fields_write_text(writer, FIELD_RESPONSE, answer->response);
    if (status == STATUS_OK && answer->rspauth[0] != '\0')
        fields_write_text(writer, FIELD_RSPAUTH, answer->rspauth);
}

struct fault ha1_request_read(const uint8_t *body, size_t body_bytes, struct digest_challenge *out)
{
    struct fields fields;
    struct digest_challenge challenge = {0};
    struct fault fault = fields_read(MESSAGE_HA1, BODY_REQUEST, body, body_bytes, &fields);
    if (fault.status == STATUS_OK)
        fault = take_challenge(&fields, &challenge);
    if (fault.status == STATUS_OK && !digest_algorithm_is_aka(challenge.algorithm))
        fault = (struct fault){STATUS_BAD_VALUE, FIELD_ALGORITHM};
    if (fault.status == STATUS_OK)
        *out = challenge;
    return fault;
}

void ha1_request_write(struct wire_writer *writer, const struct digest_challenge *challenge)
{
    write_challenge(writer, challenge);
}

struct fault ha1_answer_read(enum status status, const uint8_t *body, size_t body_bytes,
                             struct ha1_answer *out)
{
    struct fields fields;
    enum body_kind kind = body_kind_of_answer((uint8_t)status);
    assert(kind != BODY_ANSWER_FAILURE);
    ERASED(ha1_answer) struct ha1_answer answer = {0};
    struct fault fault = fields_read(MESSAGE_HA1, kind, body, body_bytes, &fields);
    if (fault.status == STATUS_OK)
        fault = take_hash(&fields, FIELD_HA1_HASH, answer.hash);
    if (fault.status != STATUS_OK)
        return fault;
    take_auts(&fields, answer.auts);
    *out = answer;
    return no_fault;
}

void ha1_answer_write(struct wire_writer *writer, enum status status,
                      const struct ha1_answer *answer)
{
    if (status == STATUS_SYNC_FAILURE)
        fields_write(writer, FIELD_AUTS, answer->auts, sizeof answer->auts);
    else
        fields_write_text(writer, FIELD_HA1_HASH, answer->hash);
}
