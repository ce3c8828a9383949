/*
 * A frame from a stranger, as the front, a keeper and a client read it. What was read is written
 * and read again, and must be the same.
 *
 * Must reach: frame_header_read, frame_check_request, request_check, fields_read, text_is_clean,
 * text_is_quotable, ping_read, identity_request_read, authenticate_request_read,
 * digest_request_read, ha1_request_read, hello_read, identity_read, authenticate_answer_read,
 * digest_answer_read, ha1_answer_read, gba_bootstrap_request_read, gba_store_request_read,
 * gba_naf_request_read, gba_bootstrap_answer_read, gba_naf_answer_read, failure_read.
 */
#include <assert.h>
#include <string.h>

#include "digest_message.h"
#include "fuzz.h"
#include "gba_message.h"
#include "request.h"
#include "text.h"

static uint8_t buffer[FRAME_BYTES_MAX];
static uint8_t again[FRAME_BYTES_MAX];

static bool is_ok(struct fault fault)
{
    assert(status_class((uint8_t)fault.status) == STATUS_CLASS_FIX || fault.status == STATUS_OK);
    assert(fault.status != STATUS_OK || fault.at_field == 0);
    return fault.status == STATUS_OK;
}

static void read_request(uint8_t type, const uint8_t *body, size_t length)
{
    struct subscriber_name name;
    if (!is_ok(request_check(type, body, length, &name)))
        return;
    assert(type == MESSAGE_PING || name.by == FIELD_USER_ID || name.by == FIELD_IMPI);
    assert((name.text[0] == '\0') == (type == MESSAGE_PING));
}

static void read_challenge(const uint8_t *body, size_t length)
{
    static struct authenticate_request first;
    static struct authenticate_request second;
    struct wire_writer writer = wire_writer_of(buffer, sizeof buffer);
    if (!is_ok(authenticate_request_read(body, length, &first)))
        return;
    authenticate_request_write(&writer, &first);
    assert(!writer.failed && is_ok(authenticate_request_read(buffer, writer.used, &second)));
    assert(memcmp(&first, &second, sizeof first) == 0);
}

static void read_identity_request(const uint8_t *body, size_t length)
{
    struct subscriber_name first;
    struct subscriber_name second;
    struct wire_writer writer = wire_writer_of(buffer, sizeof buffer);
    if (!is_ok(identity_request_read(body, length, &first)))
        return;
    identity_request_write(&writer, &first);
    assert(!writer.failed && is_ok(identity_request_read(buffer, writer.used, &second)));
    assert(first.by == second.by && strcmp(first.text, second.text) == 0);
}

static void assert_same(const struct wire_writer *first, const struct wire_writer *second)
{
    assert(!first->failed && !second->failed && first->used == second->used);
    assert(memcmp(first->start, second->start, first->used) == 0);
}

/* Compared as written, as are some below: the structs have gaps. */
static void read_digest_request(const uint8_t *body, size_t length)
{
    static struct digest_request request;
    struct wire_writer first = wire_writer_of(buffer, sizeof buffer);
    struct wire_writer second = wire_writer_of(again, sizeof again);
    if (!is_ok(digest_request_read(body, length, &request)))
        return;
    assert(text_is_quotable(request.uri, strlen(request.uri)));
    digest_request_write(&first, &request);
    assert(is_ok(digest_request_read(buffer, first.used, &request)));
    digest_request_write(&second, &request);
    assert_same(&first, &second);
}

static void read_ha1_request(const uint8_t *body, size_t length)
{
    static struct digest_challenge challenge;
    struct wire_writer first = wire_writer_of(buffer, sizeof buffer);
    struct wire_writer second = wire_writer_of(again, sizeof again);
    if (!is_ok(ha1_request_read(body, length, &challenge)))
        return;
    assert(text_is_quotable(challenge.nonce, strlen(challenge.nonce)));
    ha1_request_write(&first, &challenge);
    assert(is_ok(ha1_request_read(buffer, first.used, &challenge)));
    ha1_request_write(&second, &challenge);
    assert_same(&first, &second);
}

static void read_gba_bootstrap_request(const uint8_t *body, size_t length)
{
    struct gba_bootstrap_request request;
    struct wire_writer first = wire_writer_of(buffer, sizeof buffer);
    struct wire_writer second = wire_writer_of(again, sizeof again);
    if (!is_ok(gba_bootstrap_request_read(body, length, &request)))
        return;
    gba_bootstrap_request_write(&first, &request);
    assert(is_ok(gba_bootstrap_request_read(buffer, first.used, &request)));
    gba_bootstrap_request_write(&second, &request);
    assert_same(&first, &second);
}

static void read_gba_store_request(const uint8_t *body, size_t length)
{
    struct gba_store_request request;
    struct wire_writer first = wire_writer_of(buffer, sizeof buffer);
    struct wire_writer second = wire_writer_of(again, sizeof again);
    if (!is_ok(gba_store_request_read(body, length, &request)))
        return;
    gba_store_request_write(&first, &request);
    assert(is_ok(gba_store_request_read(buffer, first.used, &request)));
    gba_store_request_write(&second, &request);
    assert_same(&first, &second);
}

static void read_gba_naf_request(const uint8_t *body, size_t length)
{
    struct gba_naf_request request;
    struct wire_writer first = wire_writer_of(buffer, sizeof buffer);
    struct wire_writer second = wire_writer_of(again, sizeof again);
    if (!is_ok(gba_naf_request_read(body, length, &request)))
        return;
    gba_naf_request_write(&first, &request);
    assert(is_ok(gba_naf_request_read(buffer, first.used, &request)));
    gba_naf_request_write(&second, &request);
    assert_same(&first, &second);
}

static void read_gba_naf_answer(const uint8_t *body, size_t length)
{
    struct gba_naf_answer answer;
    struct wire_writer first = wire_writer_of(buffer, sizeof buffer);
    struct wire_writer second = wire_writer_of(again, sizeof again);
    if (!is_ok(gba_naf_answer_read(body, length, &answer)))
        return;
    gba_naf_answer_write(&first, &answer);
    assert(is_ok(gba_naf_answer_read(buffer, first.used, &answer)));
    gba_naf_answer_write(&second, &answer);
    assert_same(&first, &second);
}

static void read_hello(const uint8_t *body, size_t length)
{
    struct hello hello;
    struct wire_writer first = wire_writer_of(buffer, sizeof buffer);
    struct wire_writer second = wire_writer_of(again, sizeof again);
    if (!is_ok(hello_read(body, length, &hello)))
        return;
    hello_write(&first, &hello);
    assert(is_ok(hello_read(buffer, first.used, &hello)));
    hello_write(&second, &hello);
    assert_same(&first, &second);
}

static void read_identity(const uint8_t *body, size_t length)
{
    static struct identity first;
    static struct identity second;
    struct wire_writer writer = wire_writer_of(buffer, sizeof buffer);
    memset(&first, 0, sizeof first);
    memset(&second, 0, sizeof second);
    if (!is_ok(identity_read(body, length, &first)))
        return;
    identity_write(&writer, &first);
    assert(!writer.failed && is_ok(identity_read(buffer, writer.used, &second)));
    /* Written as the texts are, whatever the body said. */
    memcpy(first.p_cscf_kinds, second.p_cscf_kinds, sizeof first.p_cscf_kinds);
    assert(memcmp(&first, &second, sizeof first) == 0);
}

static void read_answer(enum status status, const uint8_t *body, size_t length)
{
    struct authenticate_answer first;
    struct authenticate_answer second;
    struct wire_writer writer = wire_writer_of(buffer, sizeof buffer);
    if (!is_ok(authenticate_answer_read(status, body, length, &first)))
        return;
    authenticate_answer_write(&writer, status, &first);
    assert(!writer.failed && is_ok(authenticate_answer_read(status, buffer, writer.used, &second)));
    assert(memcmp(&first, &second, sizeof first) == 0);
}

static void read_digest_answer(enum status status, const uint8_t *body, size_t length)
{
    struct digest_answer first;
    struct digest_answer second;
    struct wire_writer writer = wire_writer_of(buffer, sizeof buffer);
    if (!is_ok(digest_answer_read(status, body, length, &first)))
        return;
    digest_answer_write(&writer, status, &first);
    assert(!writer.failed && is_ok(digest_answer_read(status, buffer, writer.used, &second)));
    assert(memcmp(&first, &second, sizeof first) == 0);
}

static void read_ha1_answer(enum status status, const uint8_t *body, size_t length)
{
    struct ha1_answer first;
    struct ha1_answer second;
    struct wire_writer writer = wire_writer_of(buffer, sizeof buffer);
    if (!is_ok(ha1_answer_read(status, body, length, &first)))
        return;
    ha1_answer_write(&writer, status, &first);
    assert(!writer.failed && is_ok(ha1_answer_read(status, buffer, writer.used, &second)));
    assert(memcmp(&first, &second, sizeof first) == 0);
}

static void read_gba_bootstrap_answer(enum status status, const uint8_t *body, size_t length)
{
    struct gba_bootstrap_answer first;
    struct gba_bootstrap_answer second;
    struct wire_writer writer = wire_writer_of(buffer, sizeof buffer);
    if (!is_ok(gba_bootstrap_answer_read(status, body, length, &first)))
        return;
    gba_bootstrap_answer_write(&writer, status, &first);
    assert(!writer.failed &&
           is_ok(gba_bootstrap_answer_read(status, buffer, writer.used, &second)));
    assert(memcmp(&first, &second, sizeof first) == 0);
}

static void read_answers(const uint8_t *body, size_t length)
{
    static const enum status statuses[] = {STATUS_OK, STATUS_SYNC_FAILURE};
    for (size_t i = 0; i < 2; i++) {
        read_answer(statuses[i], body, length);
        read_digest_answer(statuses[i], body, length);
        read_ha1_answer(statuses[i], body, length);
        read_gba_bootstrap_answer(statuses[i], body, length);
    }
}

static void read_header(const struct frame_header *header, const uint8_t *bytes)
{
    frame_header_write(header, again);
    assert(memcmp(again, bytes, FRAME_HEADER_BYTES) == 0);
    if (frame_check_request(header) == STATUS_OK)
        assert(header->body_bytes <= FRAME_BODY_BYTES_MAX && message_name(header->type) != NULL);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
    struct wire_reader reader = wire_reader_of(bytes, length);
    const uint8_t *head = wire_read_bytes(&reader, FRAME_HEADER_BYTES);
    if (head == NULL || reader.left > FRAME_BODY_BYTES_MAX)
        return 0;
    struct frame_header header = frame_header_read(head);
    size_t left = reader.left;
    const uint8_t *body = wire_read_bytes(&reader, left);
    read_header(&header, head);
    read_request(header.type, body, left);
    read_challenge(body, left);
    read_digest_request(body, left);
    read_ha1_request(body, left);
    read_gba_bootstrap_request(body, left);
    read_gba_store_request(body, left);
    read_gba_naf_request(body, left);
    read_gba_naf_answer(body, left);
    read_identity_request(body, left);
    read_hello(body, left);
    read_identity(body, left);
    read_answers(body, left);
    (void)failure_read(body, left);
    return 0;
}
