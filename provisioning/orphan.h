/*
 * Objects in the token that no subscription names: made for one before its row is written, or of
 * one whose row has just gone. A note in the store stands before the first of them is made; what a
 * run leaves that was killed, or whose token was gone, the next act destroys.
 */
#ifndef NISIM_PROVISIONING_ORPHAN_H
#define NISIM_PROVISIONING_ORPHAN_H

#include "office.h"

/* The note, durable; not inside a transaction. From here to the tool's end nobody sweeps. */
MUST_CHECK enum outcome orphan_note(struct office *office, const char *impi);

/* This tool has left no objects of this subscriber but those that the store's row names. */
MUST_CHECK enum store_result orphan_forget(struct office *office, const char *impi);

/* orphan_forget where that ends the act: one note too many harms nobody. */
void orphan_settle(struct office *office, const char *impi);

/*
 * Destroys what is noted and no subscription names, and says so; nothing while another tool is
 * making some. What the token does not destroy stays noted.
 */
MUST_CHECK enum outcome orphan_sweep(struct office *office);

#endif
