#include "request.h"

#include "card_message.h"
#include "digest_message.h"
#include "file_message.h"
#include "gba_message.h"

static struct fault check_authenticate(const uint8_t *body, size_t body_bytes,
                                       struct subscriber_name *out)
{
    struct authenticate_request request;
    struct fault fault = authenticate_request_read(body, body_bytes, &request);
    if (fault.status == STATUS_OK)
        *out = request.subscriber;
    return fault;
}

static struct fault check_digest(const uint8_t *body, size_t body_bytes,
                                 struct subscriber_name *out)
{
    struct digest_request request;
    struct fault fault = digest_request_read(body, body_bytes, &request);
    if (fault.status == STATUS_OK)
        *out = request.challenge.subscriber;
    return fault;
}

static struct fault check_ha1(const uint8_t *body, size_t body_bytes, struct subscriber_name *out)
{
    struct digest_challenge challenge;
    struct fault fault = ha1_request_read(body, body_bytes, &challenge);
    if (fault.status == STATUS_OK)
        *out = challenge.subscriber;
    return fault;
}

static struct fault check_gba_bootstrap(const uint8_t *body, size_t body_bytes,
                                        struct subscriber_name *out)
{
    struct gba_bootstrap_request request;
    struct fault fault = gba_bootstrap_request_read(body, body_bytes, &request);
    if (fault.status == STATUS_OK)
        *out = request.subscriber;
    return fault;
}

static struct fault check_gba_naf(const uint8_t *body, size_t body_bytes,
                                  struct subscriber_name *out)
{
    struct gba_naf_request request;
    struct fault fault = gba_naf_request_read(body, body_bytes, &request);
    if (fault.status == STATUS_OK)
        *out = request.subscriber;
    return fault;
}

static struct fault check_gba_store(const uint8_t *body, size_t body_bytes,
                                    struct subscriber_name *out)
{
    struct gba_store_request request;
    struct fault fault = gba_store_request_read(body, body_bytes, &request);
    if (fault.status == STATUS_OK)
        *out = request.subscriber;
    return fault;
}

static struct fault check_apdu(const uint8_t *body, size_t body_bytes, struct subscriber_name *out)
{
    ERASED(apdu_request) struct apdu_request request;
    struct fault fault = apdu_request_read(body, body_bytes, &request);
    if (fault.status == STATUS_OK)
        *out = request.subscriber;
    return fault;
}

static struct fault check_file(const uint8_t *body, size_t body_bytes, struct subscriber_name *out)
{
    struct file_request request;
    struct fault fault = file_request_read(body, body_bytes, &request);
    if (fault.status == STATUS_OK)
        *out = request.subscriber;
    return fault;
}

struct fault request_check(uint8_t type, const uint8_t *body, size_t body_bytes,
                           struct subscriber_name *out)
{
    out->text[0] = '\0';
    switch (type) {
    case MESSAGE_PING:
        return ping_read(body, body_bytes);
    case MESSAGE_IDENTITY:
        return identity_request_read(body, body_bytes, out);
    case MESSAGE_AUTHENTICATE:
        return check_authenticate(body, body_bytes, out);
    case MESSAGE_DIGEST:
        return check_digest(body, body_bytes, out);
    case MESSAGE_HA1:
        return check_ha1(body, body_bytes, out);
    case MESSAGE_GBA_BOOTSTRAP:
        return check_gba_bootstrap(body, body_bytes, out);
    case MESSAGE_GBA_NAF:
        return check_gba_naf(body, body_bytes, out);
    case MESSAGE_GBA_STORE:
        return check_gba_store(body, body_bytes, out);
    case MESSAGE_APDU:
        return check_apdu(body, body_bytes, out);
    case MESSAGE_CARD_RESET:
    case MESSAGE_CARD_OFF:
        return card_request_read((enum message_type)type, body, body_bytes, out);
    case MESSAGE_READ_FILE:
        return check_file(body, body_bytes, out);
    default:
        return (struct fault){STATUS_UNKNOWN_MESSAGE, 0};
    }
}
