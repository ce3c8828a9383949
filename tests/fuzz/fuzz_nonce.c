/*
 * The nonce of a stranger's challenge: base64 of RAND, AUTN and whatever. Must reach:
 * digest_nonce_open.
 */
#include <assert.h>
#include <string.h>

#include "digest.h"
#include "fuzz.h"

/* With one more group behind it, which is server data, it holds the same challenge. */
static void open_longer(const char *nonce, size_t length, const struct digest_nonce *first)
{
    char longer[DIGEST_NONCE_TEXT_MAX + 1];
    struct digest_nonce second;
    if (length > DIGEST_NONCE_TEXT_MAX - 4 || strchr(nonce, '=') != NULL)
        return;
    memcpy(longer, nonce, length);
    memcpy(longer + length, "Ab/+", 5);
    assert(digest_nonce_open(longer, &second) == DIGEST_NONCE_OPENED);
    assert(memcmp(first, &second, sizeof second) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
    char nonce[2 * DIGEST_NONCE_TEXT_MAX + 1];
    struct digest_nonce opened;
    if (length >= sizeof nonce)
        return 0;
    memcpy(nonce, bytes, length);
    nonce[length] = '\0';
    memset(&opened, 0x6b, sizeof opened);
    const struct digest_nonce before = opened;
    size_t text_bytes = strlen(nonce);
    if (digest_nonce_open(nonce, &opened) != DIGEST_NONCE_OPENED) {
        assert(memcmp(&opened, &before, sizeof opened) == 0);
        return 0;
    }
    assert(text_bytes >= 44 && text_bytes <= DIGEST_NONCE_TEXT_MAX && text_bytes % 4 == 0);
    open_longer(nonce, text_bytes, &opened);
    return 0;
}
