#include "anchoring.h"

#include <inttypes.h>
#include <time.h>

#include "log.h"

static int64_t now_seconds(void)
{
    struct timespec now = {0};
    clock_gettime(CLOCK_MONOTONIC_COARSE, &now);
    return now.tv_sec;
}

static const char *why(const struct anchor *anchor)
{
    return anchor->stored != STORE_OK ? store_why(anchor->store) : hsm_result_text(anchor->hsm);
}

/* No reason to stop: what is lost is only that an old copy of the store would be recognised. */
static void note(struct anchoring *anchoring, bool works)
{
    struct anchor *anchor = &anchoring->anchor;
    if (!works && !anchoring->failing)
        log_line(LOG_LEVEL_WARNING, "anchor-failing",
                 "reason=\"%s\" call=\"%s\" effect=\"an old copy of the store might not be "
                 "recognised\"",
                 why(anchor), module_fault(anchor->token->module));
    if (works && anchoring->failing)
        log_line(LOG_LEVEL_WARNING, "anchor-works-again", NULL);
    anchoring->failing = !works;
}

static void advance(struct anchoring *anchoring)
{
    anchoring->next_seconds = now_seconds() + anchoring->interval_seconds;
    bool works = anchor_advance(&anchoring->anchor);
    note(anchoring, works);
    if (works)
        log_line(LOG_LEVEL_DEBUG, "anchor-advanced", "counter=%" PRIu64,
                 anchoring->anchor.in_store.counter);
}

static enum exit_code judge(const struct anchor *anchor, enum anchor_verdict verdict,
                            const char *path)
{
    bool is_good = anchor_is_good(verdict);
    if (verdict == ANCHOR_GOOD)
        return EXIT_DONE;
    log_line(is_good ? LOG_LEVEL_WARNING : LOG_LEVEL_ERROR, is_good ? "token-old" : "store-refused",
             "file=\"%s\" store_counter=%" PRIu64 " token_counter=%" PRIu64 " reason=\"%s\"", path,
             anchor->in_store.counter, anchor->in_token.counter, anchor_verdict_text(verdict));
    if (is_good)
        return EXIT_DONE;
    return verdict == ANCHOR_STORE_NONE || verdict == ANCHOR_STORE_ALTERED ? EXIT_STORE
                                                                           : EXIT_OLD_STORE;
}

enum exit_code anchoring_begin(struct anchoring *anchoring, const char *path)
{
    struct anchor *anchor = &anchoring->anchor;
    enum anchor_verdict verdict = ANCHOR_GOOD;
    if (!anchor_compare(anchor, &verdict)) {
        log_line(LOG_LEVEL_ERROR, "anchor-unreadable", "reason=\"%s\" call=\"%s\"", why(anchor),
                 module_fault(anchor->token->module));
        return EXIT_LOST;
    }
    enum exit_code exit = judge(anchor, verdict, path);
    if (exit == EXIT_DONE && anchoring->advances)
        advance(anchoring);
    return exit;
}

void anchoring_turn(struct anchoring *anchoring)
{
    bool is_behind = false;
    if (!anchoring->advances || now_seconds() < anchoring->next_seconds)
        return;
    if (!anchor_is_behind(&anchoring->anchor, &is_behind))
        note(anchoring, false);
    else if (is_behind || anchoring->failing)
        advance(anchoring);
}
