#include "act.h"

#include <dirent.h>
#include <errno.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "office.h"
#include "turn.h"

#define TURN_WAIT_MS 10000
#define LOGIN_NONE "4294967295"

/* What is to be added, when the trail is open. */
typedef void add_records(struct audit_trail *trail, struct office *office, enum outcome outcome);

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

static void name_user(char *out_name, size_t room, uid_t uid)
{
    const struct passwd *user = getpwuid(uid);
    if (user != NULL)
        snprintf(out_name, room, "%s", user->pw_name);
    else
        snprintf(out_name, room, "#%u", uid);
}

/* Who logged in, which sudo does not change; "" where the kernel keeps no account of it. */
static void name_login(char *out_name, size_t room)
{
    char text[16] = "";
    FILE *file = fopen("/proc/self/loginuid", "re");
    out_name[0] = '\0';
    if (file == NULL)
        return;
    if (fgets(text, sizeof text, file) != NULL && strcmp(text, LOGIN_NONE) != 0)
        name_user(out_name, room, (uid_t)strtoul(text, NULL, 10));
    fclose(file);
}

static void name_person(char *out_name, size_t room)
{
    char login[64];
    char user[64];
    name_login(login, sizeof login);
    name_user(user, sizeof user, getuid());
    if (login[0] == '\0' || strcmp(login, user) == 0)
        snprintf(out_name, room, "%s", user);
    else
        snprintf(out_name, room, "%s as %s", login, user);
}

static void add(struct audit_trail *trail, const struct act *act, struct audit_record record)
{
    char person[160];
    name_person(person, sizeof person);
    record.person = person;
    record.operation = act->verb;
    for (size_t i = 0; i < act->approver_count; i++)
        record.officers[i] = act->approvers[i];
    record.has_range = act->intent != 0;
    record.range_first = act->intent;
    audit_trail_add(trail, record);
}

static const char *subscriber_of(const struct act *act)
{
    return act->subscriber[0] == '\0' ? NULL : act->subscriber;
}

static void add_intent(struct audit_trail *trail, struct office *office, enum outcome outcome)
{
    struct act *act = &office->act;
    uint64_t number = audit_trail_next(trail);
    (void)outcome;
    add(trail, act,
        (struct audit_record){.kind = AUDIT_INTENT,
                              .status = AUDIT_NO_STATUS,
                              .subscriber = subscriber_of(act),
                              .detail = office->token->serial});
    act->intent = number;
}

static void add_outcome(struct audit_trail *trail, struct office *office, enum outcome outcome)
{
    add(trail, &office->act,
        (struct audit_record){.kind = AUDIT_OUTCOME,
                              .status = (uint16_t)outcome,
                              .subscriber = subscriber_of(&office->act)});
}

static enum outcome fail(const struct office *office, const char *why)
{
    return outcome_fail(OUTCOME_STORE, "audit trail %s: %s", office->audit_path, why);
}

static enum outcome confirm(struct office *office, const struct audit_head *head)
{
    enum hsm_result sealed = audit_head_seal(office->token, AUDIT_OFFICER, head, &office->act.head);
    if (sealed != HSM_OK)
        return office_fail_hsm(office, sealed, "sealing the audit trail's head");
    enum store_result result = store_begin(office->store);
    if (result == STORE_OK)
        result = store_value_write(office->store, &office->act.head);
    if (result == STORE_OK)
        result = store_commit(office->store);
    if (result == STORE_OK)
        return OUTCOME_DONE;
    enum outcome outcome = office_fail_store(office, result);
    store_rollback(office->store);
    return outcome;
}

static enum outcome write_to(struct office *office, struct audit_trail *trail,
                             const struct token_signer *signer, add_records *fill,
                             enum outcome outcome)
{
    if (audit_trail_is_full(trail) && (!audit_trail_flush(trail) || !audit_trail_turn(trail)))
        return fail(office, audit_trail_why(trail));
    fill(trail, office, outcome);
    enum hsm_result result = audit_trail_sign(trail, office->token, signer);
    if (result != HSM_OK)
        return office_fail_hsm(office, result, "signing the audit trail");
    if (!audit_trail_flush(trail))
        return fail(office, audit_trail_why(trail));
    return confirm(office, audit_trail_head(trail));
}

static enum outcome write_in_turn(struct office *office, add_records *fill, enum outcome outcome)
{
    char why[AUDIT_WHY_BYTES];
    struct audit_head head;
    struct token_signer signer;
    enum hsm_result result = token_find_signer(office->token, &signer);
    if (result != HSM_OK)
        return office_fail_hsm(office, result, "key pair \"" TOKEN_AUDIT_LABEL "\"");
    result = audit_head_read(office->token, office->store, AUDIT_OFFICER, &head);
    if (result == HSM_BAD_ANSWER)
        outcome_warn("what the store has of the officers' audit trail was altered");
    else if (result == HSM_REFUSED)
        return fail(office, store_why(office->store));
    else if (result != HSM_OK && result != HSM_NO_KEY)
        return office_fail_hsm(office, result, "the audit trail's head");
    struct audit_trail *trail =
        audit_trail_open(office->audit_path, AUDIT_OFFICER, result == HSM_OK ? &head : NULL, why);
    if (trail == NULL)
        return fail(office, why);
    if (audit_trail_met(trail) != NULL)
        outcome_warn("audit trail: %s", audit_trail_met(trail));
    enum outcome done = write_to(office, trail, &signer, fill, outcome);
    audit_trail_close(&trail);
    return done;
}

static enum outcome write_records(struct office *office, add_records *fill, enum outcome outcome)
{
    char path[AUDIT_PATH_BYTES];
    struct turn turn = {.open = false};
    enum outcome done = OUTCOME_DONE;
    if (office->store == NULL)
        return fail(office, "there is no store that confirms it");
    snprintf(path, sizeof path, "%s/" AUDIT_OFFICER, office->audit_path);
    if (!turn_open(&turn, path))
        return fail(office, strerror(errno));
    if (turn_take(&turn, TURN_WAIT_MS)) {
        done = write_in_turn(office, fill, outcome);
        turn_give(&turn);
    } else {
        done = fail(office, "another nisim-token is writing and does not end");
    }
    turn_close(&turn);
    return done;
}

enum outcome act_begin(struct office *office)
{
    if (office->act.verb[0] == '\0' || office->act.intent != 0)
        return OUTCOME_DONE;
    const char *impi = office->subscription.identity.impi;
    const char *named = impi[0] != '\0' ? impi : office->act.named;
    snprintf(office->act.subscriber, sizeof office->act.subscriber, "%s",
             named == NULL ? "" : named);
    enum outcome outcome = write_records(office, add_intent, OUTCOME_DONE);
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
    enum outcome recorded = write_records(office, add_outcome, outcome);
    office->act.intent = 0;
    if (recorded == OUTCOME_DONE)
        return outcome;
    outcome_warn("how this ended is not in the audit trail");
    return outcome == OUTCOME_DONE ? recorded : outcome;
}
