/*
 * A subscription: who, where, which key, which SQN profile. Its row in the store is sealed: an
 * HMAC, by a key that lives in the token, over every field, so that editing the file can neither
 * map one user to another's key nor enable anybody.
 */
#ifndef NISIM_STORE_SUBSCRIPTION_H
#define NISIM_STORE_SUBSCRIPTION_H

#include "aka.h"
#include "keyring.h"
#include "message.h"

/* How K came into the token. Shown for ever after. */
enum key_origin {
    KEY_ORIGIN_CLEAR_LABORATORY = 1, /* clear text passed through the tool's memory */
};

struct subscription {
    int64_t row; /* of the store; 0 before store_add; never reused */
    struct identity identity;
    size_t user_id_count;
    char user_ids[USER_IDS_MAX][USER_ID_BYTES_MAX + 1];
    struct key_ref key_ref;
    struct sqn_profile profile;
    enum key_origin origin;
    bool enabled;
    uint8_t seal[TOKEN_MAC_BYTES];
};

/* EF_IST (TS 31.103 4.2.7) as far as the subscription's data makes it true. */
void subscription_set_services(struct subscription *subscription);

/* Computes the seal of the fields as they are. */
MUST_CHECK enum hsm_result subscription_seal(struct token *token,
                                             struct subscription *subscription);

/* HSM_BAD_ANSWER when the row is not as it was sealed. */
MUST_CHECK enum hsm_result subscription_check_seal(struct token *token,
                                                   const struct subscription *subscription);

/* True when the name is one of this subscription's: an index row alone proves nothing. */
bool subscription_is_named(const struct subscription *subscription,
                           const struct subscriber_name *name);

#endif
