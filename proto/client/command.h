/* The nisim command's arguments and what it prints. */
#ifndef NISIM_PROTO_CLIENT_COMMAND_H
#define NISIM_PROTO_CLIENT_COMMAND_H

#include <stdbool.h>

#include "attributes.h"
#include "nisim.h"

/* Exit status, part of the command's interface: nisim(1). */
enum command_exit {
    COMMAND_DONE = 0,
    COMMAND_FAILED = 1, /* no memory, or standard output can't be written */
    COMMAND_USAGE = 2,  /* also files that are missing or hold no key or certificate */
    COMMAND_MAC_FAILURE = 3,
    COMMAND_SYNC_FAILURE = 4,
    COMMAND_REFUSED = 5,     /* also what the server calls wrong or broken */
    COMMAND_UNAVAILABLE = 6, /* worth a retry */
    COMMAND_NO_CONNECTION = 7,
};

enum command_verb {
    VERB_NONE,
    VERB_PING,
    VERB_IDENTITY,
    VERB_AUTHENTICATE,
    VERB_AUTHORIZE,
    VERB_HA1,
    VERB_FILE,
};

struct command {
    struct nisim_options options; /* texts: of argv, or of the configuration */
    void *config_tree;            /* owner of the configuration's texts */
    bool json;
    enum nisim_name by;
    enum command_verb verb;
    const char *user;
    uint8_t rand[16];
    uint8_t autn[16];
    const char *www_authenticate; /* VERB_AUTHORIZE and VERB_HA1 */
    const char *method;           /* VERB_AUTHORIZE, as is uri */
    const char *uri;
    uint16_t file;   /* VERB_FILE, as is record */
    unsigned record; /* 0: all */
};

/* What to do is in out_command, or there is nothing to do and *out_exit says how to end. */
MUST_CHECK bool command_read(int argc, char **argv, struct command *out_command,
                             enum command_exit *out_exit);
void command_free(struct command *command);

/* Before the first print: what is printed of secrets is wiped from memory. */
void print_begin(void);

/* False when standard output takes nothing more. */
MUST_CHECK bool print_ping(const struct command *command, const struct nisim *nisim);
MUST_CHECK bool print_identity(const struct command *command,
                               const struct nisim_identity *identity);
MUST_CHECK bool print_answer(const struct command *command, enum nisim_result result,
                             const struct nisim_answer *answer);
MUST_CHECK bool print_authorization(const struct command *command, enum nisim_result result,
                                    const char *authorization);
MUST_CHECK bool print_ha1(const struct command *command, enum nisim_result result,
                          const struct nisim_ha1 *ha1);
MUST_CHECK bool print_file(const struct command *command, const struct nisim_file *file);

#endif
