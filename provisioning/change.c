#include "change.h"

#include <string.h>

#include "lookup.h"

enum outcome change_find(struct office *office, const char *name)
{
    enum outcome outcome = office_open_store(office, false);
    if (outcome == OUTCOME_DONE)
        outcome = lookup_subscriber(office, name);
    memcpy(office->seal_as_read, office->subscription.seal, sizeof office->seal_as_read);
    return outcome;
}

enum outcome change_approve(struct office *office)
{
    enum outcome outcome = office_open_token(office, true);
    return outcome == OUTCOME_DONE ? office_prove_token(office) : outcome;
}

enum outcome change_open(struct office *office, const char *name)
{
    enum outcome outcome = change_find(office, name);
    if (outcome == OUTCOME_DONE)
        outcome = change_approve(office);
    return outcome == OUTCOME_DONE ? change_check_seal(office) : outcome;
}

enum outcome change_check_seal(struct office *office)
{
    enum hsm_result result = subscription_check_seal(office->token, &office->subscription);
    if (result == HSM_BAD_ANSWER)
        return outcome_fail(OUTCOME_STORE,
                            "the record of %s was altered; remove it and add it anew",
                            office->subscription.identity.impi);
    return result == HSM_OK ? OUTCOME_DONE
                            : office_fail_hsm(office, result, "checking the record's seal");
}

static enum store_result write_same(struct office *office,
                                    enum store_result (*write)(struct office *office))
{
    enum store_result result = store_begin(office->store);
    if (result != STORE_OK)
        return result;
    result = store_check_same(office->store, office->subscription.row, office->seal_as_read);
    if (result == STORE_OK)
        result = write(office);
    if (result == STORE_OK)
        return store_commit(office->store);
    store_rollback(office->store);
    return result;
}

enum outcome change_same(struct office *office, enum store_result (*write)(struct office *office))
{
    enum store_result result = write_same(office, write);
    if (result == STORE_CONFLICT)
        return outcome_fail(OUTCOME_STORE,
                            "store %s: somebody changed %s at the same time; nothing is changed, "
                            "do it again",
                            office->store_path, office->subscription.identity.impi);
    return result == STORE_OK ? OUTCOME_DONE : office_fail_store(office, result);
}

enum outcome change_sealed(struct office *office, enum store_result (*write)(struct office *office))
{
    enum hsm_result result = subscription_seal(office->token, &office->subscription);
    if (result != HSM_OK)
        return office_fail_hsm(office, result, "sealing the record");
    return change_same(office, write);
}

enum store_result change_write_record(struct office *office)
{
    return store_update(office->store, &office->subscription);
}

enum store_result change_write_names(struct office *office)
{
    enum store_result result = store_update(office->store, &office->subscription);
    return result == STORE_OK ? store_set_names(office->store, &office->subscription) : result;
}
