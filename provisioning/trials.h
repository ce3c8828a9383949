/*
 * What a token can do and what it refuses, each found by trying, with session objects that die
 * with the session. Nothing is assumed from mechanism lists: tokens lie in them.
 */
#ifndef NISIM_PROVISIONING_TRIALS_H
#define NISIM_PROVISIONING_TRIALS_H

#include "token.h"

enum trial_need {
    TRIAL_NEEDED, /* a token that fails it must not hold keys */
    TRIAL_WANTED, /* faster or safer; the appliance works without */
};

struct trial {
    const char *name;
    enum trial_need need;
    /* HSM_OK: passed; HSM_LOST: the token is gone; any other: not passed. */
    enum hsm_result (*run)(struct token *token);
};

/* In an order that makes each rest only on what was tried before it. */
const struct trial *trials_list(size_t *out_count);

#endif
