#include "covered_opc.h"

#include <string.h>
#include <sys/random.h>

#include "token_cipher.h"

/* The other half of the block: no RAND of the network's choice meets it but by chance. */
static const uint8_t constant[TOKEN_BLOCK_BYTES - COVER_SALT_BYTES] = {'n', 'i', 's', 'i',
                                                                       'm', 'O', 'P', 'c'};

static enum hsm_result apply(struct token *token, CK_OBJECT_HANDLE k, const uint8_t *salt,
                             const uint8_t *in, uint8_t *out)
{
    ERASED(secret128) struct secret128 cover = {{0}};
    uint8_t block[TOKEN_BLOCK_BYTES];
    memcpy(block, salt, COVER_SALT_BYTES);
    memcpy(block + COVER_SALT_BYTES, constant, sizeof constant);
    struct token_cipher state;
    struct cipher cipher = token_cipher_start(&state, token, k);
    enum hsm_result rc = cipher.encrypt(cipher.context, block, cover.bytes, 1);
    enum hsm_result end = token_cipher_end(&state);
    if (rc != HSM_OK || end != HSM_OK)
        return rc != HSM_OK ? rc : end;
    for (size_t i = 0; i < sizeof cover.bytes; i++)
        out[i] = in[i] ^ cover.bytes[i];
    return HSM_OK;
}

enum hsm_result covered_opc_make(struct token *token, CK_OBJECT_HANDLE k,
                                 const struct secret128 *opc, struct covered_opc *out_covered)
{
    struct covered_opc covered = {{0}, {0}};
    if (getrandom(covered.salt, sizeof covered.salt, 0) != sizeof covered.salt)
        return HSM_LOST;
    enum hsm_result rc = apply(token, k, covered.salt, opc->bytes, covered.bytes);
    if (rc == HSM_OK)
        *out_covered = covered;
    return rc;
}

enum hsm_result covered_opc_open(struct token *token, CK_OBJECT_HANDLE k,
                                 const struct covered_opc *covered, struct secret128 *out_opc)
{
    return apply(token, k, covered->salt, covered->bytes, out_opc->bytes);
}
