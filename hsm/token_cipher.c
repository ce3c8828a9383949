#include "token_cipher.h"

static enum hsm_result start(struct token_cipher *state)
{
    CK_MECHANISM mechanism = {.mechanism = CKM_AES_ECB};
    return module_result(MODULE_CALL(state->token->module, C_EncryptInit, state->token->session,
                                     &mechanism, state->key));
}

static enum hsm_result encrypt_part(struct token_cipher *state, const uint8_t *in, uint8_t *out,
                                    CK_ULONG length)
{
    CK_ULONG out_length = length;
    if (!state->open) {
        enum hsm_result rc = start(state);
        if (rc != HSM_OK)
            return rc;
        state->open = true;
    }
    CK_RV rv = MODULE_CALL(state->token->module, C_EncryptUpdate, state->token->session,
                           (unsigned char *)(uintptr_t)in, length, out, &out_length);
    if (rv == CKR_OK && out_length != length)
        return HSM_BAD_ANSWER;
    return module_result(rv);
}

static enum hsm_result encrypt_whole(struct token_cipher *state, const uint8_t *in, uint8_t *out,
                                     CK_ULONG length)
{
    CK_ULONG out_length = length;
    enum hsm_result rc = start(state);
    if (rc != HSM_OK)
        return rc;
    CK_RV rv = MODULE_CALL(state->token->module, C_Encrypt, state->token->session,
                           (unsigned char *)(uintptr_t)in, length, out, &out_length);
    if (rv == CKR_OK && out_length != length)
        return HSM_BAD_ANSWER;
    return module_result(rv);
}

static enum hsm_result encrypt(void *context, const uint8_t *in, uint8_t *out, size_t blocks)
{
    struct token_cipher *state = context;
    size_t length = blocks * CIPHER_BLOCK_BYTES;
    if (state->token->abilities.several_parts)
        return encrypt_part(state, in, out, length);
    if (state->token->abilities.several_blocks)
        return encrypt_whole(state, in, out, length);
    for (size_t at = 0; at < length; at += CIPHER_BLOCK_BYTES) {
        enum hsm_result rc = encrypt_whole(state, in + at, out + at, CIPHER_BLOCK_BYTES);
        if (rc != HSM_OK)
            return rc;
    }
    return HSM_OK;
}

struct cipher token_cipher_start(struct token_cipher *state, struct token *token,
                                 CK_OBJECT_HANDLE key)
{
    *state = (struct token_cipher){.token = token, .key = key};
    return token_cipher_of(state);
}

struct cipher token_cipher_of(struct token_cipher *state)
{
    return (struct cipher){.context = state, .encrypt = encrypt};
}

enum hsm_result token_cipher_end(struct token_cipher *state)
{
    uint8_t rest[CIPHER_BLOCK_BYTES];
    CK_ULONG rest_bytes = sizeof rest;
    if (!state->open)
        return HSM_OK;
    state->open = false;
    CK_RV rv =
        MODULE_CALL(state->token->module, C_EncryptFinal, state->token->session, rest, &rest_bytes);
    /* An Update that failed has ended the operation itself (PKCS#11 v2.40 5.8.4). */
    if (rv == CKR_OK || rv == CKR_OPERATION_NOT_INITIALIZED)
        return HSM_OK;
    return HSM_LOST;
}

enum hsm_result token_cipher_once(struct token *token, CK_OBJECT_HANDLE key,
                                  const struct secret128 *in, struct secret128 *out)
{
    struct token_cipher state;
    struct cipher cipher = token_cipher_start(&state, token, key);
    enum hsm_result rc = cipher.encrypt(cipher.context, in->bytes, out->bytes, 1);
    enum hsm_result end = token_cipher_end(&state);
    return rc != HSM_OK ? rc : end;
}
