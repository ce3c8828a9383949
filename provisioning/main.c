/* nisim-token: the officer's tool. */
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "completion.h"
#include "confine.h"
#include "transcript.h"
#include "verbs.h"

#define SUBSCRIBER "a user id or the IMPI"
#define OFFICER "an officer's name"

static enum outcome print_completion(struct office *office, const struct arguments *arguments);

static const struct verb {
    const char *words[2]; /* the second is NULL where there is none */
    verb_set bit;
    const char *name; /* what stands behind the words; NULL: nothing */
    const char *synopsis;
    enum outcome (*run)(struct office *office, const struct arguments *arguments);
} verbs[] = {
    /* clang-format off: a line each */
    {{"init", NULL},
     VERB_INIT,
     NULL,
     "make a token with its keys, and the store",
     initialise_token},
    {{"check", NULL}, VERB_CHECK, NULL, "try what the token can and can't", check_token},
    {{"subscriber", "add"}, VERB_ADD, NULL, "add a subscriber and load K and OPc", subscriber_add},
    {{"subscriber", "show"}, VERB_SHOW, SUBSCRIBER, "show a subscriber", show_one},
    {{"subscriber", "list"}, VERB_LIST, NULL, "list all subscribers", show_list},
    {{"subscriber", "enable"},
     VERB_ENABLE,
     SUBSCRIBER,
     "let a subscriber authenticate",
     subscriber_enable},
    {{"subscriber", "disable"},
     VERB_DISABLE,
     SUBSCRIBER,
     "no longer let a subscriber authenticate",
     subscriber_disable},
    {{"subscriber", "remove"},
     VERB_REMOVE,
     SUBSCRIBER,
     "remove a subscriber and destroy K and OPc",
     subscriber_remove},
    /* Officers, rules. */
    {{"officer", "add"}, VERB_OFFICER_ADD, OFFICER, "enrol an officer", officer_add},
    {{"officer", "list"}, VERB_OFFICER_LIST, NULL, "list officers and the rule", officer_list},
    {{"officer", "remove"}, VERB_OFFICER_REMOVE, OFFICER, "remove an officer", officer_remove},
    {{"rule", "approvals"},
     VERB_RULE_APPROVALS,
     "how many, 0 to 2",
     "set how many officers must approve",
     rule_approvals},
    {{"change-pin", NULL}, VERB_CHANGE_PIN, NULL, "change the USER PIN or the SO PIN", change_pin},
    {{"status", NULL}, VERB_STATUS, NULL, "show token, keys, PINs, officers, store", show_status},
    {{"completion", NULL}, VERB_COMPLETION, NULL, "print what bash needs", print_completion},
    /* Life. */
    {{"subscriber", "move"}, VERB_MOVE, SUBSCRIBER, "set the home domain", subscriber_move},
    {{"subscriber", "add-id"}, VERB_ADD_ID, SUBSCRIBER, "add user ids", subscriber_add_id},
    {{"subscriber", "drop-id"}, VERB_DROP_ID, SUBSCRIBER, "drop user ids", subscriber_drop_id},
    {{"subscriber", "rotate-key"},
     VERB_ROTATE_KEY,
     SUBSCRIBER,
     "load a new K, destroy the old one",
     subscriber_rotate_key},
    {{"sqn", "show"}, VERB_SQN_SHOW, SUBSCRIBER, "show the SQN state", sqn_show},
    {{"sqn", "reset"}, VERB_SQN_RESET, SUBSCRIBER, "set the SQN state", sqn_reset},
    /* clang-format on */
};
#define VERBS (sizeof verbs / sizeof verbs[0])

static size_t words_of(const struct verb *verb)
{
    return verb->words[1] == NULL ? 1 : 2;
}

static void verb_to_text(const struct verb *verb, char *out_text, size_t room)
{
    snprintf(out_text, room, "%s%s%s", verb->words[0], verb->words[1] == NULL ? "" : " ",
             verb->words[1] == NULL ? "" : verb->words[1]);
}

/* NULL when the words begin with no verb. */
static const struct verb *find_verb(const struct arguments *arguments)
{
    for (size_t i = 0; i < VERBS; i++) {
        const struct verb *verb = &verbs[i];
        size_t words = words_of(verb);
        if (arguments->word_count >= words && strcmp(arguments->words[0], verb->words[0]) == 0 &&
            (words == 1 || strcmp(arguments->words[1], verb->words[1]) == 0))
            return verb;
    }
    return NULL;
}

/* All verbs and options, or the one verb and its options. */
static void print_help(const struct verb *only)
{
    puts("usage: nisim-token VERB [OPTION ...] [NAME]");
    for (size_t i = 0; i < VERBS; i++) {
        char text[64];
        if (only != NULL && only != &verbs[i])
            continue;
        verb_to_text(&verbs[i], text, sizeof text);
        printf("  %s%-*s %s\n", text, (int)(25 - strlen(text)),
               verbs[i].name != NULL ? " NAME" : "", verbs[i].synopsis);
    }
    puts("options:");
    arguments_print_help(only == NULL ? VERBS_ALL : only->bit);
}

static enum outcome print_completion(struct office *office, const struct arguments *arguments)
{
    (void)office;
    (void)arguments;
    completion_begin();
    for (size_t i = 0; i < VERBS; i++) {
        char text[64];
        verb_to_text(&verbs[i], text, sizeof text);
        completion_verb(text, verbs[i].bit);
    }
    completion_end();
    return OUTCOME_DONE;
}

static enum outcome check_words(const struct verb *verb, struct arguments *arguments)
{
    char text[64];
    size_t words = words_of(verb);
    size_t names = verb->name != NULL ? 1 : 0;
    verb_to_text(verb, text, sizeof text);
    if (arguments->word_count < words + names)
        return outcome_fail(OUTCOME_USAGE, "%s needs NAME, %s", text, verb->name);
    if (arguments->word_count > words + names)
        return outcome_fail(OUTCOME_USAGE, "%s: \"%s\" is one word too many", text,
                            arguments->words[words + names]);
    if (verb->name != NULL)
        arguments->name = arguments->words[words];
    return arguments_check(arguments, verb->bit, text);
}

static enum outcome run_in(struct office *office, const struct verb *verb, const char *text,
                           const struct arguments *arguments)
{
    office->act.verb = text;
    office->act.bit = verb->bit;
    office->act.arguments = arguments;
    enum outcome outcome = verb->run(office, arguments);
    return outcome == OUTCOME_NOT_APPROVED && office->act.asked ? OUTCOME_DONE : outcome;
}

static enum outcome run(const struct verb *verb, const struct arguments *arguments)
{
    struct office *office = NULL;
    struct transcript transcript = {NULL, NULL, NULL, NULL};
    char text[64];
    verb_to_text(verb, text, sizeof text);
    enum outcome outcome = transcript_begin(arguments, text, &transcript);
    if (outcome != OUTCOME_DONE)
        return outcome;
    outcome = office_new(arguments, &office);
    if (outcome == OUTCOME_DONE)
        outcome = run_in(office, verb, text, arguments);
    outcome = transcript_end(&transcript, office, outcome);
    office_free(&office);
    if (fflush(stdout) != 0 && outcome == OUTCOME_DONE)
        return outcome_fail(OUTCOME_FAILED, "standard output can't be written");
    return outcome;
}

/* SIGALRM: MODULE_CALL's limit. A hung call can't be cancelled. */
static void give_up(int signal_number)
{
    static const char text[] = "nisim-token: the token did not answer in time\n";
    (void)signal_number;
    if (write(STDERR_FILENO, text, sizeof text - 1) < 0)
        _exit(OUTCOME_FAILED);
    _exit(OUTCOME_FAILED);
}

static enum outcome act(int argc, char **argv)
{
    struct arguments arguments = {0};
    enum outcome outcome = arguments_read(argc, argv, &arguments);
    if (outcome != OUTCOME_DONE)
        return outcome;
    const struct verb *verb = find_verb(&arguments);
    if (arguments.help)
        print_help(verb);
    if (arguments.version)
        puts("nisim-token " NISIM_VERSION);
    if (arguments.help || arguments.version)
        return OUTCOME_DONE;
    if (verb == NULL)
        return outcome_fail(OUTCOME_USAGE, "%s; nisim-token --help lists the verbs",
                            arguments.word_count == 0 ? "no verb" : "no such verb");
    outcome = check_words(verb, &arguments);
    return outcome == OUTCOME_DONE ? run(verb, &arguments) : outcome;
}

int main(int argc, char **argv)
{
    const struct sigaction on_alarm = {.sa_handler = give_up};
    if (!confine_memory() || sigaction(SIGALRM, &on_alarm, NULL) != 0) {
        outcome_warn("this process can't be protected from being read");
        return OUTCOME_FAILED;
    }
    return (int)act(argc, argv);
}
