/* Making a KEK as `init` makes the first one. */
#ifndef NISIM_PROVISIONING_KEK_MAKE_H
#define NISIM_PROVISIONING_KEK_MAKE_H

#include "token.h"

MUST_CHECK enum hsm_result kek_make(struct token *token, const struct kek_id *id);

#endif
