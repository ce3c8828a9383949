#include "open_key.h"

enum hsm_result open_key(struct keeper *keeper, struct key *out_key)
{
    const struct subscription *subscription = &keeper->subscription;
    if (subscription->residence == RESIDENCE_RESIDENT)
        return keyring_open(keeper->keyring, &subscription->key_ref, out_key);
    return key_cache_open(keeper->unwrapped, &subscription->key_ref, &subscription->wrapped,
                          out_key);
}
