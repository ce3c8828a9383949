#include "pin_credential.h"

#include <string.h>
#include <sys/random.h>

#define DIGITS_MIN 4

/* What the HMAC is of. A record that the same key seals begins otherwise. */
struct pin_text {
    uint8_t magic[4];
    uint8_t salt[PIN_SALT_BYTES];
    struct secret64 pin;
};

static void pin_text_erase(struct pin_text *text)
{
    secret_wipe(text, sizeof *text);
}

bool pin_encode(const char *text, size_t length, struct secret64 *out_pin)
{
    if (length < DIGITS_MIN || length > sizeof out_pin->bytes)
        return false;
    memset(out_pin->bytes, 0xff, sizeof out_pin->bytes);
    for (size_t i = 0; i < length; i++) {
        if (text[i] < '0' || text[i] > '9')
            return false;
        out_pin->bytes[i] = (uint8_t)text[i];
    }
    return true;
}

static enum hsm_result mac_of(struct token *token, const uint8_t salt[PIN_SALT_BYTES],
                              const struct secret64 *pin, uint8_t out_mac[TOKEN_MAC_BYTES])
{
    ERASED(pin_text) struct pin_text text = {.magic = {'P', 'I', 'N', '1'}};
    _Static_assert(sizeof text == sizeof text.magic + PIN_SALT_BYTES + sizeof *pin, "no gaps");
    memcpy(text.salt, salt, sizeof text.salt);
    text.pin = *pin;
    return token_mac(token, (const uint8_t *)&text, sizeof text, out_mac);
}

enum hsm_result pin_credential_make(struct token *token, const struct secret64 *pin,
                                    struct pin_credential *out)
{
    if (getrandom(out->salt, sizeof out->salt, 0) != (ssize_t)sizeof out->salt)
        return HSM_REFUSED;
    out->is_set = true;
    return mac_of(token, out->salt, pin, out->mac);
}

enum hsm_result pin_credential_check(struct token *token, const struct pin_credential *credential,
                                     const struct secret64 *pin, bool *out_is_right)
{
    uint8_t mac[TOKEN_MAC_BYTES] = {0};
    enum hsm_result rc = mac_of(token, credential->salt, pin, mac);
    *out_is_right = rc == HSM_OK && secret_equal(mac, credential->mac, sizeof mac);
    secret_wipe(mac, sizeof mac);
    return rc;
}

void pin_credential_write(struct wire_writer *writer, const struct pin_credential *credential)
{
    if (!credential->is_set)
        return;
    wire_write_number(writer, PIN_CREDENTIAL_TAG, 1);
    wire_write_number(writer, PIN_CREDENTIAL_BYTES, 2);
    wire_write_bytes(writer, credential->salt, sizeof credential->salt);
    wire_write_bytes(writer, credential->mac, sizeof credential->mac);
}

bool pin_credential_read(struct wire_reader *value, struct pin_credential *out)
{
    const uint8_t *salt = wire_read_bytes(value, sizeof out->salt);
    const uint8_t *mac = wire_read_bytes(value, sizeof out->mac);
    if (out->is_set || salt == NULL || mac == NULL)
        return false;
    out->is_set = true;
    memcpy(out->salt, salt, sizeof out->salt);
    memcpy(out->mac, mac, sizeof out->mac);
    return true;
}
