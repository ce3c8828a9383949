/* READ_FILE: from the subscription to a file's bytes. Needs no token but for the record's seal. */
#ifndef NISIM_KEEPER_ANSWER_FILE_H
#define NISIM_KEEPER_ANSWER_FILE_H

#include "work.h"

void answer_file(struct work *work);

#endif
