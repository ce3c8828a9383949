#include "approval.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>
#include <unistd.h>

#include "officer.h"
#include "pending.h"

#define HOUR 3600 /* seconds */

/* What the act needs, and the text that is approved. */
struct demand {
    struct rule rule;
    size_t needed;
    const char *excluded; /* who may not approve: it is about him; NULL: everybody may */
    struct approval_text text;
};

/* ID=FILE or NAME=FILE */
struct pair {
    char left[OFFICER_NAME_BYTES_MAX + 1];
    const char *file;
};

static enum outcome split(const char *option, const char *text, struct pair *out_pair)
{
    const char *equals = strchr(text, '=');
    size_t length = equals == NULL ? 0 : (size_t)(equals - text);
    if (length == 0 || length >= sizeof out_pair->left || equals[1] == '\0')
        return outcome_fail(OUTCOME_USAGE, "--%s \"%s\": not %s=FILE", option, text,
                            strcmp(option, "officer") == 0 ? "NAME" : "ID");
    memcpy(out_pair->left, text, length);
    out_pair->left[length] = '\0';
    out_pair->file = equals + 1;
    return OUTCOME_DONE;
}

/*
 * The rule's number; what concerns officers needs one of them at least, as long as there is one.
 * Who is to be removed has no say, unless he is the last.
 */
static enum outcome count_needed(struct office *office, struct demand *demand)
{
    size_t officers = 0;
    demand->needed = demand->rule.approvals;
    if ((office->act.bit & VERBS_OF_OFFICERS) == 0)
        return OUTCOME_DONE;
    enum outcome outcome = officers_count(office, &officers);
    if (office->act.bit == VERB_OFFICER_REMOVE && officers > 1) {
        demand->excluded = office->act.arguments->name;
        officers--;
    }
    if (demand->needed == 0)
        demand->needed = 1;
    if (demand->needed > officers)
        demand->needed = officers;
    return outcome;
}

static enum outcome note_approver(struct act *act, const struct demand *demand, const char *name)
{
    for (size_t i = 0; i < act->approver_count; i++) {
        if (strcmp(act->approvers[i], name) == 0)
            return outcome_fail(OUTCOME_NOT_APPROVED,
                                "officer %s approves twice: it takes different officers", name);
    }
    if (demand->excluded != NULL && strcmp(demand->excluded, name) == 0)
        return outcome_fail(OUTCOME_NOT_APPROVED,
                            "officer %s is the one to be removed: the others must approve", name);
    if (act->approver_count == APPROVALS_MAX)
        return outcome_fail(OUTCOME_USAGE, "more than %d approvals", APPROVALS_MAX);
    snprintf(act->approvers[act->approver_count++], sizeof act->approvers[0], "%s", name);
    return OUTCOME_DONE;
}

static enum outcome approve_here(struct office *office, const struct demand *demand,
                                 const char *text)
{
    struct pair pair = {0};
    struct officer officer = {0};
    struct signature signature = {0};
    enum outcome outcome = split("officer", text, &pair);
    if (outcome != OUTCOME_DONE)
        return outcome;
    enum store_result found = officer_find(office, pair.left, &officer);
    if (found == STORE_NOT_FOUND)
        return outcome_fail(OUTCOME_NOT_APPROVED, "no officer \"%s\" is enrolled", pair.left);
    if (found != STORE_OK)
        return officer_fail(office, pair.left, found);
    outcome = officer_key_sign(officer.name, pair.file, demand->text.text, demand->text.length,
                               &signature);
    if (outcome != OUTCOME_DONE)
        return outcome;
    if (!officer_key_verify(&officer.key, demand->text.text, demand->text.length, &signature))
        return outcome_fail(OUTCOME_NOT_APPROVED,
                            "key file %s is not the key that officer %s is enrolled with",
                            pair.file, officer.name);
    return note_approver(&office->act, demand, officer.name);
}

static enum outcome read_signature(const char *path, struct signature *out)
{
    int descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
    ssize_t got = descriptor < 0 ? -1 : read(descriptor, out->bytes, sizeof out->bytes);
    int saved = errno;
    if (descriptor >= 0)
        close(descriptor);
    if (got < 0)
        return outcome_fail(OUTCOME_NOT_APPROVED, "approval file %s: %s", path, strerror(saved));
    out->length = (size_t)got;
    return OUTCOME_DONE;
}

/* Whose signature it is, it does not say: each officer's key is tried. */
static enum outcome approve_from_elsewhere(struct office *office, const struct demand *demand,
                                           const char *file)
{
    struct officer officer = {0};
    struct signature signature = {0};
    enum outcome outcome = read_signature(file, &signature);
    if (outcome != OUTCOME_DONE)
        return outcome;
    enum store_result result = STORE_OK;
    while ((result = officer_next(office, officer.name, &officer)) == STORE_OK) {
        if (officer_key_verify(&officer.key, demand->text.text, demand->text.length, &signature))
            return note_approver(&office->act, demand, officer.name);
    }
    if (result != STORE_NOT_FOUND)
        return officer_fail(office, "", result);
    return outcome_fail(OUTCOME_NOT_APPROVED,
                        "approval file %s: not a signature of this request by an officer who is "
                        "enrolled",
                        file);
}

/* Every --approval must be of the one request; out_id is empty where there is none. */
static enum outcome find_request(const struct arguments *arguments,
                                 char out_id[OFFICER_NAME_BYTES_MAX + 1])
{
    for (size_t i = 0; i < arguments->approvals_count; i++) {
        struct pair pair = {0};
        enum outcome outcome = split("approval", arguments->approvals[i], &pair);
        if (outcome != OUTCOME_DONE)
            return outcome;
        if (i > 0 && strcmp(pair.left, out_id) != 0)
            return outcome_fail(OUTCOME_USAGE,
                                "the approvals are of two requests, %s and %s: they must be of "
                                "the same one",
                                out_id, pair.left);
        memcpy(out_id, pair.left, sizeof pair.left);
    }
    return OUTCOME_DONE;
}

static enum outcome new_mark(const struct arguments *arguments, struct request_mark *out)
{
    if (getrandom(out->nonce, sizeof out->nonce, 0) != sizeof out->nonce)
        return outcome_fail(OUTCOME_FAILED, "no random bytes from the kernel");
    out->made = (uint64_t)time(NULL);
    out->expires = out->made + (uint64_t)arguments->valid * HOUR;
    return OUTCOME_DONE;
}

static enum outcome gather(struct office *office, const struct demand *demand)
{
    const struct arguments *arguments = office->act.arguments;
    enum outcome outcome = OUTCOME_DONE;
    for (size_t i = 0; outcome == OUTCOME_DONE && i < arguments->approvals_count; i++) {
        struct pair pair = {0};
        outcome = split("approval", arguments->approvals[i], &pair);
        if (outcome == OUTCOME_DONE)
            outcome = approve_from_elsewhere(office, demand, pair.file);
    }
    for (size_t i = 0; outcome == OUTCOME_DONE && i < arguments->officers_count; i++)
        outcome = approve_here(office, demand, arguments->officers[i]);
    if (outcome != OUTCOME_DONE || office->act.approver_count >= demand->needed)
        return outcome;
    return outcome_fail(OUTCOME_NOT_APPROVED,
                        "%s needs the approval of %zu officer%s, and has %zu: give --officer "
                        "NAME=FILE for each, or write a --request and bring each --approval",
                        office->act.verb, demand->needed, demand->needed == 1 ? "" : "s",
                        office->act.approver_count);
}

static enum outcome check_is_same(const struct pending *pending, const struct demand *demand)
{
    uint8_t hash[SHA256_BYTES];
    if (sha256_of(demand->text.text, demand->text.length, hash) &&
        memcmp(hash, pending->text_hash, sizeof hash) == 0)
        return OUTCOME_DONE;
    return outcome_fail(OUTCOME_NOT_APPROVED,
                        "request %s was for another act than this: verb, name, options and the "
                        "contents of files must be the same",
                        pending->id);
}

/* A request is used up before the act: what fails after this must be approved anew. */
static enum outcome check_approvals(struct office *office, struct demand *demand)
{
    struct pending pending = {0};
    char id[OFFICER_NAME_BYTES_MAX + 1] = "";
    const struct arguments *arguments = office->act.arguments;
    if (demand->needed == 0 && arguments->officers_count + arguments->approvals_count == 0)
        return OUTCOME_DONE;
    enum outcome outcome = find_request(arguments, id);
    if (outcome != OUTCOME_DONE)
        return outcome;
    outcome =
        id[0] == '\0' ? new_mark(arguments, &pending.mark) : pending_read(office, id, &pending);
    if (outcome == OUTCOME_DONE)
        outcome = approval_text_make(office, &demand->rule, &pending.mark, &demand->text);
    if (outcome == OUTCOME_DONE && id[0] != '\0')
        outcome = check_is_same(&pending, demand);
    if (outcome == OUTCOME_DONE)
        outcome = gather(office, demand);
    if (outcome == OUTCOME_DONE && id[0] != '\0')
        outcome = pending_use(office, &pending);
    return outcome;
}

static enum outcome write_new(const char *path, const struct approval_text *text)
{
    int descriptor = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (descriptor < 0)
        return outcome_fail(OUTCOME_FAILED, "request file %s: %s", path, strerror(errno));
    bool written = write(descriptor, text->text, text->length) == (ssize_t)text->length;
    if (close(descriptor) == 0 && written)
        return OUTCOME_DONE;
    unlink(path);
    return outcome_fail(OUTCOME_FAILED, "request file %s can't be written", path);
}

static enum outcome write_request(struct office *office, struct demand *demand)
{
    struct pending pending = {0};
    const char *path = office->act.arguments->request;
    enum outcome outcome = new_mark(office->act.arguments, &pending.mark);
    if (outcome == OUTCOME_DONE)
        outcome = approval_text_make(office, &demand->rule, &pending.mark, &demand->text);
    if (outcome != OUTCOME_DONE)
        return outcome;
    pending_name(&pending);
    if (!sha256_of(demand->text.text, demand->text.length, pending.text_hash))
        return outcome_fail(OUTCOME_FAILED, "SHA-256 failed");
    outcome = write_new(path, &demand->text);
    if (outcome != OUTCOME_DONE)
        return outcome;
    outcome = pending_write(office, &pending);
    if (outcome != OUTCOME_DONE) {
        unlink(path);
        return outcome;
    }
    printf("request %s in %s, %zu needed\n", pending.id, path, demand->needed);
    office->act.asked = true;
    return OUTCOME_NOT_APPROVED;
}

enum outcome approval_ask(struct office *office)
{
    struct demand demand = {0};
    const struct arguments *arguments = office->act.arguments;
    if ((office->act.bit & VERBS_SENSITIVE) == 0)
        return OUTCOME_DONE;
    if (arguments->request != NULL && arguments->officers_count + arguments->approvals_count > 0)
        return outcome_fail(OUTCOME_USAGE,
                            "--request asks for approvals, --officer and --approval bring them");
    enum outcome outcome = rule_read(office, &demand.rule);
    if (outcome == OUTCOME_DONE)
        outcome = count_needed(office, &demand);
    if (outcome == OUTCOME_DONE)
        outcome = arguments->request != NULL ? write_request(office, &demand)
                                             : check_approvals(office, &demand);
    approval_text_free(&demand.text);
    return outcome;
}
