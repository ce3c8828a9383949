#include <stdio.h>
#include <string.h>
#include <time.h>

#include "audit_text.h"
#include "verbs.h"

struct filter {
    const char *person;
    const char *subscriber;
    const char *outcome;
    uint64_t since_ms;
    uint64_t until_ms; /* the first moment that is too late */
};

/* ISO 8601, UTC: a day, or a second. out_ms: its first moment; out_long_ms: how long it is. */
static bool read_time(const char *text, uint64_t *out_ms, uint64_t *out_long_ms)
{
    struct tm parts = {0};
    *out_long_ms = 1000;
    const char *rest = strptime(text, "%Y-%m-%dT%H:%M:%S", &parts);
    if (rest != NULL && *rest == 'Z')
        rest++;
    if (rest == NULL) {
        parts = (struct tm){0};
        rest = strptime(text, "%Y-%m-%d", &parts);
        *out_long_ms = UINT64_C(86400000);
    }
    if (rest == NULL || *rest != '\0' || parts.tm_year < 70)
        return false;
    *out_ms = (uint64_t)timegm(&parts) * 1000;
    return true;
}

static enum outcome fail_time(const char *option, const char *text)
{
    return outcome_fail(OUTCOME_USAGE,
                        "--%s: \"%s\" is no time; write 2026-11-24 or 2026-11-24T13:00:00Z (UTC)",
                        option, text);
}

static enum outcome read_filter(const struct arguments *arguments, struct filter *out)
{
    uint64_t length = 0;
    *out = (struct filter){arguments->person, arguments->subscriber, arguments->outcome, 0,
                           UINT64_MAX};
    if (arguments->since != NULL && !read_time(arguments->since, &out->since_ms, &length))
        return fail_time("since", arguments->since);
    if (arguments->until != NULL) {
        if (!read_time(arguments->until, &out->until_ms, &length))
            return fail_time("until", arguments->until);
        out->until_ms += length;
    }
    if (out->outcome != NULL && !audit_outcome_exists(out->outcome))
        return outcome_fail(OUTCOME_USAGE,
                            "--outcome: \"%s\" is no outcome; nisim-token(1) lists them",
                            out->outcome);
    return OUTCOME_DONE;
}

static bool is_same(const char *wanted, const char *found)
{
    return wanted == NULL || (found != NULL && strcmp(wanted, found) == 0);
}

static bool is_of_person(const char *wanted, const struct audit_record *record)
{
    bool same = is_same(wanted, record->person);
    for (size_t i = 0; i < AUDIT_OFFICERS_MAX && record->officers[i] != NULL; i++)
        same = same || is_same(wanted, record->officers[i]);
    return same;
}

static bool passes(const struct filter *filter, const struct audit_find *find)
{
    const struct audit_record *record = &find->cursor->read.record;
    const char *end = find->is_withdrawn ? "WITHDRAWN" : audit_outcome_name(record);
    return record->time_ms >= filter->since_ms && record->time_ms < filter->until_ms &&
           is_of_person(filter->person, record) &&
           is_same(filter->subscriber, record->subscriber) && is_same(filter->outcome, end);
}

static enum outcome print_json_line(const struct audit_find *find)
{
    json_t *line = audit_json(find);
    int failed = line == NULL || json_dumpf(line, stdout, JSON_COMPACT) != 0;
    json_decref(line);
    putchar('\n');
    return failed ? outcome_fail(OUTCOME_FAILED, "memory is short") : OUTCOME_DONE;
}

static enum outcome print(const struct filter *filter, struct audit_walk *walk, bool json)
{
    struct audit_find find;
    enum outcome outcome = OUTCOME_DONE;
    while (outcome == OUTCOME_DONE && audit_walk_next(walk, &find)) {
        if (!passes(filter, &find))
            continue;
        if (json)
            outcome = print_json_line(&find);
        else
            audit_print_line(&find);
    }
    return outcome == OUTCOME_DONE ? audit_walk_outcome(walk) : outcome;
}

enum outcome audit_show(struct office *office, const struct arguments *arguments)
{
    struct filter filter;
    struct audit_walk *walk = NULL;
    enum outcome outcome = read_filter(arguments, &filter);
    const char *folder = arguments->from == NULL ? office->audit_path : arguments->from;
    if (outcome == OUTCOME_DONE && folder[0] == '\0')
        outcome = outcome_fail(OUTCOME_USAGE, "no store: give --config FILE or --store FILE");
    if (outcome == OUTCOME_DONE)
        outcome = audit_walk_new(folder, arguments->writer, &walk);
    if (outcome == OUTCOME_DONE)
        outcome = print(&filter, walk, arguments->json);
    audit_walk_free(&walk);
    return outcome;
}
