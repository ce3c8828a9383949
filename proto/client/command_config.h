/* The nisim command's configuration file: what --config names (nisim(1), FILES). */
#ifndef NISIM_PROTO_CLIENT_COMMAND_CONFIG_H
#define NISIM_PROTO_CLIENT_COMMAND_CONFIG_H

#include "command.h"

/* Sets what the file says and the command line does not. Says what is wrong on standard error. */
MUST_CHECK bool command_config_read(const char *path, struct command *command);

#endif
