/* subscriber rest: moves K and OPc from one residence to the other. */
#include <stdio.h>
#include <string.h>

#include "change.h"
#include "credentials.h"
#include "orphan.h"
#include "verbs.h"

static const char *const names[] = {"resident", "wrapped"}; /* by enum residence */

enum outcome residence_read(const struct arguments *arguments, enum residence *out_residence)
{
    if (arguments->residence == NULL) {
        *out_residence = RESIDENCE_RESIDENT;
        return OUTCOME_DONE;
    }
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        if (strcmp(arguments->residence, names[i]) == 0) {
            *out_residence = (enum residence)i;
            return OUTCOME_DONE;
        }
    }
    return outcome_fail(OUTCOME_USAGE, "--residence \"%s\": not resident or wrapped",
                        arguments->residence);
}

/* The store is the judge of where K rests; until it says so, the objects made here are nobody's. */
static enum outcome swap_row(struct office *office, const struct key_ref *ref)
{
    struct subscription *subscription = &office->subscription;
    subscription->residence = RESIDENCE_RESIDENT;
    subscription->key_ref = *ref;
    return change_sealed(office, change_write_record);
}

static enum outcome make_resident(struct office *office)
{
    const struct subscription *subscription = &office->subscription;
    const char *impi = subscription->identity.impi;
    struct key_ref ref = {{0}};
    enum outcome outcome = orphan_note(office, impi);
    if (outcome != OUTCOME_DONE)
        return outcome;
    enum hsm_result result = enrol_unwrap(office->token, &subscription->wrapped, impi, &ref);
    if (result != HSM_OK)
        return office_fail_hsm(office, result, "moving K and OPc into the token");
    outcome = swap_row(office, &ref);
    if (outcome == OUTCOME_DONE) {
        orphan_settle(office, impi);
        printf("%s rests as an object of the token\n", impi);
    } else if (enrol_destroy(office->token, &ref) != HSM_OK) {
        outcome_warn("a key of %s stays in the token until the next run", impi);
    }
    return outcome;
}

static enum outcome move(struct office *office, enum residence to)
{
    const struct subscription *subscription = &office->subscription;
    const char *impi = subscription->identity.impi;
    if (subscription->digest.is_alone)
        return outcome_fail(OUTCOME_FAILED, "%s has SIP digest alone: no K, no residence", impi);
    if (subscription->residence == to) {
        printf("%s is %s already\n", impi, names[to]);
        return OUTCOME_DONE;
    }
    if (to == RESIDENCE_RESIDENT)
        return make_resident(office);
    return outcome_fail(OUTCOME_FAILED,
                        "K of %s is in the token and can't leave it, not even wrapped; nothing is "
                        "changed. To have it wrapped, remove the subscriber and add or import it "
                        "anew with --residence wrapped",
                        impi);
}

enum outcome residence_move(struct office *office, const struct arguments *arguments)
{
    enum residence to = RESIDENCE_RESIDENT;
    if (arguments->residence == NULL)
        return outcome_fail(OUTCOME_USAGE,
                            "subscriber rest needs --residence resident or --residence wrapped");
    enum outcome outcome = residence_read(arguments, &to);
    if (outcome == OUTCOME_DONE)
        outcome = change_open(office, arguments->name);
    return outcome == OUTCOME_DONE ? move(office, to) : outcome;
}
