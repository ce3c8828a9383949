#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "store_gba.h"
#include "verbs.h"

/* What the transaction has gone through. */
struct passage {
    uint64_t advance;
    size_t count;
    size_t altered; /* records that are not as they were sealed */
};

static enum outcome confirm(void)
{
    char answer[16] = "";
    if (!isatty(STDIN_FILENO))
        return outcome_fail(OUTCOME_USAGE,
                            "standard input is no terminal to confirm on: give --yes");
    fputs("Every subscriber will have to resynchronise. Type accept to confirm: ", stderr);
    if (fgets(answer, sizeof answer, stdin) == NULL)
        answer[0] = '\0';
    answer[strcspn(answer, "\n")] = '\0';
    if (strcmp(answer, "accept") == 0)
        return OUTCOME_DONE;
    return outcome_fail(OUTCOME_FAILED, "not confirmed; nothing is changed");
}

/* An altered record's lengths prove nothing; it may be put right later, so its state moves too. */
static enum outcome profile_of(struct office *office, enum store_result read,
                               struct passage *passage, struct sqn_profile *out_profile)
{
    enum hsm_result sealed = HSM_BAD_ANSWER;
    if (read == STORE_OK)
        sealed = subscription_check_seal(office->token, &office->subscription);
    if (sealed != HSM_OK && sealed != HSM_BAD_ANSWER)
        return office_fail_hsm(office, sealed, "checking a record's seal");
    *out_profile = office->subscription.profile;
    if (sealed == HSM_BAD_ANSWER) {
        out_profile->ind_bits = SQN_IND_BITS_MAX;
        passage->altered++;
    }
    passage->count++;
    return OUTCOME_DONE;
}

static enum outcome advance_row(struct office *office, enum store_result read,
                                struct passage *passage)
{
    int64_t row = office->subscription.row;
    int64_t version = 0;
    struct sqn_profile profile = {0};
    struct sqn_array array = {{0}};
    enum outcome outcome = profile_of(office, read, passage, &profile);
    if (outcome != OUTCOME_DONE)
        return outcome;
    enum store_result result = store_sqn_read(office->store, row, &array, &version);
    if (result == STORE_OK && !sqn_skip(&profile, &array, passage->advance, &array))
        return outcome_fail(OUTCOME_USAGE,
                            "--advance %" PRIu64 ": the SEQ of %s would no longer fit its 48 bits "
                            "of SQN; nothing is changed",
                            passage->advance,
                            read == STORE_OK ? office->subscription.identity.impi
                                             : "an altered record");
    if (result == STORE_OK)
        result = store_sqn_swap(office->store, row, version, &array);
    return result == STORE_OK ? OUTCOME_DONE : office_fail_store(office, result);
}

static enum outcome advance_all(struct office *office, struct passage *passage)
{
    struct subscription *subscription = &office->subscription;
    subscription->row = 0;
    while (true) {
        enum store_result read = store_next(office->store, subscription->row, subscription);
        if (read == STORE_NOT_FOUND)
            return OUTCOME_DONE;
        enum outcome outcome = read == STORE_OK || read == STORE_BAD_RECORD
                                   ? advance_row(office, read, passage)
                                   : office_fail_store(office, read);
        if (outcome != OUTCOME_DONE)
            return outcome;
    }
}

/* Within the transaction: all that the store needs to be taken for good. */
static enum outcome make_safe(struct office *office, struct passage *passage)
{
    enum outcome outcome = advance_all(office, passage);
    if (outcome != OUTCOME_DONE)
        return outcome;
    if (passage->altered > 0 && passage->altered == passage->count)
        return outcome_fail(OUTCOME_STORE,
                            "store %s: no record of it was sealed by this token: it belongs to "
                            "another; nothing is changed",
                            office->store_path);
    enum store_result result = store_gba_void(office->store);
    if (result != STORE_OK)
        return office_fail_store(office, result);
    return anchor_adopt(&office->anchor) ? OUTCOME_DONE : office_fail_anchor(office);
}

static enum outcome accept_in_one(struct office *office, struct passage *passage)
{
    enum store_result result = store_begin(office->store);
    if (result != STORE_OK)
        return office_fail_store(office, result);
    return office_end_transaction(office, make_safe(office, passage));
}

static enum outcome open_all(struct office *office)
{
    enum anchor_verdict verdict = ANCHOR_GOOD;
    office->answers_for_anchor = true;
    enum outcome outcome = office_open_store(office, false);
    if (outcome == OUTCOME_DONE)
        outcome = office_open_token(office, true);
    if (outcome == OUTCOME_DONE)
        outcome = office_prove_token(office);
    if (outcome != OUTCOME_DONE)
        return outcome;
    anchor_start(&office->anchor, office->token, office->store);
    if (!anchor_compare(&office->anchor, &verdict))
        return office_fail_anchor(office);
    outcome_warn("store %s: %s", office->store_path,
                 verdict == ANCHOR_GOOD ? "as this token knows it" : anchor_verdict_text(verdict));
    return OUTCOME_DONE;
}

enum outcome state_accept(struct office *office, const struct arguments *arguments)
{
    struct passage passage = {.advance = (uint64_t)arguments->advance};
    enum outcome outcome = open_all(office);
    if (outcome == OUTCOME_DONE && !arguments->yes)
        outcome = confirm();
    if (outcome == OUTCOME_DONE)
        outcome = accept_in_one(office, &passage);
    if (outcome == OUTCOME_DONE && !anchor_finish(&office->anchor))
        outcome = office_fail_anchor(office);
    if (outcome != OUTCOME_DONE)
        return outcome;
    act_tell(office, "%zu subscribers, of them altered %zu, SEQ of each moved on by %" PRIu64,
             passage.count, passage.altered, passage.advance);
    if (passage.altered > 0)
        outcome_warn("records not as they were sealed: %zu; subscriber list names them",
                     passage.altered);
    printf("store %s accepted: SQN states moved on: %zu, each past its highest SEQ + %" PRIu64
           "; GBA states void\n",
           office->store_path, passage.count, passage.advance);
    return OUTCOME_DONE;
}
