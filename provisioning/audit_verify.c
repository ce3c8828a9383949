#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "audit_key.h"
#include "verbs.h"
#include "verify.h"

#define KEEPERS_MAX 64

struct tally {
    struct audit_report report;
    struct audit_head archived; /* of the writer at hand */
    size_t writers;
    bool has_officer;
    bool has_keeper[KEEPERS_MAX];
};

static void hear(void *user, bool is_fault, const char *text)
{
    (void)user;
    outcome_warn("%s: %s", is_fault ? "WRONG" : "note", text);
}

static void fault(struct tally *tally, const char *writer, const char *what)
{
    outcome_warn("WRONG: %s: %s", writer, what);
    tally->report.faults++;
}

static void note_writer(struct tally *tally, const char *writer)
{
    static const char keeper[] = "keeper-";
    unsigned long index = KEEPERS_MAX;
    tally->writers++;
    tally->has_officer = tally->has_officer || strcmp(writer, AUDIT_OFFICER) == 0;
    if (strncmp(writer, keeper, sizeof keeper - 1) == 0)
        index = strtoul(writer + sizeof keeper - 1, NULL, 10);
    if (index < KEEPERS_MAX)
        tally->has_keeper[index] = true;
}

/* Where what is here begins; an altered value says nothing of it. */
static enum outcome read_archived(struct office *office, const char *writer, struct tally *tally)
{
    struct audit_head *end = &tally->archived;
    enum hsm_result rc = audit_archived_read(office->token, office->store, writer, end);
    tally->report.archived = rc == HSM_OK ? end : NULL;
    if (rc == HSM_REFUSED)
        return outcome_fail(OUTCOME_STORE, "store %s: %s", office->store_path,
                            store_why(office->store));
    if (rc == HSM_BAD_ANSWER)
        fault(tally, writer, "what the store has of this trail's archive was altered");
    else if (rc != HSM_OK && rc != HSM_NO_KEY)
        return office_fail_hsm(office, rc, "how far the audit trail is archived");
    return OUTCOME_DONE;
}

static enum outcome verify_one(struct office *office, const char *writer,
                               const struct audit_public_key *key, struct tally *tally)
{
    struct audit_head head;
    enum hsm_result rc = audit_head_read(office->token, office->store, writer, &head);
    if (rc == HSM_REFUSED)
        return outcome_fail(OUTCOME_STORE, "store %s: %s", office->store_path,
                            store_why(office->store));
    if (rc == HSM_BAD_ANSWER)
        fault(tally, writer, "what the store has of this trail was altered");
    else if (rc != HSM_OK && rc != HSM_NO_KEY)
        return office_fail_hsm(office, rc, "the audit trail's head");
    enum outcome outcome = read_archived(office, writer, tally);
    if (outcome != OUTCOME_DONE)
        return outcome;
    note_writer(tally, writer);
    audit_verify(office->audit_path, writer, rc == HSM_OK ? &head : NULL, key, &tally->report);
    return OUTCOME_DONE;
}

/* The newest archive ends where the store says; of an older one only it itself tells where. */
static enum outcome verify_archive(struct office *office, const char *folder, const char *writer,
                                   const struct audit_public_key *key, struct tally *tally)
{
    uint32_t last = 0;
    enum outcome outcome = read_archived(office, writer, tally);
    const struct audit_head *end = tally->report.archived;
    if (outcome != OUTCOME_DONE)
        return outcome;
    if (!audit_last_segment(folder, writer, &last))
        return outcome_fail(OUTCOME_STORE, "folder %s: %s", folder, strerror(errno));
    if (end == NULL || last > end->segment)
        fault(tally, writer, "the store knows of no such archive");
    else if (last < end->segment)
        outcome_warn("note: %s: ends with segment %u; a later archive goes up to %u", writer, last,
                     end->segment);
    tally->writers++;
    audit_verify(folder, writer, end != NULL && last == end->segment ? end : NULL, key,
                 &tally->report);
    return OUTCOME_DONE;
}

static enum outcome verify_archives(struct office *office, const struct arguments *arguments,
                                    const struct audit_public_key *key, struct tally *tally)
{
    const char *folder = arguments->from;
    char writer[AUDIT_WRITER_BYTES] = "";
    enum outcome outcome = OUTCOME_DONE;
    tally->report.is_archive = true;
    while (outcome == OUTCOME_DONE && audit_next_writer(folder, writer, writer)) {
        if (arguments->writer == NULL || strcmp(arguments->writer, writer) == 0)
            outcome = verify_archive(office, folder, writer, key, tally);
    }
    if (outcome == OUTCOME_DONE && errno != 0)
        return outcome_fail(OUTCOME_USAGE, "folder %s: %s", folder, strerror(errno));
    return outcome;
}

/* Writers that the store knows. */
static enum outcome verify_known(struct office *office, const char *only,
                                 const struct audit_public_key *key, struct tally *tally)
{
    struct stored_value *value = &office->act.head;
    char name[STORED_NAME_BYTES_MAX + 1] = "";
    enum outcome outcome = OUTCOME_DONE;
    while (outcome == OUTCOME_DONE) {
        enum store_result result = store_value_next(office->store, AUDIT_HEAD_PREFIX, name, value);
        if (result == STORE_NOT_FOUND)
            return OUTCOME_DONE;
        if (result != STORE_OK)
            return office_fail_store(office, result);
        memcpy(name, value->name, sizeof name);
        const char *writer = name + sizeof AUDIT_HEAD_PREFIX - 1;
        if (strlen(writer) < AUDIT_WRITER_BYTES && (only == NULL || strcmp(only, writer) == 0))
            outcome = verify_one(office, writer, key, tally);
    }
    return outcome;
}

/* Writers that only the folder knows. */
static enum outcome verify_others(struct office *office, const char *only,
                                  const struct audit_public_key *key, struct tally *tally)
{
    char writer[AUDIT_WRITER_BYTES] = "";
    char name[STORED_NAME_BYTES_MAX + 1];
    enum outcome outcome = OUTCOME_DONE;
    while (outcome == OUTCOME_DONE && audit_next_writer(office->audit_path, writer, writer)) {
        snprintf(name, sizeof name, AUDIT_HEAD_PREFIX "%s", writer);
        if ((only == NULL || strcmp(only, writer) == 0) &&
            store_value_read(office->store, name, &office->act.head) == STORE_NOT_FOUND)
            outcome = verify_one(office, writer, key, tally);
    }
    if (outcome == OUTCOME_DONE && errno != 0)
        return outcome_fail(OUTCOME_STORE, "folder %s: %s", office->audit_path, strerror(errno));
    return outcome;
}

/* Keepers begin their trails together, init that of the officers: one that is gone leaves a gap. */
static void find_gaps(struct tally *tally)
{
    char writer[AUDIT_WRITER_BYTES];
    bool is_above = false;
    if (!tally->has_officer)
        fault(tally, AUDIT_OFFICER, "the whole trail is missing");
    for (unsigned i = KEEPERS_MAX; i-- > 0;) {
        is_above = is_above || tally->has_keeper[i];
        snprintf(writer, sizeof writer, "keeper-%u", i);
        if (is_above && !tally->has_keeper[i])
            fault(tally, writer, "the whole trail is missing");
    }
}

static enum outcome verify_here(struct office *office, const char *only,
                                const struct audit_public_key *key, struct tally *tally)
{
    enum outcome outcome = verify_known(office, only, key, tally);
    if (outcome == OUTCOME_DONE)
        outcome = verify_others(office, only, key, tally);
    if (outcome == OUTCOME_DONE && only == NULL)
        find_gaps(tally);
    return outcome;
}

static enum outcome sum_up(const char *folder, const char *only, const struct tally *tally)
{
    const struct audit_report *report = &tally->report;
    if (tally->writers == 0)
        return outcome_fail(OUTCOME_UNKNOWN, "folder %s has no audit trail%s%s", folder,
                            only == NULL ? "" : " of writer ", only == NULL ? "" : only);
    printf("audit trail %s: %" PRIu64 " records of %zu writers, %" PRIu64 " checkpoints, %" PRIu64
           " records not confirmed by the store\n",
           folder, report->records, tally->writers, report->checkpoints, report->unconfirmed);
    if (report->faults > 0)
        return outcome_fail(OUTCOME_FAILED,
                            "the audit trail is NOT as it was written: %" PRIu64 " faults",
                            report->faults);
    puts("it is as it was written");
    return OUTCOME_DONE;
}

enum outcome audit_verify_trail(struct office *office, const struct arguments *arguments)
{
    struct tally tally = {.report = {.say = hear}};
    struct audit_public_key *key = NULL;
    const char *only = arguments->writer;
    enum outcome outcome = office_open_store(office, false);
    if (outcome == OUTCOME_DONE)
        outcome = audit_key_open(office, &key);
    if (outcome == OUTCOME_DONE)
        outcome = arguments->from == NULL ? verify_here(office, only, key, &tally)
                                          : verify_archives(office, arguments, key, &tally);
    if (outcome == OUTCOME_DONE)
        outcome =
            sum_up(arguments->from == NULL ? office->audit_path : arguments->from, only, &tally);
    audit_public_key_free(&key);
    return outcome;
}
