/* File control parameters, what SELECT and STATUS answer with (TS 102 221 11.1.1.3). */
#ifndef NISIM_CARD_FCP_H
#define NISIM_CARD_FCP_H

#include "tree.h"

void fcp_of_directory(const struct card *card, enum card_directory directory,
                      struct apdu_answer *out);
void fcp_of_file(enum card_directory directory, const struct tree_file *file,
                 struct apdu_answer *out);

/* The AID alone, as DF name (tag 84). */
void fcp_name(struct apdu_answer *out);

#endif
