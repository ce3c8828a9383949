/*
 * Processes that make the rows of a large import: nearly all of an import is the token's work, and
 * a software token works on the core of who calls it. A maker is a fork of the tool, with a log-in
 * of its own; rows come to it and go back in import_slot.h's shared memory. Only the tool itself
 * writes to the store. A maker ends with the tool, however that ends.
 */
#ifndef NISIM_PROVISIONING_IMPORT_MAKERS_H
#define NISIM_PROVISIONING_IMPORT_MAKERS_H

#include "import_slot.h"

struct import_makers;

/*
 * How many an import has: as --makers says; else one for each core this process may run on, but
 * none where there is one core, where the USER PIN is not in a regular file, or for a file so small
 * that it is imported before makers have logged in. None: the tool makes the rows. Says what is
 * wrong with --makers.
 */
MUST_CHECK enum outcome import_makers_count(const struct office *office,
                                            const struct arguments *arguments, uint64_t file_bytes,
                                            size_t *out_count);

/*
 * Before module and token are open. They do nothing until rows come. `office`, `arguments` and
 * `slots` are borrowed. Fewer than `count`, or NULL, where the system has no more processes and
 * --makers was not given.
 */
MUST_CHECK enum outcome import_makers_new(struct office *office, const struct arguments *arguments,
                                          struct import_slot *slots, size_t count,
                                          struct import_makers **out_makers);

/* Waits until all have ended. Takes NULL. */
void import_makers_free(struct import_makers **makers);

/*
 * The slots before `count` are filled. Some may go to a maker now, the rest at import_makers_wait.
 * OUTCOME_FAILED, or what a maker ended with: was said.
 */
MUST_CHECK enum outcome import_makers_send(struct import_makers *makers, size_t count, bool trial);

/* None of the slots before `count` is GIVEN any more. */
MUST_CHECK enum outcome import_makers_wait(struct import_makers *makers, size_t count, bool trial);

/* The slots are empty: the next are filled from the first one on. */
void import_makers_rewind(struct import_makers *makers);

#endif
