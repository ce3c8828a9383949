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
#define TRANSPORT "the transport key's name"
#define BACKUP_KEY "the backup key's name"
#define OFFICER "an officer's name"

enum verb_kind {
    LOOKS,
    ACTS,
};

static const struct verb {
    const char *words[2];
    verb_set bit;
    const char *name;
    enum verb_kind kind;
    const char *synopsis;
    enum outcome (*run)(struct office *office, const struct arguments *arguments);
} verbs[] = {
#define VERB(word, second, bit, name, kind, synopsis, run) \
    {{word, second}, bit, name, kind, synopsis, run},
#include "verbs.def"
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
        printf("  %s%-*s %s\n", text, (int)(30 - strlen(text)),
               verbs[i].name != NULL ? " NAME" : "", verbs[i].synopsis);
    }
    puts("options:");
    arguments_print_help(only == NULL ? VERBS_ALL : only->bit);
}

enum outcome print_completion(struct office *office, const struct arguments *arguments)
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

static void name_act(const struct verb *verb, const char *text, const struct arguments *arguments,
                     struct act *out_act)
{
    out_act->bit = verb->bit;
    out_act->arguments = arguments;
    if (verb->kind == LOOKS)
        return;
    snprintf(out_act->verb, sizeof out_act->verb, "%s", text);
    out_act->named = arguments->impi != NULL ? arguments->impi : arguments->name;
}

static enum outcome run_in(struct office *office, const struct verb *verb, const char *text,
                           const struct arguments *arguments)
{
    name_act(verb, text, arguments, &office->act);
    enum outcome outcome = act_end(office, verb->run(office, arguments));
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
    if (office != NULL)
        outcome = office_advance_anchor(office, outcome);
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
