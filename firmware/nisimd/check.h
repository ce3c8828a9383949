/* nisimd --check: the configuration, and the files and users it names. */
#ifndef NISIM_NISIMD_CHECK_H
#define NISIM_NISIMD_CHECK_H

#include "channel.h"

/* Says "FILE: good" on standard output, or on standard error one line for each thing wrong. */
MUST_CHECK enum exit_code check_file(const char *path);

#endif
