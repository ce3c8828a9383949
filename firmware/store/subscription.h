/*
 * A subscription: who, where, which key, which SQN profile. It rests in the store as a record, one
 * byte string, and its seal: an HMAC over the record by a key that lives in the token, so that
 * editing the file can neither map one user to another's key nor enable anybody.
 */
#ifndef NISIM_STORE_SUBSCRIPTION_H
#define NISIM_STORE_SUBSCRIPTION_H

#include "aka.h"
#include "digest_credential.h"
#include "key_origin.h"
#include "keyring.h"
#include "message.h"
#include "pin_credential.h"
#include "token_kek.h"

/* Where K and OPc rest. */
enum residence {
    RESIDENCE_RESIDENT = 0, /* as objects of the token (keyring.h) */
    RESIDENCE_WRAPPED,      /* in this record, wrapped under a KEK of the token (token_kek.h) */
};

#define SUBSCRIPTION_RECORD_VERSION 1
/* Fixed part, IMPI and domain, the three lists and the extensions at their longest. */
#define SUBSCRIPTION_RECORD_BYTES_MAX                                                       \
    (64 + 2 * (2 + NAME_BYTES_MAX) + USER_IDS_MAX * (2 + USER_ID_BYTES_MAX) +               \
     (IMPUS_MAX + P_CSCFS_MAX) * (2 + NAME_BYTES_MAX) + (3 + DIGEST_CREDENTIAL_BYTES_MAX) + \
     (3 + NAME_BYTES_MAX) + 4 + (3 + PIN_CREDENTIAL_BYTES) + (3 + sizeof(struct wrapped_keys)))

struct subscription {
    int64_t row; /* of the store; 0 before store_add; never reused */
    struct identity identity;
    size_t user_id_count;
    char user_ids[USER_IDS_MAX][USER_ID_BYTES_MAX + 1];
    struct key_ref key_ref; /* zero with digest.is_alone */
    enum residence residence;
    struct wrapped_keys wrapped; /* with RESIDENCE_WRAPPED */
    struct digest_credential digest;
    struct pin_credential pin;
    struct sqn_profile profile;
    enum key_origin origin; /* of K; with digest.is_alone that of the digest secrets */
    bool enabled;
    bool gba;       /* GBA_U may be run */
    bool gba_u_mac; /* with the MAC* of hsm/gba.h: unconfirmed, and only with gba */

    /* As stored; written by subscription_seal, read by subscription_decode. */
    size_t record_bytes;
    uint8_t record[SUBSCRIPTION_RECORD_BYTES_MAX];
    uint8_t seal[TOKEN_MAC_BYTES];
};

/* EF_IST (TS 31.103 4.2.7) as far as the subscription's data makes it true. */
void subscription_set_services(struct subscription *subscription);

/* Makes the record of the fields as they are, and its seal. */
MUST_CHECK enum hsm_result subscription_seal(struct token *token,
                                             struct subscription *subscription);

/* HSM_BAD_ANSWER when the record is not as it was sealed. */
MUST_CHECK enum hsm_result subscription_check_seal(struct token *token,
                                                   const struct subscription *subscription);

/* The fields from the record; false when it is not well formed. row and seal stay as they are. */
MUST_CHECK bool subscription_decode(struct subscription *subscription);

/* True when the name is one of this subscription's: an index row alone proves nothing. */
bool subscription_is_named(const struct subscription *subscription,
                           const struct subscriber_name *name);

#endif
