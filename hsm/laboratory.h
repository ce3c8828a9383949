/*
 * The mark of a laboratory's token: one that keys may be loaded into in clear text. It is made with
 * the token and nothing takes it back.
 */
#ifndef NISIM_HSM_LABORATORY_H
#define NISIM_HSM_LABORATORY_H

#include "token.h"

#define LABORATORY_LABEL "nisim laboratory"

MUST_CHECK enum hsm_result laboratory_find(struct token *token, bool *out_is_laboratory);

#endif
