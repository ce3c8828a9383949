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
    if (!anchor_is_good(verdict) && office->writable)
        return outcome_fail(OUTCOME_OLD_STORE, "store %s: %s", office->store_path,
                            anchor_verdict_text(verdict));
    outcome_warn("store %s: %s", office->store_path, anchor_verdict_text(verdict));
    return OUTCOME_DONE;
}

enum outcome office_advance_anchor(struct office *office)
{
    struct anchor *anchor = &office->anchor;
    if (anchor->store == NULL || office->answers_for_anchor || !office->writable)
        return OUTCOME_DONE;
    if (!anchor_wrote(anchor))
        return OUTCOME_DONE;
    return anchor_advance(anchor) ? OUTCOME_DONE : office_fail_anchor(office);
}
