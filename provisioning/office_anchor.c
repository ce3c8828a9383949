#include "office.h"

enum outcome office_fail_anchor(struct office *office)
{
    const struct anchor *anchor = &office->anchor;
    if (anchor->stored != STORE_OK)
        return office_fail_store(office, anchor->stored);
    return office_fail_hsm(office, anchor->hsm, "object \"" TOKEN_ANCHOR_NAME "\"");
}

enum outcome office_check_anchor(struct office *office)
{
    enum anchor_verdict verdict = ANCHOR_GOOD;
    if (office->answers_for_anchor)
        return OUTCOME_DONE;
    anchor_start(&office->anchor, office->token, office->store);
    if (!anchor_compare(&office->anchor, &verdict))
        return office_fail_anchor(office);
    if (verdict == ANCHOR_GOOD)
        return OUTCOME_DONE;
    if (!anchor_is_good(verdict) && office->writable) {
        office->anchor.store = NULL; /* nothing that happens now makes it newer */
        return outcome_fail(OUTCOME_OLD_STORE, "store %s: %s", office->store_path,
                            anchor_verdict_text(verdict));
    }
    outcome_warn("store %s: %s", office->store_path, anchor_verdict_text(verdict));
    return OUTCOME_DONE;
}

enum outcome office_advance_anchor(struct office *office, enum outcome outcome)
{
    struct anchor *anchor = &office->anchor;
    if (anchor->store == NULL || office->answers_for_anchor || !office->writable)
        return outcome;
    if (!anchor_wrote(anchor) || anchor_advance(anchor) || outcome != OUTCOME_DONE)
        return outcome;
    outcome_warn("this is done, but the token does not know yet that the store has changed");
    return office_fail_anchor(office);
}
