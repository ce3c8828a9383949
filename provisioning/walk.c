#include "walk.h"

#include <fnmatch.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lookup.h"

/* What --origin takes. */
static const char *origin_name(enum key_origin origin)
{
    switch (origin) {
    case KEY_ORIGIN_CLEAR_LABORATORY:
        return "laboratory";
    case KEY_ORIGIN_GENERATED:
        return "generated";
    case KEY_ORIGIN_WRAPPED_AES:
        return "aes";
    case KEY_ORIGIN_WRAPPED_RSA:
        return "rsa";
    }
    return "unknown";
}

static enum outcome take_order(const struct arguments *arguments, struct walk *walk)
{
    static const char *const orders[] = {
        [WALK_BY_ROW] = "row", [WALK_BY_IMPI] = "impi", [WALK_BY_DOMAIN] = "domain"};
    if (arguments->sort == NULL)
        return OUTCOME_DONE;
    for (size_t i = 0; i < sizeof orders / sizeof orders[0]; i++) {
        if (strcmp(arguments->sort, orders[i]) == 0) {
            walk->order = (enum walk_order)i;
            return OUTCOME_DONE;
        }
    }
    return outcome_fail(OUTCOME_USAGE, "--sort \"%s\": not row, impi or domain", arguments->sort);
}

static enum outcome take_filter(const struct arguments *arguments, struct walk *walk)
{
    walk->arguments = arguments;
    if (arguments->enabled && arguments->disabled)
        return outcome_fail(OUTCOME_USAGE, "--enabled and --disabled leave nobody");
    if (arguments->origin == NULL)
        return OUTCOME_DONE;
    for (int origin = KEY_ORIGIN_CLEAR_LABORATORY; origin <= KEY_ORIGIN_WRAPPED_RSA; origin++) {
        if (strcmp(arguments->origin, origin_name((enum key_origin)origin)) == 0)
            walk->origin = (uint8_t)origin;
    }
    if (walk->origin == 0)
        return outcome_fail(OUTCOME_USAGE, "--origin \"%s\": not laboratory, generated, aes or rsa",
                            arguments->origin);
    return OUTCOME_DONE;
}

/* Of K, or of the secrets of SIP digest. */
static bool has_origin(const struct subscription *subscription, enum key_origin origin)
{
    return subscription->origin == origin ||
           (subscription->digest.algorithms != 0 && subscription->digest.origin == origin);
}

static bool matches(const struct subscription *subscription, const char *pattern)
{
    if (fnmatch(pattern, subscription->identity.impi, 0) == 0)
        return true;
    for (size_t i = 0; i < subscription->user_id_count; i++) {
        if (fnmatch(pattern, subscription->user_ids[i], 0) == 0)
            return true;
    }
    return false;
}

static bool takes(const struct walk *walk, const struct subscription *subscription)
{
    const struct arguments *arguments = walk->arguments;
    if ((arguments->enabled && !subscription->enabled) ||
        (arguments->disabled && subscription->enabled))
        return false;
    if (walk->origin != 0 && !has_origin(subscription, (enum key_origin)walk->origin))
        return false;
    if (arguments->domain != NULL &&
        strcasecmp(arguments->domain, subscription->identity.domain) != 0)
        return false;
    return arguments->match == NULL || matches(subscription, arguments->match);
}

bool walk_is_whole(const struct walk *walk)
{
    const struct arguments *arguments = walk->arguments;
    return !arguments->enabled && !arguments->disabled && walk->origin == 0 &&
           arguments->domain == NULL && arguments->match == NULL && arguments->limit == 0 &&
           arguments->after == NULL;
}

static int compare(const void *left, const void *right)
{
    const struct walk_entry *a = left;
    const struct walk_entry *b = right;
    int order = strcmp(a->domain, b->domain);
    return order != 0 ? order : (a->row > b->row) - (a->row < b->row);
}

static bool append(struct walk *walk, const char *domain, int64_t row)
{
    if ((walk->entry_count & (walk->entry_count - 1)) == 0) { /* 0, or a power of two: full */
        size_t room = walk->entry_count == 0 ? 1 : 2 * walk->entry_count;
        struct walk_entry *entries = realloc(walk->entries, room * sizeof *entries);
        if (entries == NULL)
            return false;
        walk->entries = entries;
    }
    struct walk_entry *entry = &walk->entries[walk->entry_count];
    *entry = (struct walk_entry){strdup(domain), row};
    walk->entry_count += entry->domain != NULL;
    return entry->domain != NULL;
}

static enum outcome sort_by_domain(struct office *office, struct walk *walk)
{
    struct subscription *subscription = &office->subscription;
    enum store_result result = STORE_OK;
    int64_t row = 0;
    while ((result = store_next(office->store, row, subscription)) == STORE_OK ||
           result == STORE_BAD_RECORD) {
        row = subscription->row;
        const char *domain = result == STORE_OK ? subscription->identity.domain : "";
        if ((result == STORE_BAD_RECORD || takes(walk, subscription)) && !append(walk, domain, row))
            return outcome_fail(OUTCOME_FAILED, "memory is short for --sort domain");
    }
    if (result != STORE_NOT_FOUND)
        return office_fail_store(office, result);
    if (walk->entry_count > 0)
        qsort(walk->entries, walk->entry_count, sizeof walk->entries[0], compare);
    return OUTCOME_DONE;
}

static enum outcome begin_after(struct office *office, struct walk *walk)
{
    const struct subscription *subscription = &office->subscription;
    enum outcome outcome = lookup_subscriber(office, walk->arguments->after);
    if (outcome != OUTCOME_DONE)
        return outcome;
    walk->row = subscription->row;
    memcpy(walk->impi, subscription->identity.impi, sizeof walk->impi);
    return OUTCOME_DONE;
}

enum outcome walk_begin(struct office *office, const struct arguments *arguments,
                        struct walk *out_walk)
{
    struct walk_entry last = {office->subscription.identity.domain, 0};
    enum outcome outcome = take_order(arguments, out_walk);
    if (outcome == OUTCOME_DONE)
        outcome = take_filter(arguments, out_walk);
    if (outcome == OUTCOME_DONE && out_walk->order == WALK_BY_DOMAIN)
        outcome = sort_by_domain(office, out_walk);
    if (outcome == OUTCOME_DONE && arguments->after != NULL)
        outcome = begin_after(office, out_walk);
    if (outcome != OUTCOME_DONE || arguments->after == NULL)
        return outcome;
    last.row = out_walk->row;
    while (out_walk->entries_used < out_walk->entry_count &&
           compare(&out_walk->entries[out_walk->entries_used], &last) <= 0)
        out_walk->entries_used++;
    return OUTCOME_DONE;
}

/* One that was removed meanwhile is passed over. */
static enum store_result step_by_domain(struct office *office, struct walk *walk)
{
    while (walk->entries_used < walk->entry_count) {
        int64_t row = walk->entries[walk->entries_used++].row;
        enum store_result result = store_next(office->store, row - 1, &office->subscription);
        if (result == STORE_NOT_FOUND || office->subscription.row == row)
            return result;
    }
    return STORE_NOT_FOUND;
}

static enum store_result step(struct office *office, struct walk *walk)
{
    enum store_result result = STORE_NOT_FOUND;
    switch (walk->order) {
    case WALK_BY_ROW:
        result = store_next(office->store, walk->row, &office->subscription);
        walk->row = office->subscription.row;
        break;
    case WALK_BY_IMPI:
        result = store_next_impi(office->store, walk->impi, &office->subscription);
        break;
    case WALK_BY_DOMAIN:
        result = step_by_domain(office, walk);
        break;
    }
    return result;
}

enum store_result walk_next(struct office *office, struct walk *walk)
{
    enum store_result result = STORE_OK;
    do
        result = step(office, walk);
    while (result == STORE_OK && !takes(walk, &office->subscription));
    return result;
}

void walk_free(struct walk *walk)
{
    for (size_t i = 0; i < walk->entry_count; i++)
        free(walk->entries[i].domain);
    free(walk->entries);
    walk->entries = NULL;
}
