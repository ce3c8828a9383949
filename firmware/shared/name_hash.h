/* A number of a subscriber's name: which keeper has it, and where that keeper keeps its record. */
#ifndef NISIM_SHARED_NAME_HASH_H
#define NISIM_SHARED_NAME_HASH_H

#include "message.h"

/*
 * FNV-1a of the text: the same for the same text. Of names that differ in their last digit the
 * middle bits hardly differ.
 */
uint64_t name_hash(const struct subscriber_name *name);

#endif
