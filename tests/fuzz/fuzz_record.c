/*
 * A subscription's record from a store that somebody edited: it is decoded before its seal is
 * checked. Must reach: subscription_decode, subscription_is_named.
 */
#include <assert.h>
#include <string.h>

#include "fuzz.h"
#include "subscription.h"

static void check_text(const char *text, size_t room)
{
    assert(strnlen(text, room) < room);
}

static void check_texts(const struct subscription *subscription)
{
    const struct identity *identity = &subscription->identity;
    check_text(identity->impi, sizeof identity->impi);
    check_text(identity->domain, sizeof identity->domain);
    assert(subscription->user_id_count <= USER_IDS_MAX);
    for (size_t i = 0; i < subscription->user_id_count; i++)
        check_text(subscription->user_ids[i], sizeof subscription->user_ids[i]);
    check_text(subscription->digest.realm, sizeof subscription->digest.realm);
    assert(subscription->digest.algorithms < 1u << DIGEST_HASHES);
    assert(subscription->digest.algorithms != 0 || !subscription->digest.is_alone);
    assert(identity->impu_count <= IMPUS_MAX && identity->p_cscf_count <= P_CSCFS_MAX);
    for (size_t i = 0; i < identity->impu_count; i++)
        check_text(identity->impus[i], sizeof identity->impus[i]);
    for (size_t i = 0; i < identity->p_cscf_count; i++)
        check_text(identity->p_cscfs[i], sizeof identity->p_cscfs[i]);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
    static struct subscription subscription;
    const struct subscriber_name name = {.by = FIELD_USER_ID, .text = "+15550103"};
    if (length > sizeof subscription.record)
        return 0;
    memset(&subscription, 0x6b, sizeof subscription);
    memcpy(subscription.record, bytes, length);
    subscription.record_bytes = length;
    if (!subscription_decode(&subscription))
        return 0;
    assert(sqn_profile_is_valid(&subscription.profile));
    check_texts(&subscription);
    (void)subscription_is_named(&subscription, &name);
    return 0;
}
