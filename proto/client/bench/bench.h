/* `nisim bench`: the home network and many WWSFs in one, to size an appliance (nisim(1)). */
#ifndef NISIM_PROTO_CLIENT_BENCH_BENCH_H
#define NISIM_PROTO_CLIENT_BENCH_BENCH_H

#include "command.h"

/* COMMAND_FAILED also when an answer came that its challenge must not have. */
MUST_CHECK enum command_exit bench_run(const struct command *command);

#endif
