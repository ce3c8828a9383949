#include "audit_walk.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define LANES_MAX 80 /* 64 keepers, the officers */

struct lane {
    char writer[AUDIT_WRITER_BYTES];
    bool has_record;
    struct audit_cursor cursor;
    size_t withdrawn_count;
    size_t withdrawn_room;
    uint64_t *withdrawn; /* ascending */
};

struct audit_walk {
    size_t faults;
    size_t count;
    struct lane *lanes[LANES_MAX];
    struct lane *in_hand; /* its record was given out */
};

static enum outcome fail_memory(void)
{
    return outcome_fail(OUTCOME_FAILED, "memory is short");
}

/* To the next record that is whole; what is not is said, where `tells`. */
static void step(struct audit_walk *walk, struct lane *lane, bool tells)
{
    enum audit_step found = AUDIT_WRONG;
    while (found == AUDIT_WRONG) {
        found = audit_cursor_next(&lane->cursor);
        if (!tells || found == AUDIT_READ || found == AUDIT_END)
            continue;
        outcome_warn("%s", lane->cursor.why);
        walk->faults++;
    }
    lane->has_record = found == AUDIT_READ;
}

static bool keep_withdrawn(struct lane *lane, uint64_t sequence)
{
    if (lane->withdrawn_count == lane->withdrawn_room) {
        size_t room = lane->withdrawn_room == 0 ? 64 : 2 * lane->withdrawn_room;
        uint64_t *longer = realloc(lane->withdrawn, room * sizeof *longer);
        if (longer == NULL)
            return false;
        lane->withdrawn = longer;
        lane->withdrawn_room = room;
    }
    lane->withdrawn[lane->withdrawn_count++] = sequence;
    return true;
}

static bool take_withdrawn(struct lane *lane, const struct audit_record *record)
{
    bool kept = true;
    if (record->kind != AUDIT_WITHDRAWN)
        return true;
    for (unsigned i = 0; i < 64 && kept; i++) {
        if ((record->range_mask >> i & 1) != 0)
            kept = keep_withdrawn(lane, record->range_first + i);
    }
    return kept;
}

static int compare(const void *a, const void *b)
{
    uint64_t first;
    uint64_t second;
    memcpy(&first, a, sizeof first);
    memcpy(&second, b, sizeof second);
    return first < second ? -1 : first > second;
}

static bool is_withdrawn(const struct lane *lane)
{
    uint64_t sequence = lane->cursor.read.record.sequence;
    return lane->withdrawn_count > 0 && bsearch(&sequence, lane->withdrawn, lane->withdrawn_count,
                                                sizeof sequence, compare) != NULL;
}

/* From the first segment that is there. */
static bool open_lane(struct lane *lane, const char *folder)
{
    uint32_t last = 0;
    if (!audit_last_segment(folder, lane->writer, &last))
        return false;
    for (uint32_t segment = 1; segment <= last; segment++) {
        const struct audit_head from = {.segment = segment};
        if (audit_cursor_open(&lane->cursor, folder, lane->writer, &from))
            return true;
        audit_cursor_close(&lane->cursor);
    }
    return false;
}

/* Twice through: what was withdrawn is known only behind it. */
static enum outcome start_lane(struct audit_walk *walk, struct lane *lane, const char *folder)
{
    bool kept = true;
    if (!open_lane(lane, folder))
        return outcome_fail(OUTCOME_FAILED, "audit trail: %s", lane->cursor.why);
    for (step(walk, lane, false); lane->has_record && kept; step(walk, lane, false))
        kept = take_withdrawn(lane, &lane->cursor.read.record);
    audit_cursor_close(&lane->cursor);
    if (!kept)
        return fail_memory();
    if (!open_lane(lane, folder))
        return outcome_fail(OUTCOME_FAILED, "audit trail: %s", lane->cursor.why);
    step(walk, lane, true);
    return OUTCOME_DONE;
}

static enum outcome add_lane(struct audit_walk *walk, const char *folder, const char *writer)
{
    if (walk->count == LANES_MAX)
        return outcome_fail(OUTCOME_FAILED, "folder %s has more than %d trails", folder, LANES_MAX);
    struct lane *lane = calloc(1, sizeof *lane);
    if (lane == NULL)
        return fail_memory();
    walk->lanes[walk->count++] = lane;
    memcpy(lane->writer, writer, sizeof lane->writer);
    return start_lane(walk, lane, folder);
}

static enum outcome add_lanes(struct audit_walk *walk, const char *folder, const char *only)
{
    enum outcome outcome = OUTCOME_DONE;
    char writer[AUDIT_WRITER_BYTES] = "";
    while (outcome == OUTCOME_DONE && audit_next_writer(folder, writer, writer)) {
        if (only == NULL || strcmp(only, writer) == 0)
            outcome = add_lane(walk, folder, writer);
    }
    if (outcome != OUTCOME_DONE)
        return outcome;
    if (walk->count == 0)
        return outcome_fail(OUTCOME_UNKNOWN, "folder %s has no audit trail%s%s%s%s", folder,
                            only == NULL ? "" : " of writer ", only == NULL ? "" : only,
                            errno == 0 ? "" : ": ", errno == 0 ? "" : strerror(errno));
    return OUTCOME_DONE;
}

enum outcome audit_walk_new(const char *folder, const char *only, struct audit_walk **out_walk)
{
    struct audit_walk *walk = calloc(1, sizeof *walk);
    if (walk == NULL)
        return fail_memory();
    enum outcome outcome = add_lanes(walk, folder, only);
    if (outcome == OUTCOME_DONE)
        *out_walk = walk;
    else
        audit_walk_free(&walk);
    return outcome;
}

void audit_walk_free(struct audit_walk **walk)
{
    if (*walk == NULL)
        return;
    for (size_t i = 0; i < (*walk)->count; i++) {
        audit_cursor_close(&(*walk)->lanes[i]->cursor);
        free((*walk)->lanes[i]->withdrawn);
        free((*walk)->lanes[i]);
    }
    free(*walk);
    *walk = NULL;
}

bool audit_walk_next(struct audit_walk *walk, struct audit_find *out_find)
{
    struct lane *first = NULL;
    if (walk->in_hand != NULL)
        step(walk, walk->in_hand, true);
    for (size_t i = 0; i < walk->count; i++) {
        struct lane *lane = walk->lanes[i];
        if (lane->has_record &&
            (first == NULL || lane->cursor.read.record.time_ms < first->cursor.read.record.time_ms))
            first = lane;
    }
    walk->in_hand = first;
    if (first == NULL)
        return false;
    *out_find = (struct audit_find){first->writer, &first->cursor, is_withdrawn(first)};
    return true;
}

enum outcome audit_walk_outcome(const struct audit_walk *walk)
{
    if (walk->faults == 0)
        return OUTCOME_DONE;
    return outcome_fail(OUTCOME_FAILED, "the audit trail is not as it was written; see nisim-token "
                                        "audit verify");
}
