/* The command line as a struct. Options (arguments.def) and words may stand in any order. */
#ifndef NISIM_PROVISIONING_ARGUMENTS_H
#define NISIM_PROVISIONING_ARGUMENTS_H

#include <stdbool.h>
#include <stdint.h>

#include "fields.h"
#include "outcome.h"
#include "sqn.h"

#define APPROVALS_MAX 3
#define NUMBER_48_BITS ((INT64_C(1) << 48) - 1)
#define IMPORT_MAKERS_MAX 64

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
/* import and export */
#define VERB_IMPORT VERB_BIT(45)
#define VERB_EXPORT VERB_BIT(46)
/* Transport keys */
#define VERB_TRANSPORT_MAKE VERB_BIT(20)
#define VERB_TRANSPORT_COMPONENTS VERB_BIT(21)
#define VERB_TRANSPORT_RECEIVE VERB_BIT(22)
#define VERB_TRANSPORT_HSS VERB_BIT(23)
#define VERB_TRANSPORT_LIST VERB_BIT(24)
#define VERB_TRANSPORT_REMOVE VERB_BIT(25)
/* Backup keys */
#define VERB_BACKUP_KEY_MAKE VERB_BIT(33)
#define VERB_BACKUP_KEY_COMPONENTS VERB_BIT(34)
#define VERB_BACKUP_KEY_RECEIVE VERB_BIT(35)
#define VERB_BACKUP_KEY_LIST VERB_BIT(36)
#define VERB_BACKUP_KEY_REMOVE VERB_BIT(37)
#define VERBS_COMPONENTS (VERB_TRANSPORT_COMPONENTS | VERB_BACKUP_KEY_COMPONENTS)
#define VERBS_RECEIVE (VERB_TRANSPORT_RECEIVE | VERB_BACKUP_KEY_RECEIVE)
#define VERB_REST VERB_BIT(16)
#define VERB_UNBLOCK_PIN VERB_BIT(18)
/* audit trail */
#define VERB_AUDIT_VERIFY VERB_BIT(40)
#define VERB_AUDIT_SHOW VERB_BIT(41)
#define VERB_AUDIT_EXPORT VERB_BIT(42)
#define VERB_AUDIT_ARCHIVE VERB_BIT(43)
#define VERBS_AUDIT (VERB_AUDIT_VERIFY | VERB_AUDIT_SHOW | VERB_AUDIT_EXPORT)
/* The officer's ceremonies and the life of a key: main.c runs them. */
#define VERB_OFFICER_ADD VERB_BIT(8)
#define VERB_OFFICER_LIST VERB_BIT(9)
#define VERB_OFFICER_REMOVE VERB_BIT(10)
#define VERB_RULE_APPROVALS VERB_BIT(11)
#define VERB_CHANGE_PIN VERB_BIT(12)
#define VERB_STATUS VERB_BIT(13)
#define VERB_MOVE VERB_BIT(14)
#define VERB_ADD_ID VERB_BIT(15)
#define VERB_DROP_ID VERB_BIT(28)
#define VERB_ROTATE_KEY VERB_BIT(29)
#define VERB_SQN_SHOW VERB_BIT(30)
#define VERB_SQN_RESET VERB_BIT(31)
#define VERB_COMPLETION VERB_BIT(32)
/* Asks for officers' approvals (approval.h) ... */
#define VERBS_SENSITIVE                                                                      \
    (VERB_ADD | VERB_REMOVE | VERB_OFFICER_ADD | VERB_OFFICER_REMOVE | VERB_RULE_APPROVALS | \
     VERB_ROTATE_KEY | VERB_SQN_RESET | VERB_IMPORT | VERB_EXPORT | VERB_TRANSPORT_MAKE |    \
     VERB_TRANSPORT_COMPONENTS | VERB_TRANSPORT_RECEIVE | VERB_TRANSPORT_HSS |               \
     VERB_TRANSPORT_REMOVE | VERB_STATE_ACCEPT | VERB_KEK_ROTATE | VERB_BACKUP |             \
     VERB_BACKUP_KEY_MAKE | VERB_BACKUP_KEY_COMPONENTS | VERB_BACKUP_KEY_RECEIVE |           \
     VERB_BACKUP_KEY_REMOVE | VERB_AUDIT_ARCHIVE)
/* ... of which these even when the rule asks for none, once there are officers. */
#define VERBS_OF_OFFICERS (VERB_OFFICER_ADD | VERB_OFFICER_REMOVE | VERB_RULE_APPROVALS)
/* Has a transcript. */
#define VERBS_CEREMONY (VERBS_SENSITIVE | VERB_INIT | VERB_CHANGE_PIN)
/* NAME is a file, whose content is approved. */
#define VERBS_NAME_IS_FILE VERB_IMPORT
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
#include "arguments.def"
#define ARGUMENT_SWITCH(name, member, verbs, text) bool member;
#include "arguments.def"
    size_t word_count; /* what is no option: verb, then name */
    char **words;
    const char *name; /* what the verb acts on, mostly a subscriber; NULL where it takes none */
    bool given[ARGUMENT_COUNT];
};

/* A value as it was given. */
struct given_value {
    const char *name; /* of the option */
    const char *text; /* may point to `number` */
    bool is_file;     /* names a file */
    char number[24];
};

/* False when the option was not given `nth + 1` times. */
MUST_CHECK bool arguments_value(const struct arguments *arguments, enum argument which, size_t nth,
                                struct given_value *out_value);

/* Says what is wrong. */
MUST_CHECK enum outcome arguments_read(int argc, char **argv, struct arguments *out_arguments);

/* OUTCOME_USAGE, and says so, when an option was given that this verb does not take. */
MUST_CHECK enum outcome arguments_check(const struct arguments *arguments, verb_set verb,
                                        const char *verb_name);

/* One line an option that `verbs` take, on standard output. */
void arguments_print_help(verb_set verbs);

/* For the shell: the options that `verbs` take, and the patterns of those that take a value. */
void arguments_print_options(verb_set verbs);
void arguments_print_patterns(bool of_files);

#endif
