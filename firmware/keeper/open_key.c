#include "open_key.h"

enum hsm_result open_key(struct keeper *keeper, struct token_cipher *out_state,
                         struct cipher *out_cipher, struct key *out_key)
{
    const struct subscription *subscription = &keeper->subscription;
    enum hsm_result rc = HSM_OK;
    if (subscription->residence == RESIDENCE_WRAPPED) {
        rc = key_cache_open(keeper->unwrapped, &subscription->key_ref, &subscription->wrapped,
                            out_state, out_key);
        *out_cipher = token_cipher_of(out_state);
        return rc;
    }
    rc = keyring_open(keeper->keyring, &subscription->key_ref, out_key);
    *out_cipher = token_cipher_start(out_state, keeper->token, out_key->handle);
    return rc;
}
