/* Completion of the command line by bash(1), made of the tables of verbs and options. */
#ifndef NISIM_PROVISIONING_COMPLETION_H
#define NISIM_PROVISIONING_COMPLETION_H

#include "arguments.h"

/* The script begins, a line for each verb, the script ends: on standard output. */
void completion_begin(void);
void completion_verb(const char *verb, verb_set bit);
void completion_end(void);

#endif
