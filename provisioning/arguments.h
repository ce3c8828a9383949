/* The command line as a struct. Options (arguments.def) and words may stand in any order. */
#ifndef NISIM_PROVISIONING_ARGUMENTS_H
#define NISIM_PROVISIONING_ARGUMENTS_H

#include <stdbool.h>
#include <stdint.h>

#include "fields.h"
#include "outcome.h"
#include "sqn.h"

#define NUMBER_48_BITS ((INT64_C(1) << 48) - 1)

/* A set of verbs, a bit each: which of them take an option. The order of main.c's table is free. */
typedef uint64_t verb_set;
#define VERB_BIT(number) (UINT64_C(1) << (number))
#define VERB_INIT VERB_BIT(0)
#define VERB_CHECK VERB_BIT(1)
#define VERB_ADD VERB_BIT(2)
#define VERB_SHOW VERB_BIT(3)
#define VERB_LIST VERB_BIT(4)
#define VERB_ENABLE VERB_BIT(5)
#define VERB_DISABLE VERB_BIT(6)
#define VERB_REMOVE VERB_BIT(7)
#define VERB_REST VERB_BIT(16)
/* Rollback, backup, KEK: 50 to 55. */
#define VERB_STATE_ACCEPT VERB_BIT(50)
#define VERB_BACKUP VERB_BIT(51)
#define VERB_RESTORE VERB_BIT(52)
#define VERB_KEK_ROTATE VERB_BIT(53)
#define VERBS_ALL (~UINT64_C(0))
#define VERBS_TOKEN (VERBS_ALL & ~VERB_INIT)  /* choose a token that is there */
#define VERBS_STORE (VERBS_ALL & ~VERB_CHECK) /* use the store */

/* An option by its place in arguments.def. */
enum argument {
#define ARGUMENT_TEXT(name, member, value, verbs, text) ARGUMENT_##member,
#define ARGUMENT_LIST(name, member, most, value, verbs, text) ARGUMENT_##member,
#define ARGUMENT_NUMBER(name, member, usual, least, most, value, verbs, text) ARGUMENT_##member,
#define ARGUMENT_SWITCH(name, member, verbs, text) ARGUMENT_##member,
#include "arguments.def"
    ARGUMENT_COUNT,
};

/* Texts are NULL where not given, and belong to argv. */
struct arguments {
#define ARGUMENT_TEXT(name, member, value, verbs, text) const char *member;
#define ARGUMENT_LIST(name, member, most, value, verbs, text) \
    size_t member##_count;                                    \
    const char *member[most];
#define ARGUMENT_NUMBER(name, member, usual, least, most, value, verbs, text) int64_t member;
#define ARGUMENT_SWITCH(name, member, verbs, text) bool member;
#include "arguments.def"
    size_t word_count; /* what is no option: verb, then name */
    char **words;
    const char *name; /* what the verb acts on, mostly a subscriber; NULL where it takes none */
    bool given[ARGUMENT_COUNT];
};

/* Says what is wrong. */
MUST_CHECK enum outcome arguments_read(int argc, char **argv, struct arguments *out_arguments);

/* OUTCOME_USAGE, and says so, when an option was given that this verb does not take. */
MUST_CHECK enum outcome arguments_check(const struct arguments *arguments, verb_set verb,
                                        const char *verb_name);

/* One line an option that `verbs` take, on standard output. */
void arguments_print_help(verb_set verbs);

#endif
