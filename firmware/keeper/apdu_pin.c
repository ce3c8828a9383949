#include "apdu_pin.h"

#include <string.h>

#include "log.h"

static struct pin_state *pending_find(struct keeper *keeper, int64_t row)
{
    for (size_t i = 0; i < keeper->pin_pending_count; i++) {
        if (keeper->pin_pending[i].row == row)
            return &keeper->pin_pending[i];
    }
    return NULL;
}

/* This batch's own counter, which the answer then waits for, else the store's. */
static bool load(struct work *work, struct pin_state *out)
{
    struct keeper *keeper = work->keeper;
    const struct pin_state *pending = pending_find(keeper, keeper->subscription.row);
    if (pending != NULL) {
        *out = *pending;
        work->reply->needs_commit = true;
        return true;
    }
    enum store_result rc = store_pin_read(keeper->store, keeper->subscription.row, out);
    if (rc != STORE_OK)
        work_fail_by_store(work, rc);
    return rc == STORE_OK;
}

static void keep(struct work *work, const struct pin_state *state)
{
    struct keeper *keeper = work->keeper;
    struct pin_state *pending = pending_find(keeper, state->row);
    if (pending == NULL)
        pending = &keeper->pin_pending[keeper->pin_pending_count++];
    *pending = *state;
    work->reply->needs_commit = true;
}

bool apdu_pin_tries(void *user, uint8_t *out_tries)
{
    struct pin_state state;
    if (!load(user, &state))
        return false;
    *out_tries = state.tries;
    return true;
}

static void log_wrong(const struct work *work, const struct pin_state *state)
{
    log_line(state->tries == 0 ? LOG_LEVEL_WARNING : LOG_LEVEL_INFO, "card-pin-wrong",
             "impi=\"%s\" tries_left=%u", work->keeper->subscription.identity.impi,
             (unsigned)state->tries);
}

/*
 * A right PIN waits for the disk too, even with all tries left: were it told while nothing can be
 * written, a full disk would give tries without end.
 */
static bool try_pin(struct work *work, const uint8_t *pin, struct pin_state *state,
                    enum card_pin_outcome *out)
{
    ERASED(secret64) struct secret64 given = {{0}};
    memcpy(given.bytes, pin, sizeof given.bytes);
    bool is_right = false;
    enum hsm_result rc = pin_credential_check(work->keeper->token, &work->keeper->subscription.pin,
                                              &given, &is_right);
    if (rc != HSM_OK) {
        work_fail_by_token(work, rc);
        return false;
    }
    *out = is_right ? CARD_PIN_RIGHT : CARD_PIN_WRONG;
    state->tries = is_right ? PIN_TRIES : (uint8_t)(state->tries - 1);
    keep(work, state);
    if (!is_right)
        log_wrong(work, state);
    return true;
}

bool apdu_pin_verify(void *user, const uint8_t pin[CARD_PIN_BYTES], enum card_pin_outcome *out,
                     uint8_t *out_tries)
{
    struct work *work = user;
    struct pin_state state;
    if (!load(work, &state))
        return false;
    *out = CARD_PIN_BLOCKED;
    if (state.tries > 0 && !try_pin(work, pin, &state, out))
        return false;
    *out_tries = state.tries;
    return true;
}
