/*
 * Dual control: a sensitive act is done only when as many different officers approved it as the
 * rule says. An approval is a signature over a text that says exactly what is done, by which
 * token and store, with a number that is used once. Signed on this machine (--officer), or
 * elsewhere: --request writes the text, and --approval brings what an officer made of it.
 */
#ifndef NISIM_PROVISIONING_APPROVAL_H
#define NISIM_PROVISIONING_APPROVAL_H

#include "office.h"

/*
 * Token proved and store open, before anything changes. OUTCOME_DONE: approved, or no approval is
 * needed; office->act.approvers says by whom. Otherwise says why not; with act.asked the request
 * was written, and that is no failure.
 */
MUST_CHECK enum outcome approval_ask(struct office *office);

#endif
