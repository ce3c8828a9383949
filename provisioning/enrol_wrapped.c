#include "enrol_wrapped.h"

#include <string.h>
#include <sys/random.h>

static enum hsm_result cover(struct token *token, CK_OBJECT_HANDLE k, const struct secret128 *opc,
                             struct covered_opc *out)
{
    struct token_cipher state;
    struct cipher cipher = token_cipher_start(&state, token, k);
    enum hsm_result rc = covered_opc_make(&cipher, opc, out);
    enum hsm_result end = token_cipher_end(&state);
    return rc != HSM_OK ? rc : end;
}

enum hsm_result enrol_uncover(struct token *token, CK_OBJECT_HANDLE k,
                              const struct covered_opc *covered, struct secret128 *out_opc)
{
    struct token_cipher state;
    struct cipher cipher = token_cipher_start(&state, token, k);
    enum hsm_result rc = covered_opc_open(&cipher, covered, out_opc);
    enum hsm_result end = token_cipher_end(&state);
    return rc != HSM_OK ? rc : end;
}

/*
 * What will be unwrapped has the rights of a K, and gives OPc: so it encrypts as K does, which
 * covered it.
 */
static enum hsm_result prove(struct token *token, const struct secret128 *opc,
                             const struct wrapped_keys *wrapped)
{
    ERASED(secret128) struct secret128 same_opc = {{0}};
    CK_OBJECT_HANDLE same = CK_INVALID_HANDLE;
    enum hsm_result rc = token_kek_unwrap_k(token, wrapped, &same);
    if (rc == HSM_OK)
        rc = enrol_check_rights(token, same);
    if (rc == HSM_OK)
        rc = enrol_uncover(token, same, &wrapped->opc, &same_opc);
    if (rc == HSM_OK && !secret_equal(same_opc.bytes, opc->bytes, sizeof opc->bytes))
        rc = HSM_BAD_ANSWER;
    token_discard(token, same);
    return rc;
}

static enum hsm_result wrap_both(struct token *token, CK_OBJECT_HANDLE k,
                                 const struct opc_source *source, struct wrapped_keys *out_wrapped)
{
    ERASED(secret128) struct secret128 opc = {{0}};
    struct wrapped_keys wrapped = {0};
    enum hsm_result rc = token_kek_newest(token, &wrapped.kek);
    if (rc == HSM_OK)
        rc = enrol_find_opc(token, k, source, &opc);
    if (rc == HSM_OK)
        rc = token_kek_wrap(token, &wrapped.kek, k, &wrapped.k);
    if (rc == HSM_OK)
        rc = cover(token, k, &opc, &wrapped.opc);
    if (rc == HSM_OK)
        rc = prove(token, &opc, &wrapped);
    if (rc == HSM_OK)
        *out_wrapped = wrapped;
    return rc;
}

enum hsm_result enrol_wrap(struct token *token, const struct key_source *source,
                           const struct opc_source *opc, struct key_ref *out_ref,
                           struct wrapped_keys *out_wrapped)
{
    struct key_ref ref = {{0}};
    CK_OBJECT_HANDLE k = CK_INVALID_HANDLE;
    if (getrandom(ref.bytes, sizeof ref.bytes, 0) != sizeof ref.bytes)
        return HSM_LOST;
    const struct enrol_key key = {*source, &ref, "nisim K", .may_be_wrapped = true};
    enum hsm_result rc = enrol_create_key(token, &key, &k);
    if (rc == HSM_OK)
        rc = wrap_both(token, k, opc, out_wrapped);
    token_discard(token, k);
    if (rc == HSM_OK)
        *out_ref = ref;
    return rc;
}

static enum hsm_result make_unwrapped(const void *context, struct token *token,
                                      CK_ATTRIBUTE *attributes, CK_ULONG count,
                                      CK_OBJECT_HANDLE *out_key)
{
    const struct wrapped_keys *wrapped = context;
    return token_kek_unwrap(token, &wrapped->kek, &wrapped->k, attributes, count, out_key);
}

enum hsm_result enrol_unwrap(struct token *token, const struct wrapped_keys *wrapped,
                             const char *impi, struct key_ref *out_ref)
{
    ERASED(secret128) struct secret128 opc = {{0}};
    struct enrol_sources sources = {{make_unwrapped, wrapped}, {&opc, true}, CK_INVALID_HANDLE};
    enum hsm_result rc = token_kek_unwrap_k(token, wrapped, &sources.same);
    if (rc == HSM_OK)
        rc = enrol_uncover(token, sources.same, &wrapped->opc, &opc);
    if (rc == HSM_OK)
        rc = enrol_resident(token, &sources, impi, out_ref);
    token_discard(token, sources.same);
    return rc;
}
