/*
 * The transcript of a ceremony, to be printed and signed: when, where, who, what, and every line
 * that the program said, on standard output or standard error. No PIN and no key is among them,
 * for none is ever said.
 */
#ifndef NISIM_PROVISIONING_TRANSCRIPT_H
#define NISIM_PROVISIONING_TRANSCRIPT_H

#include <stdio.h>

#include "arguments.h"

struct office;

struct transcript {
    const char *path; /* NULL: none is wanted */
    FILE *file;
    FILE *former_out; /* standard output and error as they were */
    FILE *former_err;
};

/* A new file that only its owner can read; says what is wrong. Until the end, stdout and stderr
 * go there too. */
MUST_CHECK enum outcome transcript_begin(const struct arguments *arguments, const char *verb,
                                         struct transcript *out_transcript);

/* `office`: NULL when there was none. Gives `outcome`, or OUTCOME_FAILED when it can't be written.
 */
MUST_CHECK enum outcome transcript_end(struct transcript *transcript, const struct office *office,
                                       enum outcome outcome);

#endif
