/* Where the programs are that nisimd starts: beside its own, else where they are installed. */
#ifndef NISIM_NISIMD_PROGRAMS_H
#define NISIM_NISIMD_PROGRAMS_H

#include <stdbool.h>

#include "attributes.h"

#define PROGRAM_PATH_BYTES 1024

struct programs {
    char keeper[PROGRAM_PATH_BYTES];
    char front[PROGRAM_PATH_BYTES];
};

/* False when one is nowhere; *out_missing is its name then. */
MUST_CHECK bool programs_find(struct programs *out_programs, const char **out_missing);

#endif
