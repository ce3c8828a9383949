#include "challenge.h"

#include "gba.h"
#include "log.h"
#include "open_key.h"

static struct pending *pending_find(struct keeper *keeper, int64_t row)
{
    for (size_t i = 0; i < keeper->pending_count; i++) {
        if (keeper->pending[i].row == row)
            return &keeper->pending[i];
    }
    return NULL;
}

/* The state a request starts from: this batch's own, else the store's. */
static enum store_result read_state(struct keeper *keeper, struct pending *out)
{
    const struct pending *pending = pending_find(keeper, keeper->subscription.row);
    if (pending != NULL) {
        *out = *pending;
        return STORE_OK;
    }
    out->row = keeper->subscription.row;
    return store_sqn_read(keeper->store, out->row, &out->array, &out->version);
}

static void keep_pending(struct keeper *keeper, const struct pending *state,
                         const struct sqn_array *array)
{
    struct pending *pending = pending_find(keeper, state->row);
    if (pending == NULL)
        pending = &keeper->pending[keeper->pending_count++];
    *pending = *state;
    pending->array = *array;
}

static void log_sync_failure(const struct subscription *subscription, const struct pending *state,
                             uint64_t sqn)
{
    uint8_t bits = subscription->profile.ind_bits;
    uint64_t highest = sqn_highest(&subscription->profile, &state->array);
    log_line(LOG_LEVEL_INFO, "sync-failure",
             "impi=\"%s\" seq=%llu ind=%llu highest_seq=%llu highest_ind=%llu",
             subscription->identity.impi, (unsigned long long)(sqn >> bits),
             (unsigned long long)(sqn & ((UINT64_C(1) << bits) - 1)),
             (unsigned long long)(highest >> bits),
             (unsigned long long)(highest & ((UINT64_C(1) << bits) - 1)));
}

static enum hsm_result ask_token(struct keeper *keeper, const uint8_t rand[RAND_BYTES],
                                 const uint8_t autn[AUTN_BYTES], const struct pending *state,
                                 struct aka_answer *out)
{
    struct key key = {0};
    struct token_cipher cipher_state;
    struct cipher cipher;
    enum hsm_result rc = open_key(keeper, &cipher_state, &cipher, &key);
    if (rc == HSM_OK)
        rc = aka_answer_challenge(&cipher, key.opc, rand, autn, &keeper->subscription.profile,
                                  &state->array, out);
    enum hsm_result end = token_cipher_end(&cipher_state);
    return rc != HSM_OK ? rc : end;
}

static bool take_outcome(struct work *work, const struct pending *state,
                         const struct aka_answer *aka)
{
    struct keeper *keeper = work->keeper;
    switch (aka->outcome) {
    case AKA_MAC_FAILURE:
        log_line(LOG_LEVEL_INFO, "mac-failure", "impi=\"%s\"", keeper->subscription.identity.impi);
        work_fail(work, STATUS_MAC_FAILURE);
        return false;
    case AKA_SYNC_FAILURE:
        log_sync_failure(&keeper->subscription, state, aka->sqn);
        break;
    case AKA_ACCEPTED:
        keep_pending(keeper, state, &aka->array);
        break;
    }
    work->reply->needs_commit = true;
    return true;
}

bool challenge_run(struct work *work, const uint8_t rand[RAND_BYTES],
                   const uint8_t autn[AUTN_BYTES], struct aka_answer *out)
{
    struct pending state;
    if (work->keeper->subscription.digest.is_alone) {
        work_fail(work, STATUS_NO_SUCH_CREDENTIAL);
        return false;
    }
    enum store_result read = read_state(work->keeper, &state);
    if (read != STORE_OK) {
        work_fail_by_store(work, read);
        return false;
    }
    enum hsm_result rc = ask_token(work->keeper, rand, autn, &state, out);
    if (rc != HSM_OK) {
        work_fail_by_token(work, rc);
        return false;
    }
    return take_outcome(work, &state, out);
}

static enum hsm_result restore_autn(struct keeper *keeper, const uint8_t rand[RAND_BYTES],
                                    const uint8_t autn_star[AUTN_BYTES],
                                    uint8_t out_autn[AUTN_BYTES])
{
    struct key key = {0};
    struct token_cipher cipher_state;
    struct cipher cipher;
    enum hsm_result rc = open_key(keeper, &cipher_state, &cipher, &key);
    if (rc == HSM_OK)
        rc = gba_restore_autn(&cipher, key.opc, rand, autn_star, out_autn);
    enum hsm_result end = token_cipher_end(&cipher_state);
    return rc != HSM_OK ? rc : end;
}

bool challenge_restore_autn(struct work *work, const uint8_t rand[RAND_BYTES],
                            const uint8_t autn_star[AUTN_BYTES], uint8_t out_autn[AUTN_BYTES])
{
    enum hsm_result rc = restore_autn(work->keeper, rand, autn_star, out_autn);
    if (rc == HSM_OK)
        return true;
    work_fail_by_token(work, rc);
    return false;
}
