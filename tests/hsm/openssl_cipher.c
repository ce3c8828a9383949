#include "openssl_cipher.h"

#include <openssl/evp.h>
#include <string.h>

static enum hsm_result encrypt(void *context, const uint8_t *in, uint8_t *out, size_t blocks)
{
    struct openssl_cipher *state = context;
    int length = (int)(blocks * CIPHER_BLOCK_BYTES);
    state->calls++;
    if (state->calls == state->fail_at)
        return state->how;
    EVP_CIPHER_CTX *evp = EVP_CIPHER_CTX_new();
    int done = EVP_EncryptInit_ex(evp, EVP_aes_128_ecb(), NULL, state->key, NULL) == 1 &&
               EVP_CIPHER_CTX_set_padding(evp, 0) == 1 &&
               EVP_EncryptUpdate(evp, out, &length, in, length) == 1;
    EVP_CIPHER_CTX_free(evp);
    return done ? HSM_OK : HSM_LOST;
}

struct cipher openssl_cipher(struct openssl_cipher *state, const uint8_t key[16])
{
    *state = (struct openssl_cipher){.how = HSM_REFUSED};
    memcpy(state->key, key, sizeof state->key);
    return (struct cipher){.context = state, .encrypt = encrypt};
}
