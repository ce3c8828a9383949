#include "hex.h"

/* -1 when it is no hex digit. */
static int digit_value(char digit)
{
    if (digit >= '0' && digit <= '9')
        return digit - '0';
    if (digit >= 'a' && digit <= 'f')
        return digit - 'a' + 10;
    if (digit >= 'A' && digit <= 'F')
        return digit - 'A' + 10;
    return -1;
}

bool hex_decode(const char *text, size_t length, uint8_t *out_bytes, size_t octets)
{
    if (length != 2 * octets)
        return false;
    for (size_t i = 0; i < length; i++) {
        if (digit_value(text[i]) < 0)
            return false;
    }
    for (size_t i = 0; i < octets; i++)
        out_bytes[i] = (uint8_t)(digit_value(text[2 * i]) << 4 | digit_value(text[2 * i + 1]));
    return true;
}

void hex_encode(const uint8_t *bytes, size_t octets, char *out_text)
{
    static const char digits[] = "0123456789abcdef";
    for (size_t i = 0; i < octets; i++) {
        out_text[2 * i] = digits[bytes[i] >> 4];
        out_text[2 * i + 1] = digits[bytes[i] & 0x0f];
    }
    out_text[2 * octets] = '\0';
}
