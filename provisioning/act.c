#include "act.h"

#include <dirent.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "act_trail.h"

static bool is_empty(const char *path)
{
    bool empty = true;
    DIR *folder = opendir(path);
    if (folder == NULL)
        return false;
    for (const struct dirent *entry; (entry = readdir(folder)) != NULL;)
        empty = empty && (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0);
    closedir(folder);
    return empty;
}

enum outcome act_make_folder(const struct office *office, bool is_for_new_token)
{
    if (mkdir(office->audit_path, 0700) == 0)
        return OUTCOME_DONE;
    if (errno != EEXIST)
        return outcome_fail(OUTCOME_STORE, "folder %s of the audit trail: %s", office->audit_path,
                            strerror(errno));
    if (!is_for_new_token ||
        (is_empty(office->audit_path) && access(office->audit_path, W_OK) == 0))
        return OUTCOME_DONE;
    return outcome_fail(OUTCOME_STORE,
                        "folder %s is not empty, or not ours: it has the audit trail of another "
                        "store; move it away",
                        office->audit_path);
}

static const char *subscriber_of(const struct act *act)
{
    return act->subscriber[0] == '\0' ? NULL : act->subscriber;
}

static void add_intent(struct office *office, struct act_trail *trail)
{
    struct act *act = &office->act;
    uint64_t number = audit_trail_next(trail->trail);
    act_trail_add(office, trail,
                  (struct audit_record){.kind = AUDIT_INTENT,
                                        .status = AUDIT_NO_STATUS,
                                        .subscriber = subscriber_of(act),
                                        .detail = office->token->serial});
    act->intent = number;
}

static void add_outcome(struct office *office, struct act_trail *trail, enum outcome outcome)
{
    const struct act *act = &office->act;
    act_trail_add(office, trail,
                  (struct audit_record){.kind = AUDIT_OUTCOME,
                                        .status = (uint16_t)outcome,
                                        .subscriber = subscriber_of(act),
                                        .detail = act->told[0] == '\0' ? NULL : act->told});
}

static enum outcome write_and_confirm(struct office *office, struct act_trail *trail)
{
    enum outcome outcome = act_trail_write(office, trail);
    return outcome == OUTCOME_DONE ? act_trail_confirm(office) : outcome;
}

static enum outcome record_intent(struct office *office)
{
    struct act_trail trail;
    enum outcome outcome = act_trail_open(office, &trail);
    if (outcome == OUTCOME_DONE) {
        add_intent(office, &trail);
        outcome = write_and_confirm(office, &trail);
    }
    act_trail_close(&trail);
    return outcome;
}

static enum outcome record_outcome(struct office *office, enum outcome ended)
{
    struct act_trail trail;
    enum outcome outcome = act_trail_open(office, &trail);
    if (outcome == OUTCOME_DONE) {
        add_outcome(office, &trail, ended);
        outcome = write_and_confirm(office, &trail);
    }
    act_trail_close(&trail);
    return outcome;
}

enum outcome act_begin(struct office *office)
{
    if (office->act.verb[0] == '\0' || office->act.intent != 0)
        return OUTCOME_DONE;
    const char *impi = office->subscription.identity.impi;
    const char *named = impi[0] != '\0' ? impi : office->act.named;
    snprintf(office->act.subscriber, sizeof office->act.subscriber, "%s",
             named == NULL ? "" : named);
    enum outcome outcome = record_intent(office);
    if (outcome != OUTCOME_DONE) {
        office->act.intent = 0;
        outcome_warn("nothing is changed: what can't be recorded is not done");
    }
    return outcome;
}

enum outcome act_end(struct office *office, enum outcome outcome)
{
    if (office->act.intent == 0)
        return outcome;
    if (outcome != OUTCOME_DONE && !office_has_token(office)) {
        outcome_warn("the token is gone: how this ended is not in the audit trail");
        return outcome;
    }
    enum outcome recorded = record_outcome(office, outcome);
    office->act.intent = 0;
    if (recorded == OUTCOME_DONE)
        return outcome;
    outcome_warn("how this ended is not in the audit trail");
    return outcome == OUTCOME_DONE ? recorded : outcome;
}

void act_tell(struct office *office, const char *format, ...)
{
    va_list values;
    va_start(values, format);
    vsnprintf(office->act.told, sizeof office->act.told, format, values);
    va_end(values);
}
