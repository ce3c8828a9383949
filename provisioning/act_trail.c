#include "act_trail.h"

#include <errno.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define TURN_WAIT_MS 10000
#define LOGIN_NONE "4294967295"

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

static void name_person(struct act *act)
{
    char login[64];
    char user[64];
    if (act->person[0] != '\0')
        return;
    name_login(login, sizeof login);
    name_user(user, sizeof user, getuid());
    if (login[0] == '\0' || strcmp(login, user) == 0)
        snprintf(act->person, sizeof act->person, "%s", user);
    else
        snprintf(act->person, sizeof act->person, "%s as %s", login, user);
}

static enum outcome fail(const struct office *office, const char *why)
{
    return outcome_fail(OUTCOME_STORE, "audit trail %s: %s", office->audit_path, why);
}

static enum outcome find_signer(struct office *office)
{
    struct act *act = &office->act;
    if (act->signer.key != CK_INVALID_HANDLE)
        return OUTCOME_DONE;
    enum hsm_result result = token_find_signer(office->token, &act->signer);
    return result == HSM_OK ? OUTCOME_DONE
                            : office_fail_hsm(office, result, "key pair \"" TOKEN_AUDIT_LABEL "\"");
}

/* `*out_head` becomes NULL where the store has none that can be trusted. */
static enum outcome read_head(struct office *office, struct audit_head *room,
                              const struct audit_head **out_head)
{
    enum hsm_result result = audit_head_read(office->token, office->store, AUDIT_OFFICER, room);
    if (result == HSM_REFUSED)
        return fail(office, store_why(office->store));
    if (result != HSM_OK && result != HSM_NO_KEY && result != HSM_BAD_ANSWER)
        return office_fail_hsm(office, result, "the audit trail's head");
    if (result == HSM_BAD_ANSWER)
        outcome_warn("what the store has of the officers' audit trail was altered");
    *out_head = result == HSM_OK ? room : NULL;
    return OUTCOME_DONE;
}

static enum outcome sign(struct office *office, struct act_trail *trail)
{
    enum hsm_result result = audit_trail_sign(trail->trail, office->token, &office->act.signer);
    return result == HSM_OK ? OUTCOME_DONE
                            : office_fail_hsm(office, result, "signing the audit trail");
}

/* A segment ends with a checkpoint. */
static enum outcome turn_segment(struct office *office, struct act_trail *trail)
{
    enum outcome outcome = sign(office, trail);
    if (outcome != OUTCOME_DONE)
        return outcome;
    return audit_trail_flush(trail->trail) && audit_trail_turn(trail->trail)
               ? OUTCOME_DONE
               : fail(office, audit_trail_why(trail->trail));
}

static enum outcome open_trail(struct office *office, struct act_trail *trail)
{
    char why[AUDIT_WHY_BYTES];
    struct audit_head room;
    const struct audit_head *head = NULL;
    enum outcome outcome = find_signer(office);
    if (outcome == OUTCOME_DONE)
        outcome = read_head(office, &room, &head);
    if (outcome != OUTCOME_DONE)
        return outcome;
    trail->trail = audit_trail_open(office->audit_path, AUDIT_OFFICER, head, why);
    if (trail->trail == NULL)
        return fail(office, why);
    if (audit_trail_met(trail->trail) != NULL)
        outcome_warn("audit trail: %s", audit_trail_met(trail->trail));
    if (audit_trail_is_full(trail->trail))
        outcome = turn_segment(office, trail);
    return outcome;
}

enum outcome act_trail_open(struct office *office, struct act_trail *out_trail)
{
    char path[AUDIT_PATH_BYTES];
    *out_trail = (struct act_trail){.trail = NULL};
    name_person(&office->act);
    if (office->store == NULL)
        return fail(office, "there is no store that confirms it");
    snprintf(path, sizeof path, "%s/" AUDIT_OFFICER, office->audit_path);
    if (!turn_open(&out_trail->turn, path))
        return fail(office, strerror(errno));
    if (!turn_take(&out_trail->turn, TURN_WAIT_MS))
        return fail(office, "another nisim-token is writing and does not end");
    return open_trail(office, out_trail);
}

/* Its descriptor closed, the turn is the next one's. */
void act_trail_close(struct act_trail *trail)
{
    audit_trail_close(&trail->trail);
    turn_close(&trail->turn);
}

void act_trail_add(const struct office *office, struct act_trail *trail, struct audit_record record)
{
    const struct act *act = &office->act;
    record.person = act->person;
    record.operation = act->verb;
    for (size_t i = 0; i < act->approver_count; i++)
        record.officers[i] = act->approvers[i];
    record.has_range = act->intent != 0;
    record.range_first = act->intent;
    audit_trail_add(trail->trail, record);
}

void act_trail_add_part(const struct office *office, struct act_trail *trail, const char *impi,
                        const char *detail)
{
    if (trail->parts++ == 0)
        trail->first_part = audit_trail_next(trail->trail);
    act_trail_add(
        office, trail,
        (struct audit_record){
            .kind = AUDIT_PART, .status = AUDIT_NO_STATUS, .subscriber = impi, .detail = detail});
}

static enum outcome seal_head(struct office *office, const struct act_trail *trail)
{
    enum hsm_result result = audit_head_seal(office->token, AUDIT_OFFICER,
                                             audit_trail_head(trail->trail), &office->act.head);
    return result == HSM_OK ? OUTCOME_DONE
                            : office_fail_hsm(office, result, "sealing the audit trail's head");
}

enum outcome act_trail_write(struct office *office, struct act_trail *trail)
{
    enum outcome outcome = sign(office, trail);
    if (outcome == OUTCOME_DONE && !audit_trail_flush(trail->trail))
        outcome = fail(office, audit_trail_why(trail->trail));
    return outcome == OUTCOME_DONE ? seal_head(office, trail) : outcome;
}

enum outcome act_trail_confirm(struct office *office)
{
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

/* What is neither withdrawn nor confirmed is withdrawn by who opens the trail next. */
void act_trail_withdraw(struct office *office, struct act_trail *trail)
{
    bool is_written = audit_trail_head(trail->trail)->sequence >= trail->first_part;
    if (trail->parts == 0 || !is_written || !office_has_token(office))
        return;
    audit_trail_withdraw(trail->trail, trail->first_part, trail->parts);
    if (act_trail_write(office, trail) != OUTCOME_DONE || act_trail_confirm(office) != OUTCOME_DONE)
        outcome_warn("that this was not done is not in the audit trail yet");
}
