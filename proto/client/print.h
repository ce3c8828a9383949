/* How the nisim command prints: for its command_print*.c. */
#ifndef NISIM_PROTO_CLIENT_PRINT_H
#define NISIM_PROTO_CLIENT_PRINT_H

#include <jansson.h>

#include "command.h"
#include "hex.h"
#include "secret.h"

/* "ok", "sync-failure" or "mac-failure". */
const char *print_name_of(enum nisim_result result);

/* Takes over `object`; NULL is a failure. */
MUST_CHECK bool print_json(json_t *object);
MUST_CHECK bool print_line(const char *name, const char *value);

/* The result, and what comes with it; nothing does with NISIM_MAC_FAILURE. */
MUST_CHECK bool print_outcome(const struct command *command, enum nisim_result result,
                              const char *name, const char *value);
MUST_CHECK bool print_auts(const struct command *command, enum nisim_result result,
                           const uint8_t auts[14]);

/* Room for the hex digits of a key; wiped like what it shows. */
struct secret_hex {
    char text[HEX_TEXT_BYTES(32)];
};

static inline void secret_hex_erase(struct secret_hex *hex)
{
    secret_wipe(hex, sizeof *hex);
}

#endif
