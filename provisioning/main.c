/* nisim-token: the officer's tool. */
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "confine.h"
#include "verbs.h"

#define SUBSCRIBER "a user id or the IMPI"

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
    {{"subscriber", "rest"},
     VERB_REST,
     SUBSCRIBER,
     "move K and OPc to another residence",
     residence_move},
    /* Rollback, backup, KEK. */
    {{"state", "accept"},
     VERB_STATE_ACCEPT,
     NULL,
     "take an older store for good, past every SQN in use",
     state_accept},
    {{"backup", NULL},
     VERB_BACKUP,
     "the file to make",
     "write subscriptions, SQN states, wrapped keys, officers into a file",
     backup_make},
    {{"restore", NULL},
     VERB_RESTORE,
     "the backup file",
     "make a store of a backup file",
     backup_restore},
    {{"kek", "rotate"},
     VERB_KEK_ROTATE,
     NULL,
     "make a new KEK, wrap all keys under it, destroy the old one",
     kek_rotate},
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

static enum outcome run(const struct verb *verb, const struct arguments *arguments)
{
    struct office *office = NULL;
    enum outcome outcome = office_new(arguments, &office);
    if (outcome == OUTCOME_DONE)
        outcome = verb->run(office, arguments);
    if (office != NULL && office_advance_anchor(office) != OUTCOME_DONE && outcome == OUTCOME_DONE)
        outcome = OUTCOME_FAILED;
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
