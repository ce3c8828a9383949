#include "gba.h"

#include <string.h>
#include <time.h>

#include "challenge.h"
#include "log.h"
#include "store_gba.h"
#include "store_kek.h"

static struct gba_state *pending_find(struct keeper *keeper, int64_t row)
{
    for (size_t i = 0; i < keeper->gba_pending_count; i++) {
        if (keeper->gba_pending[i].row == row)
            return &keeper->gba_pending[i];
    }
    return NULL;
}

/* The state in hand, sealed, for the commit; an answer that tells of it waits for that. */
static bool keep(struct work *work)
{
    struct keeper *keeper = work->keeper;
    enum hsm_result rc = gba_state_seal(keeper->token, &keeper->gba);
    if (rc != HSM_OK) {
        work_fail_by_token(work, rc);
        return false;
    }
    struct gba_state *pending = pending_find(keeper, keeper->gba.row);
    if (pending == NULL)
        pending = &keeper->gba_pending[keeper->gba_pending_count++];
    *pending = keeper->gba;
    work->reply->needs_commit = true;
    return true;
}

static bool check_seal(struct work *work)
{
    const struct gba_state *state = &work->keeper->gba;
    enum hsm_result rc = gba_state_check_seal(work->keeper->token, state);
    if (rc == HSM_OK)
        return true;
    if (rc != HSM_BAD_ANSWER) {
        work_fail_by_token(work, rc);
        return false;
    }
    log_line(LOG_LEVEL_ERROR, "record-tampered",
             "row=%lld reason=\"the seal of the GBA record does not fit\"", (long long)state->row);
    work_fail(work, STATUS_KEY_UNUSABLE);
    return false;
}

static bool load_stored(struct work *work, bool *out_done)
{
    struct keeper *keeper = work->keeper;
    keeper->gba.version = 0;
    enum store_result rc = store_gba_read(keeper->store, keeper->subscription.row, &keeper->gba);
    *out_done = rc == STORE_OK;
    if (rc == STORE_NOT_FOUND)
        return true;
    if (rc == STORE_OK)
        return check_seal(work);
    work_fail_by_store(work, rc);
    return false;
}

bool gba_load(struct work *work, bool *out_done)
{
    struct keeper *keeper = work->keeper;
    const struct gba_state *pending = pending_find(keeper, keeper->subscription.row);
    if (!keeper->subscription.gba) {
        work_fail(work, STATUS_GBA_OFF);
        return false;
    }
    if (pending == NULL)
        return load_stored(work, out_done);
    keeper->gba = *pending;
    work->reply->needs_commit = true;
    *out_done = true;
    return true;
}

/* Makes the token's newest KEK known that the store wants (store_kek.h). */
static enum hsm_result find_kek(struct work *work)
{
    struct kek_id oldest = {{0}};
    const struct kek_id none = {{0}};
    CK_OBJECT_HANDLE kek = CK_INVALID_HANDLE;
    enum store_result stored = store_kek_read(work->keeper->store, &oldest);
    if (stored != STORE_OK || memcmp(&oldest, &none, sizeof none) == 0)
        return HSM_OK; /* whether it will do shows at the commit */
    return token_kek_find(work->keeper->token, &oldest, &kek);
}

/* Ks as the token will want it back. */
static bool take_ks(struct work *work, const uint8_t rand[RAND_BYTES], const struct aka_answer *aka)
{
    ERASED(gba_key) struct gba_key ks = {{0}};
    struct token_wrapped_ks wrapped = {.bytes = {0}};
    gba_ks(&aka->ck, &aka->ik, &ks);
    enum hsm_result rc = find_kek(work);
    if (rc == HSM_OK)
        rc = token_ks_wrap(work->keeper->token, &ks, &wrapped);
    if (rc != HSM_OK) {
        work_fail_by_token(work, rc);
        return false;
    }
    gba_state_renew(&work->keeper->gba, rand, &wrapped);
    return keep(work);
}

static bool run(struct work *work, const uint8_t rand[RAND_BYTES], const uint8_t autn[AUTN_BYTES],
                struct aka_answer *out)
{
    uint8_t restored[AUTN_BYTES] = {0};
    if (!work->keeper->subscription.gba_u_mac)
        return challenge_run(work, rand, autn, out);
    return challenge_restore_autn(work, rand, autn, restored) &&
           challenge_run(work, rand, restored, out);
}

bool gba_bootstrap(struct work *work, const uint8_t rand[RAND_BYTES],
                   const uint8_t autn[AUTN_BYTES], struct aka_answer *out)
{
    bool done = false;
    if (!gba_load(work, &done) || !run(work, rand, autn, out))
        return false;
    return out->outcome != AKA_ACCEPTED || take_ks(work, rand, out);
}

bool gba_store(struct work *work, const uint8_t rand[RAND_BYTES], const char *b_tid,
               uint64_t lifetime)
{
    struct gba_state *state = &work->keeper->gba;
    bool done = false;
    if (!gba_load(work, &done))
        return false;
    if (!done || memcmp(state->rand, rand, sizeof state->rand) != 0) {
        work_fail(work, STATUS_NOT_BOOTSTRAPPED);
        return false;
    }
    size_t length = strnlen(b_tid, sizeof state->b_tid - 1);
    memcpy(state->b_tid, b_tid, length);
    state->b_tid[length] = '\0';
    state->lifetime = lifetime;
    return keep(work);
}

static bool load_live(struct work *work)
{
    const struct gba_state *state = &work->keeper->gba;
    bool done = false;
    if (!gba_load(work, &done))
        return false;
    if (!done)
        work_fail(work, STATUS_NOT_BOOTSTRAPPED);
    else if (state->lifetime != 0 && (uint64_t)time(NULL) >= state->lifetime)
        work_fail(work, STATUS_GBA_EXPIRED);
    return work->fault.status == STATUS_OK;
}

bool gba_naf_key(struct work *work, const uint8_t *naf_id, size_t naf_id_bytes,
                 struct gba_key *out_key)
{
    struct keeper *keeper = work->keeper;
    uint8_t input[GBA_INPUT_BYTES_MAX];
    if (!load_live(work))
        return false;
    const struct gba_naf naf = {keeper->gba.rand, keeper->subscription.identity.impi, naf_id,
                                naf_id_bytes};
    size_t input_bytes = gba_naf_input(GBA_KS_EXT_NAF, &naf, input);
    enum hsm_result rc = input_bytes == 0 ? HSM_REFUSED
                                          : token_ks_mac(keeper->token, &keeper->gba.ks, input,
                                                         input_bytes, out_key);
    if (rc != HSM_OK) {
        work_fail_by_token(work, rc);
        return false;
    }
    return !gba_state_use_naf(&keeper->gba, naf_id, naf_id_bytes) || keep(work);
}
