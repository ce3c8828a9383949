#include "request.h"

#include "card_message.h"
#include "digest_message.h"
#include "file_message.h"
#include "gba_message.h"

/* A request whose subscriber is among other things. */
union named_request {
    struct authenticate_request authenticate;
    struct digest_request digest;
    struct digest_challenge ha1;
    struct file_request file;
    struct apdu_request apdu;
    struct gba_bootstrap_request gba_bootstrap;
    struct gba_naf_request gba_naf;
    struct gba_store_request gba_store;
};

/* An APDU may hold a PIN. */
static void named_request_erase(union named_request *request)
{
    secret_wipe(request, sizeof *request);
}

static struct fault check_named(uint8_t type, const uint8_t *body, size_t body_bytes,
                                struct subscriber_name *out)
{
    ERASED(named_request) union named_request request;
    const struct subscriber_name *subscriber = NULL;
    struct fault fault = {STATUS_UNKNOWN_MESSAGE, 0};
    switch (type) {
    case MESSAGE_AUTHENTICATE:
        fault = authenticate_request_read(body, body_bytes, &request.authenticate);
        subscriber = &request.authenticate.subscriber;
        break;
    case MESSAGE_DIGEST:
        fault = digest_request_read(body, body_bytes, &request.digest);
        subscriber = &request.digest.challenge.subscriber;
        break;
    case MESSAGE_HA1:
        fault = ha1_request_read(body, body_bytes, &request.ha1);
        subscriber = &request.ha1.subscriber;
        break;
    case MESSAGE_READ_FILE:
        fault = file_request_read(body, body_bytes, &request.file);
        subscriber = &request.file.subscriber;
        break;
    case MESSAGE_APDU:
        fault = apdu_request_read(body, body_bytes, &request.apdu);
        subscriber = &request.apdu.subscriber;
        break;
    case MESSAGE_GBA_BOOTSTRAP:
        fault = gba_bootstrap_request_read(body, body_bytes, &request.gba_bootstrap);
        subscriber = &request.gba_bootstrap.subscriber;
        break;
    case MESSAGE_GBA_NAF:
        fault = gba_naf_request_read(body, body_bytes, &request.gba_naf);
        subscriber = &request.gba_naf.subscriber;
        break;
    case MESSAGE_GBA_STORE:
        fault = gba_store_request_read(body, body_bytes, &request.gba_store);
        subscriber = &request.gba_store.subscriber;
        break;
    default:
        break;
    }
    if (fault.status == STATUS_OK)
        *out = *subscriber;
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
    case MESSAGE_CARD_RESET:
    case MESSAGE_CARD_OFF:
        return card_request_read((enum message_type)type, body, body_bytes, out);
    default:
        return check_named(type, body, body_bytes, out);
    }
}
