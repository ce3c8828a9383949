#include "arguments.h"

#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "secret.h"

enum kind {
    KIND_TEXT,
    KIND_LIST,
    KIND_NUMBER,
    KIND_SWITCH,
};

/* A line of arguments.def; offsets are into struct arguments. */
struct entry {
    const char *name;
    enum kind kind;
    verb_set verbs;
    size_t offset;
    size_t count_offset; /* KIND_LIST */
    int64_t usual;       /* KIND_NUMBER, as is least */
    int64_t least;
    int64_t most; /* KIND_NUMBER: of the value; KIND_LIST: of values */
    const char *value;
    const char *text;
};

#define AT(member) offsetof(struct arguments, member)
static const struct entry entries[] = {
#define ARGUMENT_TEXT(name, member, value, verbs, text) \
    {name, KIND_TEXT, verbs, AT(member), 0, 0, 0, 0, value, text},
#define ARGUMENT_LIST(name, member, most, value, verbs, text) \
    {name, KIND_LIST, verbs, AT(member), AT(member##_count), 0, 0, most, value, text},
#define ARGUMENT_NUMBER(name, member, usual, least, most, value, verbs, text) \
    {name, KIND_NUMBER, verbs, AT(member), 0, usual, least, most, value, text},
#define ARGUMENT_SWITCH(name, member, verbs, text) \
    {name, KIND_SWITCH, verbs, AT(member), 0, 0, 0, 0, NULL, text},
#include "arguments.def"
};
#define ENTRIES (sizeof entries / sizeof entries[0])
#define FIRST_VALUE 256 /* getopt_long's result for entries[0]; below are characters */

static void *member_at(struct arguments *arguments, size_t offset)
{
    return (char *)arguments + offset;
}

static enum outcome take_number(const struct entry *entry, const char *text, int64_t *out_number)
{
    char *end = NULL;
    errno = 0;
    long long number = strtoll(text, &end, 10);
    bool is_number = text[0] >= '0' && text[0] <= '9' && *end == '\0' && errno == 0;
    if (!is_number || number < entry->least || number > entry->most)
        return outcome_fail(OUTCOME_USAGE,
                            "--%s: \"%s\" is not a number from %" PRId64 " to %" PRId64,
                            entry->name, text, entry->least, entry->most);
    *out_number = number;
    return OUTCOME_DONE;
}

static enum outcome take_item(const struct entry *entry, const char *text,
                              struct arguments *arguments)
{
    size_t *count = member_at(arguments, entry->count_offset);
    const char **list = member_at(arguments, entry->offset);
    if (*count == (size_t)entry->most)
        return outcome_fail(OUTCOME_USAGE, "--%s: more than %" PRId64 " are given", entry->name,
                            entry->most);
    list[(*count)++] = text;
    return OUTCOME_DONE;
}

static enum outcome take(size_t index, const char *text, struct arguments *arguments)
{
    const struct entry *entry = &entries[index];
    void *member = member_at(arguments, entry->offset);
    if (arguments->given[index] && entry->kind != KIND_LIST)
        return outcome_fail(OUTCOME_USAGE, "--%s is given twice", entry->name);
    arguments->given[index] = true;
    switch (entry->kind) {
    case KIND_TEXT:
        *(const char **)member = text;
        return OUTCOME_DONE;
    case KIND_LIST:
        return take_item(entry, text, arguments);
    case KIND_NUMBER:
        return take_number(entry, text, member);
    case KIND_SWITCH:
        *(bool *)member = true;
        return OUTCOME_DONE;
    }
    return OUTCOME_FAILED;
}

static void prepare(struct arguments *arguments, struct option options[ENTRIES + 1])
{
    for (size_t i = 0; i < ENTRIES; i++) {
        const struct entry *entry = &entries[i];
        int takes = entry->kind == KIND_SWITCH ? no_argument : required_argument;
        options[i] = (struct option){entry->name, takes, NULL, FIRST_VALUE + (int)i};
        if (entry->kind == KIND_NUMBER)
            *(int64_t *)member_at(arguments, entry->offset) = entry->usual;
    }
}

enum outcome arguments_read(int argc, char **argv, struct arguments *out_arguments)
{
    struct arguments arguments = {0};
    struct option options[ENTRIES + 1] = {0};
    enum outcome outcome = OUTCOME_DONE;
    int value = 0;
    prepare(&arguments, options);
    while (outcome == OUTCOME_DONE && (value = getopt_long(argc, argv, "", options, NULL)) != -1)
        outcome = value < FIRST_VALUE ? OUTCOME_USAGE /* getopt_long has said why */
                                      : take((size_t)(value - FIRST_VALUE), optarg, &arguments);
    if (outcome != OUTCOME_DONE)
        return outcome;
    arguments.words = argv + optind;
    arguments.word_count = (size_t)(argc - optind);
    *out_arguments = arguments;
    return OUTCOME_DONE;
}

enum outcome arguments_check(const struct arguments *arguments, verb_set verb,
                             const char *verb_name)
{
    for (size_t i = 0; i < ENTRIES; i++) {
        if (arguments->given[i] && (entries[i].verbs & verb) == 0)
            return outcome_fail(OUTCOME_USAGE, "%s does not take --%s", verb_name, entries[i].name);
    }
    return OUTCOME_DONE;
}

static const void *member_of(const struct arguments *arguments, size_t offset)
{
    return (const char *)arguments + offset;
}

bool arguments_value(const struct arguments *arguments, enum argument which, size_t nth,
                     struct given_value *out_value)
{
    const struct entry *entry = &entries[which];
    const void *member = member_of(arguments, entry->offset);
    bool is_list = entry->kind == KIND_LIST;
    size_t count = is_list ? *(const size_t *)member_of(arguments, entry->count_offset)
                           : arguments->given[which];
    if (nth >= count)
        return false;
    out_value->name = entry->name;
    out_value->is_file = entry->value != NULL && strcmp(entry->value, "FILE") == 0;
    out_value->text = "yes";
    if (entry->kind == KIND_TEXT || is_list)
        out_value->text = ((const char *const *)member)[nth];
    if (entry->kind == KIND_NUMBER) {
        snprintf(out_value->number, sizeof out_value->number, "%" PRId64, *(const int64_t *)member);
        out_value->text = out_value->number;
    }
    return true;
}

void arguments_print_help(verb_set verbs)
{
    for (size_t i = 0; i < ENTRIES; i++) {
        char option[64];
        const char *value = entries[i].value == NULL ? "" : entries[i].value;
        if ((entries[i].verbs & verbs) == 0)
            continue;
        snprintf(option, sizeof option, "--%s %s", entries[i].name, value);
        printf("  %-24s %s\n", option, entries[i].text);
    }
}

void arguments_print_options(verb_set verbs)
{
    for (size_t i = 0; i < ENTRIES; i++) {
        if ((entries[i].verbs & verbs) != 0)
            printf(" --%s", entries[i].name);
    }
}

void arguments_print_patterns(bool of_files)
{
    const char *between = "";
    for (size_t i = 0; i < ENTRIES; i++) {
        const char *value = entries[i].value;
        bool is_file = value != NULL && (strcmp(value, "FILE") == 0 || strcmp(value, "PATH") == 0);
        if (value == NULL || is_file != of_files)
            continue;
        printf("%s--%s", between, entries[i].name);
        between = " | ";
    }
}
