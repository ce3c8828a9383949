/* The SQN state of a subscriber: shown, and set by hand. */
#include <inttypes.h>
#include <stdio.h>

#include "change.h"
#include "json_out.h"
#include "lookup.h"
#include "verbs.h"

static size_t entries_of(const struct sqn_profile *profile)
{
    return (size_t)1 << profile->ind_bits;
}

static enum outcome read_array(struct office *office, struct sqn_array *out_array)
{
    int64_t version = 0;
    enum store_result result =
        store_sqn_read(office->store, office->subscription.row, out_array, &version);
    if (result == STORE_NOT_FOUND)
        return outcome_fail(OUTCOME_STORE, "store %s: %s has no SQN state", office->store_path,
                            office->subscription.identity.impi);
    return result == STORE_OK ? OUTCOME_DONE : office_fail_store(office, result);
}

static enum outcome show_json(const struct subscription *subscription,
                              const struct sqn_array *array, const char *sqn_ms)
{
    json_t *seqs = json_array();
    for (size_t i = 0; i < entries_of(&subscription->profile); i++)
        json_array_append_new(seqs, json_integer((json_int_t)array->seq[i]));
    uint64_t highest = sqn_highest(&subscription->profile, array);
    json_t *all =
        json_pack("{s:s, s:i, s:s, s:I, s:o}", "impi", subscription->identity.impi, "ind_bits",
                  subscription->profile.ind_bits, "sqn_ms", sqn_ms, "highest_seq",
                  (json_int_t)(highest >> subscription->profile.ind_bits), "seqs", seqs);
    return json_print(all);
}

static void print_text(const struct subscription *subscription, const struct sqn_array *array,
                       const char *sqn_ms)
{
    uint64_t highest = sqn_highest(&subscription->profile, array);
    printf("impi: %s\nsqn-ms: %s\nhighest-seq: %" PRIu64 "\n", subscription->identity.impi, sqn_ms,
           highest >> subscription->profile.ind_bits);
    for (size_t i = 0; i < entries_of(&subscription->profile); i++)
        printf("ind %zu: %" PRIu64 "\n", i, array->seq[i]);
}

enum outcome sqn_show(struct office *office, const struct arguments *arguments)
{
    const struct subscription *subscription = &office->subscription;
    struct sqn_array array = {{0}};
    char sqn_ms[16];
    enum outcome outcome = office_open_store(office, false);
    if (outcome == OUTCOME_DONE)
        outcome = lookup_subscriber(office, arguments->name);
    if (outcome == OUTCOME_DONE)
        outcome = read_array(office, &array);
    if (outcome != OUTCOME_DONE)
        return outcome;
    snprintf(sqn_ms, sizeof sqn_ms, "%012" PRIx64, sqn_highest(&subscription->profile, &array));
    if (arguments->json)
        return show_json(subscription, &array, sqn_ms);
    print_text(subscription, &array, sqn_ms);
    return OUTCOME_DONE;
}

/* Read and written in one transaction, so that no acceptance comes between. */
static enum store_result write_seq(struct office *office)
{
    const struct arguments *arguments = office->act.arguments;
    const struct subscription *subscription = &office->subscription;
    struct sqn_array array = {{0}};
    int64_t version = 0;
    enum store_result result = store_sqn_read(office->store, subscription->row, &array, &version);
    if (result != STORE_OK)
        return result;
    for (size_t i = 0; i < entries_of(&subscription->profile); i++) {
        if (array.seq[i] > (uint64_t)arguments->to && !arguments->even_downwards)
            return STORE_CONFLICT;
        array.seq[i] = (uint64_t)arguments->to;
    }
    return store_sqn_swap(office->store, subscription->row, version, &array);
}

static enum outcome check_seq(struct office *office, const struct arguments *arguments)
{
    const struct subscription *subscription = &office->subscription;
    struct sqn_array array = {{0}};
    int64_t most = NUMBER_48_BITS >> subscription->profile.ind_bits;
    enum outcome outcome = read_array(office, &array);
    if (outcome != OUTCOME_DONE)
        return outcome;
    uint64_t highest =
        sqn_highest(&subscription->profile, &array) >> subscription->profile.ind_bits;
    if (arguments->to > most)
        return outcome_fail(OUTCOME_USAGE, "--to %" PRId64 ": the SEQ of %s goes to %" PRId64,
                            arguments->to, subscription->identity.impi, most);
    if ((uint64_t)arguments->to < highest && !arguments->even_downwards)
        return outcome_fail(OUTCOME_USAGE,
                            "--to %" PRId64 ": the SEQ of %s is at %" PRIu64 "; below it, "
                            "challenges that were used already would be accepted once more "
                            "(--even-downwards)",
                            arguments->to, subscription->identity.impi, highest);
    return OUTCOME_DONE;
}

enum outcome sqn_reset(struct office *office, const struct arguments *arguments)
{
    const struct subscription *subscription = &office->subscription;
    if (!arguments->given[ARGUMENT_to])
        return outcome_fail(OUTCOME_USAGE, "sqn reset needs --to SEQ");
    enum outcome outcome = change_find(office, arguments->name);
    if (outcome == OUTCOME_DONE)
        outcome = check_seq(office, arguments);
    if (outcome == OUTCOME_DONE)
        outcome = change_approve(office);
    if (outcome == OUTCOME_DONE)
        outcome = change_same(office, write_seq);
    if (outcome != OUTCOME_DONE)
        return outcome;
    printf("%s: SEQ is %" PRId64 " for every IND\n", subscription->identity.impi, arguments->to);
    if (arguments->even_downwards)
        outcome_warn("challenges of %s with a SEQ above %" PRId64 " that were used already are "
                     "accepted once more",
                     subscription->identity.impi, arguments->to);
    return OUTCOME_DONE;
}
