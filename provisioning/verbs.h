/*
 * What nisim-token can do, a function a verb. Each says what it did on standard output, or what
 * went wrong on standard error.
 */
#ifndef NISIM_PROVISIONING_VERBS_H
#define NISIM_PROVISIONING_VERBS_H

#include "office.h"

#define VERB(word, second, bit, name, kind, synopsis, run) \
    MUST_CHECK enum outcome run(struct office *office, const struct arguments *arguments);
#include "verbs.def"

#endif
