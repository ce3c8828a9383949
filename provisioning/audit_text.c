#include "audit_text.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "status.h"
#include "text.h"

#define TIME_BYTES 32

#define WITHDRAWN "WITHDRAWN"

/* A text as it may be shown: a trail that was tampered with may hold anything. */
struct shown {
    char text[4 * AUDIT_TEXT_BYTES_MAX + 1];
};

static const char *show(const char *text, struct shown *room)
{
    size_t used = 0;
    if (text == NULL || text_is_clean(text, strlen(text)))
        return text;
    for (const char *at = text; *at != '\0'; at++) {
        unsigned char byte = (unsigned char)*at;
        bool plain = byte >= 0x20 && byte < 0x7f && byte != '\\';
        used += (size_t)snprintf(room->text + used, sizeof room->text - used,
                                 plain ? "%c" : "\\x%02x", byte);
    }
    return room->text;
}

/* "2026-11-24T21:56:36.375Z" */
static void time_to_text(uint64_t time_ms, char out_text[TIME_BYTES])
{
    struct tm parts = {0};
    time_t seconds = (time_t)(time_ms / 1000);
    size_t used = 0;
    if (gmtime_r(&seconds, &parts) != NULL)
        used = strftime(out_text, TIME_BYTES, "%Y-%m-%dT%H:%M:%S", &parts);
    snprintf(out_text + used, TIME_BYTES - used, ".%03uZ", (unsigned)(time_ms % 1000));
}

static const char *const act_ends[] = {
    [OUTCOME_DONE] = "DONE",          [OUTCOME_FAILED] = "FAILED",
    [OUTCOME_USAGE] = "USAGE",        [OUTCOME_PIN] = "PIN",
    [OUTCOME_NO_TOKEN] = "NO_TOKEN",  [OUTCOME_NO_MODULE] = "NO_MODULE",
    [OUTCOME_STORE] = "STORE",        [OUTCOME_TAKEN] = "TAKEN",
    [OUTCOME_UNKNOWN] = "UNKNOWN",    [OUTCOME_NOT_APPROVED] = "NOT_APPROVED",
    [OUTCOME_OLD_STORE] = "OLD_STORE"};
#define ACT_ENDS (sizeof act_ends / sizeof act_ends[0])

const char *audit_outcome_name(const struct audit_record *record)
{
    if (record->status == AUDIT_NO_STATUS)
        return NULL;
    if (record->kind == AUDIT_OUTCOME)
        return record->status < ACT_ENDS ? act_ends[record->status] : "EXIT";
    return status_name((uint8_t)record->status);
}

bool audit_outcome_exists(const char *name)
{
    bool found = strcmp(name, WITHDRAWN) == 0;
    for (size_t i = 0; i < ACT_ENDS; i++)
        found = found || strcmp(name, act_ends[i]) == 0;
    for (unsigned status = 0; status <= UINT8_MAX; status++)
        found = found || (strcmp(name, status_name((uint8_t)status)) == 0);
    return found;
}

static const char *end_of(const struct audit_find *find)
{
    return find->is_withdrawn ? WITHDRAWN : audit_outcome_name(&find->cursor->read.record);
}

/* Has the number of an act. */
static bool is_of_act(const struct audit_record *record)
{
    return record->has_range && (record->kind == AUDIT_OUTCOME || record->kind == AUDIT_PART);
}

static void print_part(const char *before, const char *text)
{
    struct shown room;
    if (text != NULL)
        printf("%s%s", before, show(text, &room));
}

void audit_print_line(const struct audit_find *find)
{
    char time_text[TIME_BYTES];
    const struct audit_record *record = &find->cursor->read.record;
    time_to_text(record->time_ms, time_text);
    printf("%s %s %" PRIu64 " %s", time_text, find->writer, record->sequence,
           audit_kind_name(record->kind));
    print_part(" ", record->operation);
    print_part(" ", record->subscriber);
    print_part(" by ", record->person);
    for (size_t i = 0; i < AUDIT_OFFICERS_MAX; i++)
        print_part(i == 0 ? " approved by " : ", ", record->officers[i]);
    if (is_of_act(record))
        printf(" act %" PRIu64, record->range_first);
    if (record->has_range && record->kind == AUDIT_WITHDRAWN)
        printf(" from %" PRIu64 " mask %" PRIx64, record->range_first, record->range_mask);
    print_part(": ", end_of(find));
    print_part(": ", record->detail);
    putchar('\n');
}

static json_t *json_officers(const struct audit_record *record)
{
    struct shown room;
    json_t *array = json_array();
    for (size_t i = 0; i < AUDIT_OFFICERS_MAX && record->officers[i] != NULL; i++)
        json_array_append_new(array, json_string(show(record->officers[i], &room)));
    return array;
}

static bool add_text(json_t *line, const char *name, const char *text)
{
    struct shown room;
    return text == NULL || json_object_set_new(line, name, json_string(show(text, &room))) == 0;
}

json_t *audit_json(const struct audit_find *find)
{
    char time_text[TIME_BYTES];
    const struct audit_record *record = &find->cursor->read.record;
    time_to_text(record->time_ms, time_text);
    json_t *line =
        json_pack("{s:s, s:s, s:I, s:s}", "time", time_text, "writer", find->writer, "record",
                  (json_int_t)record->sequence, "kind", audit_kind_name(record->kind));
    if (line == NULL)
        return NULL;
    bool whole = add_text(line, "person", record->person) &&
                 add_text(line, "operation", record->operation) &&
                 add_text(line, "subscriber", record->subscriber) &&
                 add_text(line, "outcome", end_of(find)) &&
                 add_text(line, "detail", record->detail);
    if (whole && record->officers[0] != NULL)
        whole = json_object_set_new(line, "officers", json_officers(record)) == 0;
    if (whole && is_of_act(record))
        whole =
            json_object_set_new(line, "act", json_integer((json_int_t)record->range_first)) == 0;
    if (whole)
        return line;
    json_decref(line);
    return NULL;
}
