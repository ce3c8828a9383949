/* The command line as a struct. Options (arguments.def) and words may stand in any order. */
#ifndef NISIM_PROVISIONING_ARGUMENTS_H
#define NISIM_PROVISIONING_ARGUMENTS_H

#include <stdbool.h>
#include <stdint.h>

#include "fields.h"
#include "outcome.h"
#include "sqn.h"

#define NUMBER_48_BITS ((INT64_C(1) << 48) - 1)

enum verb_bit {
    VERB_INIT = 1 << 0,
    VERB_CHECK = 1 << 1,
    VERB_ADD = 1 << 2,
    VERB_SHOW = 1 << 3,
    VERB_LIST = 1 << 4,
    VERB_ENABLE = 1 << 5,
    VERB_DISABLE = 1 << 6,
    VERB_REMOVE = 1 << 7,
    VERB_UNBLOCK_PIN = 1 << 8,
    VERBS_ALL = (1 << 9) - 1,
    VERBS_TOKEN = VERBS_ALL - VERB_INIT,  /* choose a token that is there */
    VERBS_STORE = VERBS_ALL - VERB_CHECK, /* use the store */
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
    const char *name; /* the subscriber's; NULL where the verb takes none */
    uint64_t given;   /* bit n: the nth option of arguments.def */
};

/* Says what is wrong. */
MUST_CHECK enum outcome arguments_read(int argc, char **argv, struct arguments *out_arguments);

/* OUTCOME_USAGE, and says so, when an option was given that this verb does not take. */
MUST_CHECK enum outcome arguments_check(const struct arguments *arguments, enum verb_bit verb,
                                        const char *verb_name);

/* One line an option that `verbs` take, on standard output. */
void arguments_print_help(unsigned verbs);

#endif
