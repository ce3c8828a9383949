#include "lookup.h"

#include <string.h>

static enum store_result find_by(struct office *office, enum field_tag by, const char *text)
{
    struct subscriber_name name = {.by = by};
    size_t length = strlen(text);
    if (length >= sizeof name.text)
        return STORE_NOT_FOUND;
    memcpy(name.text, text, length + 1);
    enum store_result result = store_find(office->store, &name, &office->subscription);
    if (result == STORE_OK && !subscription_is_named(&office->subscription, &name))
        return STORE_BAD_RECORD;
    return result;
}

/* lookup_must_be_free lets no name stand for two subscriptions: the order does not matter. */
static enum store_result find(struct office *office, const char *name)
{
    enum store_result result = find_by(office, FIELD_USER_ID, name);
    return result == STORE_NOT_FOUND ? find_by(office, FIELD_IMPI, name) : result;
}

enum outcome lookup_subscriber(struct office *office, const char *name)
{
    enum store_result result = find(office, name);
    if (result == STORE_OK)
        return OUTCOME_DONE;
    if (result == STORE_NOT_FOUND)
        return outcome_fail(OUTCOME_UNKNOWN, "no subscriber \"%s\" in store %s", name,
                            office->store_path);
    if (result == STORE_BAD_RECORD)
        return outcome_fail(OUTCOME_STORE, "store %s: the record of \"%s\" was altered",
                            office->store_path, name);
    return office_fail_store(office, result);
}

enum outcome lookup_must_be_free(struct office *office, const char *name)
{
    enum store_result result = find(office, name);
    if (result == STORE_NOT_FOUND)
        return OUTCOME_DONE;
    if (result == STORE_OK || result == STORE_BAD_RECORD)
        return outcome_fail(OUTCOME_TAKEN,
                            "\"%s\" is a user id or the IMPI of a subscriber already", name);
    return office_fail_store(office, result);
}
