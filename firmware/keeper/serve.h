/* The keeper's loop: receive a batch, run it, answer; watch over the token when there is no work.
 */
#ifndef NISIM_KEEPER_SERVE_H
#define NISIM_KEEPER_SERVE_H

#include "batch.h"

/* Until SIGTERM, when what is queued is still answered (EXIT_DONE), or until something is lost. */
MUST_CHECK enum exit_code serve(struct keeper *keeper, int channel, uint32_t generation);

#endif
