#include "text.h"

#include <stdint.h>
#include <string.h>

/* The bytes of the sequence at `at` (RFC 3629, shortest form only), 0 if not well formed. */
static size_t sequence_length(const uint8_t *at, size_t left)
{
    static const uint32_t least_of[] = {0, 0, 0x80, 0x800, 0x10000};
    size_t length = at[0] < 0x80 ? 1 : at[0] >> 5 == 6 ? 2 : at[0] >> 4 == 14 ? 3 : 4;
    if (length == 4 && at[0] >> 3 != 30)
        return 0;
    if (length > left)
        return 0;
    uint32_t point = length == 1 ? at[0] : at[0] & (0x7fu >> length);
    for (size_t i = 1; i < length; i++) {
        if (at[i] >> 6 != 2)
            return 0;
        point = point << 6 | (at[i] & 0x3fu);
    }
    bool surrogate = point >= 0xd800 && point <= 0xdfff;
    bool control = point < 0x20 || (point >= 0x7f && point <= 0x9f);
    if (point < least_of[length] || point > 0x10ffff || surrogate || control)
        return 0;
    return length;
}

bool text_is_clean(const char *text, size_t length)
{
    const uint8_t *at = (const uint8_t *)text;
    while (length > 0) {
        size_t step = sequence_length(at, length);
        if (step == 0)
            return false;
        at += step;
        length -= step;
    }
    return true;
}

bool text_is_quotable(const char *text, size_t length)
{
    return text_is_clean(text, length) && memchr(text, '"', length) == NULL &&
           memchr(text, '\\', length) == NULL;
}
