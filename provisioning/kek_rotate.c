#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "own_keys_make.h"
#include "store_gba.h"
#include "store_kek.h"
#include "token_rewrap.h"
#include "verbs.h"

#define ROWS_AT_ONCE 32 /* keepers wait for their turn while these are written */

struct rotation {
    struct office *office;
    struct kek_id id; /* of the new one */
    CK_OBJECT_HANDLE kek;
    struct gba_state gba;
    struct stored_value value;
    size_t moved;
    size_t gba_moved;
    size_t stuck; /* records that are altered, or whose keys don't unwrap */
};

static void next_id(struct kek_id *id)
{
    for (size_t i = sizeof id->bytes; i > 0 && ++id->bytes[i - 1] == 0; i--)
        continue;
}

static uint64_t number_of(const struct kek_id *id)
{
    struct wire_reader reader = wire_reader_of(id->bytes, sizeof id->bytes);
    return wire_read_number(&reader, sizeof id->bytes);
}

/* Several KEKs: a rotation was interrupted, and this one goes on with it. */
static enum outcome choose_kek(struct rotation *rotation)
{
    struct token *token = rotation->office->token;
    enum hsm_result rc = token_kek_newest(token, &rotation->id);
    if (rc == HSM_OK && token->kek_count == 1) {
        next_id(&rotation->id);
        rc = own_keys_make_kek(token, &rotation->id);
        token_kek_forget(token);
    }
    if (rc == HSM_OK)
        rc = token_kek_find(token, &rotation->id, &rotation->kek);
    return rc == HSM_OK ? OUTCOME_DONE : office_fail_hsm(rotation->office, rc, "the new KEK");
}

/* From here on nobody writes what is wrapped under an older one. */
static enum outcome announce(struct rotation *rotation)
{
    struct stored_value *value = &rotation->value;
    memcpy(value->name, STORE_KEK_NAME, sizeof STORE_KEK_NAME);
    memcpy(value->value, &rotation->id, sizeof rotation->id);
    value->bytes = sizeof rotation->id;
    return office_write_sealed(rotation->office, value, "sealing a value");
}

static enum hsm_result rewrap(struct rotation *rotation, const struct kek_id *from, uint8_t *bytes,
                              size_t length)
{
    struct token *token = rotation->office->token;
    CK_OBJECT_HANDLE kek = CK_INVALID_HANDLE;
    enum hsm_result rc = token_kek_find(token, from, &kek);
    return rc == HSM_OK ? token_rewrap(token, kek, rotation->kek, bytes, length, bytes) : rc;
}

/* Only this record is at fault: others go on, and no KEK is destroyed. */
static enum outcome leave(struct rotation *rotation, enum hsm_result why, const char *whose)
{
    if (why == HSM_LOST || why == HSM_NO_MEMORY || why == HSM_FULL)
        return office_fail_hsm(rotation->office, why, "re-wrapping");
    outcome_warn("left as it is: %s: %s", whose,
                 why == HSM_BAD_ANSWER ? "its record was altered" : hsm_result_text(why));
    rotation->stuck++;
    return OUTCOME_DONE;
}

static enum outcome move_subscription(struct rotation *rotation)
{
    struct office *office = rotation->office;
    struct subscription *subscription = &office->subscription;
    struct wrapped_keys *keys = &subscription->wrapped;
    enum hsm_result rc = subscription_check_seal(office->token, subscription);
    bool is_due = subscription->residence == RESIDENCE_WRAPPED &&
                  memcmp(&keys->kek, &rotation->id, sizeof keys->kek) != 0;
    if (rc == HSM_OK && !is_due)
        return OUTCOME_DONE;
    if (rc == HSM_OK)
        rc = rewrap(rotation, &keys->kek, keys->k.bytes, sizeof keys->k.bytes);
    keys->kek = rotation->id;
    if (rc == HSM_OK)
        rc = subscription_seal(office->token, subscription);
    if (rc != HSM_OK)
        return leave(rotation, rc, subscription->identity.impi);
    enum store_result stored = store_update(office->store, subscription);
    rotation->moved++;
    return stored == STORE_OK ? OUTCOME_DONE : office_fail_store(office, stored);
}

/* A state that is altered, or whose Ks does not unwrap, is of no use already. */
static enum outcome move_gba(struct rotation *rotation)
{
    struct office *office = rotation->office;
    struct gba_state *gba = &rotation->gba;
    enum store_result stored = store_gba_read(office->store, office->subscription.row, gba);
    if (stored == STORE_NOT_FOUND || stored == STORE_BAD_RECORD)
        return OUTCOME_DONE;
    if (stored != STORE_OK)
        return office_fail_store(office, stored);
    if (memcmp(&gba->ks.kek, &rotation->id, sizeof rotation->id) == 0)
        return OUTCOME_DONE;
    enum hsm_result rc = gba_state_check_seal(office->token, gba);
    if (rc == HSM_OK)
        rc = rewrap(rotation, &gba->ks.kek, gba->ks.bytes, sizeof gba->ks.bytes);
    gba->ks.kek = rotation->id;
    if (rc == HSM_OK)
        rc = gba_state_seal(office->token, gba);
    if (rc == HSM_LOST || rc == HSM_NO_MEMORY || rc == HSM_FULL)
        return office_fail_hsm(office, rc, "re-wrapping");
    if (rc != HSM_OK)
        return OUTCOME_DONE;
    stored = store_gba_swap(office->store, gba);
    rotation->gba_moved++;
    return stored == STORE_OK ? OUTCOME_DONE : office_fail_store(office, stored);
}

static enum outcome move_row(struct rotation *rotation, enum store_result read)
{
    enum outcome outcome = OUTCOME_DONE;
    if (read == STORE_BAD_RECORD)
        outcome = leave(rotation, HSM_BAD_ANSWER, "a subscription");
    else if (read == STORE_OK)
        outcome = move_subscription(rotation);
    else
        outcome = office_fail_store(rotation->office, read);
    return outcome == OUTCOME_DONE ? move_gba(rotation) : outcome;
}

/* The next rows, inside a transaction; *out_end when there are no more. */
static enum outcome move_some(struct rotation *rotation, bool *out_end)
{
    struct subscription *subscription = &rotation->office->subscription;
    enum outcome outcome = OUTCOME_DONE;
    for (int i = 0; outcome == OUTCOME_DONE && i < ROWS_AT_ONCE; i++) {
        enum store_result read =
            store_next(rotation->office->store, subscription->row, subscription);
        if (read == STORE_NOT_FOUND) {
            *out_end = true;
            return OUTCOME_DONE;
        }
        outcome = move_row(rotation, read);
    }
    return outcome;
}

static enum outcome move_all(struct rotation *rotation)
{
    struct office *office = rotation->office;
    enum outcome outcome = OUTCOME_DONE;
    bool end = false;
    office->subscription.row = 0;
    while (outcome == OUTCOME_DONE && !end) {
        enum store_result stored = store_begin(office->store);
        if (stored != STORE_OK)
            return office_fail_store(office, stored);
        size_t moved = rotation->moved;
        outcome = office_end_transaction(office, move_some(rotation, &end));
        if (outcome != OUTCOME_DONE)
            rotation->moved = moved;
    }
    return outcome;
}

static enum outcome destroy_old(struct rotation *rotation)
{
    struct token *token = rotation->office->token;
    for (size_t i = 0; i < token->kek_count; i++) {
        const struct token_kek *kek = &token->keks[i];
        if (memcmp(&kek->id, &rotation->id, sizeof kek->id) == 0)
            continue;
        enum hsm_result rc = token_destroy(token, kek->object);
        if (rc != HSM_OK)
            return office_fail_hsm(rotation->office, rc, "destroying the old KEK");
        printf("KEK %llu destroyed\n", (unsigned long long)number_of(&kek->id));
    }
    sync();
    return OUTCOME_DONE;
}

static enum outcome rotate(struct rotation *rotation)
{
    enum outcome outcome = choose_kek(rotation);
    if (outcome == OUTCOME_DONE)
        outcome = announce(rotation);
    if (outcome == OUTCOME_DONE)
        outcome = move_all(rotation);
    act_tell(rotation->office, "KEK %llu: %zu subscribers re-wrapped, %zu left as they are",
             (unsigned long long)number_of(&rotation->id), rotation->moved, rotation->stuck);
    if (outcome != OUTCOME_DONE)
        return outcome;
    printf("KEK %llu in use: subscriptions re-wrapped %zu, GBA states %zu\n",
           (unsigned long long)number_of(&rotation->id), rotation->moved, rotation->gba_moved);
    if (rotation->stuck > 0)
        return outcome_fail(OUTCOME_STORE,
                            "the old KEK stays: %zu records could not be re-wrapped; remove them, "
                            "then give kek rotate again",
                            rotation->stuck);
    return destroy_old(rotation);
}

enum outcome kek_rotate(struct office *office, const struct arguments *arguments)
{
    (void)arguments;
    struct rotation *rotation = calloc(1, sizeof *rotation);
    if (rotation == NULL)
        return outcome_fail(OUTCOME_FAILED, "memory is short");
    rotation->office = office;
    enum outcome outcome = office_open_store(office, false);
    if (outcome == OUTCOME_DONE)
        outcome = office_open_token(office, true);
    if (outcome == OUTCOME_DONE)
        outcome = office_prove_token(office);
    if (outcome == OUTCOME_DONE)
        outcome = rotate(rotation);
    free(rotation);
    return outcome;
}
