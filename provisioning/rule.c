#include "rule.h"

#include <string.h>
#include <sys/random.h>

#include "officer.h"
#include "stored_value.h"

#define RULE_VERSION 1

static void encode(const struct rule *rule, struct stored_value *out)
{
    struct wire_writer writer = wire_writer_of(out->value, sizeof out->value);
    memcpy(out->name, RULE_NAME, sizeof RULE_NAME);
    wire_write_number(&writer, RULE_VERSION, 1);
    wire_write_number(&writer, rule->approvals, 1);
    wire_write_number(&writer, rule->pin_least, 1);
    wire_write_bytes(&writer, rule->store_id, sizeof rule->store_id);
    wire_write_bytes(&writer, rule->officers, sizeof rule->officers);
    out->bytes = writer.used;
}

static bool decode(const struct stored_value *value, struct rule *out)
{
    struct wire_reader reader = wire_reader_of(value->value, value->bytes);
    uint64_t version = wire_read_number(&reader, 1);
    out->approvals = (uint8_t)wire_read_number(&reader, 1);
    out->pin_least = (uint8_t)wire_read_number(&reader, 1);
    const uint8_t *store_id = wire_read_bytes(&reader, sizeof out->store_id);
    const uint8_t *officers = wire_read_bytes(&reader, sizeof out->officers);
    if (!wire_reader_done(&reader) || version != RULE_VERSION ||
        out->approvals > RULE_APPROVALS_MAX)
        return false;
    memcpy(out->store_id, store_id, sizeof out->store_id);
    memcpy(out->officers, officers, sizeof out->officers);
    memcpy(out->seal, value->seal, sizeof out->seal);
    return true;
}

static enum outcome fail_altered(const struct office *office)
{
    return outcome_fail(OUTCOME_STORE,
                        "store %s: its rule of approvals or its officers were altered; nothing is "
                        "done",
                        office->store_path);
}

static enum outcome check_officers(struct office *office, const struct rule *rule)
{
    uint8_t officers[SHA256_BYTES];
    enum outcome outcome = officers_hash(office, officers);
    if (outcome != OUTCOME_DONE)
        return outcome;
    return memcmp(officers, rule->officers, sizeof officers) == 0 ? OUTCOME_DONE
                                                                  : fail_altered(office);
}

enum outcome rule_read(struct office *office, struct rule *out_rule)
{
    struct stored_value value = {0};
    enum store_result found = store_value_read(office->store, RULE_NAME, &value);
    if (found == STORE_NOT_FOUND)
        return outcome_fail(OUTCOME_STORE,
                            "store %s has no rule of approvals: it was not made by nisim-token "
                            "init, or the rule was taken out",
                            office->store_path);
    if (found != STORE_OK && found != STORE_BAD_RECORD)
        return office_fail_store(office, found);
    enum hsm_result result = stored_value_check_seal(office->token, &value);
    if (found == STORE_BAD_RECORD || result == HSM_BAD_ANSWER)
        return fail_altered(office);
    if (result != HSM_OK)
        return office_fail_hsm(office, result, "checking the seal of the rule of approvals");
    return decode(&value, out_rule) ? check_officers(office, out_rule) : fail_altered(office);
}

bool rule_read_unproved(struct office *office, struct rule *out_rule)
{
    struct stored_value value = {0};
    return store_value_read(office->store, RULE_NAME, &value) == STORE_OK &&
           decode(&value, out_rule);
}

static enum outcome write_sealed(struct office *office, const struct rule *rule)
{
    struct stored_value value = {0};
    encode(rule, &value);
    return office_write_sealed(office, &value, "sealing the rule of approvals");
}

enum outcome rule_write_first(struct office *office, uint8_t pin_least)
{
    struct rule rule = {.pin_least = pin_least};
    enum outcome outcome = officers_hash(office, rule.officers);
    if (outcome != OUTCOME_DONE)
        return outcome;
    if (getrandom(rule.store_id, sizeof rule.store_id, 0) != sizeof rule.store_id)
        return outcome_fail(OUTCOME_FAILED, "no random bytes from the kernel");
    return write_sealed(office, &rule);
}

/* No other act wrote the rule since it was read. */
static enum outcome check_unchanged(struct office *office, const struct rule *rule)
{
    struct stored_value value = {0};
    enum store_result found = store_value_read(office->store, RULE_NAME, &value);
    if (found != STORE_OK)
        return office_fail_store(office, found);
    if (!secret_equal(value.seal, rule->seal, sizeof value.seal))
        return outcome_fail(OUTCOME_STORE,
                            "store %s: somebody changed officers or rules at the "
                            "same time; nothing is changed, do it again",
                            office->store_path);
    return OUTCOME_DONE;
}

enum outcome rule_replace(struct office *office, const struct rule *rule)
{
    struct rule next = *rule;
    enum outcome outcome = check_unchanged(office, rule);
    if (outcome == OUTCOME_DONE)
        outcome = officers_hash(office, next.officers);
    return outcome == OUTCOME_DONE ? write_sealed(office, &next) : outcome;
}
