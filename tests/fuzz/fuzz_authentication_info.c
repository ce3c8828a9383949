/*
 * Authentication-Info of a server that may be anybody. Must reach: nisim_authentication_info.
 */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "fuzz.h"
#include "nisim.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
    static struct nisim_authentication_info info;
    const struct nisim_exchange exchange = {
        .nc = 1, .cnonce = "0a4f113b", .rspauth = "ffeeddccbbaa99887766554433221100"};
    char *value = malloc(length + 1);
    if (value == NULL)
        return 0;
    memcpy(value, bytes, length);
    value[length] = '\0';
    memset(&info, 0x6b, sizeof info);
    enum nisim_result result = nisim_authentication_info(value, &exchange, &info);
    assert(strnlen(info.next_nonce, sizeof info.next_nonce) < sizeof info.next_nonce);
    assert((info.why[0] == '\0') == (result == NISIM_OK));
    assert(result == NISIM_OK || (info.next_nonce[0] == '\0' && !info.is_proven));
    assert(strpbrk(info.next_nonce, "\"\\\r\n") == NULL);
    free(value);
    return 0;
}
