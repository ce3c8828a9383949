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
    VERB_AUTHENTICATION_INFO,
    VERB_GBA_BOOTSTRAP,
    VERB_GBA_STORE,
    VERB_GBA_NAF,
    VERB_APDU,
    VERB_FILE,
    VERB_BENCH,
};

/* Of VERB_BENCH: bench/load.h says what they mean. */
struct bench_settings {
    unsigned connections;
    unsigned in_flight;
    unsigned rate; /* requests a second; 0: closed loop */
    unsigned warm_up;
    unsigned duration;
    unsigned replay; /* percent, as is bad_mac */
    unsigned bad_mac;
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
    /* VERB_AUTHORIZE, and VERB_HA1 with one. Of argv. */
    const char *const *www_authenticate;
    size_t challenge_count;
    const char *method; /* VERB_AUTHORIZE, as is uri */
    const char *uri;
    const char *answer_file; /* VERB_AUTHORIZE: of the answer's body; NULL: it is not known */
    char *answer_body;       /* what is in there, owned */
    size_t answer_body_bytes;
    uint16_t file;           /* VERB_FILE, as is record */
    unsigned record;         /* 0: all */
    const char *subscribers; /* VERB_BENCH: a file */
    struct bench_settings bench;
    struct nisim_exchange exchange;  /* VERB_AUTHORIZE, VERB_AUTHENTICATION_INFO */
    const char *authentication_info; /* VERB_AUTHENTICATION_INFO */
    const char *b_tid;               /* VERB_GBA_STORE, as is lifetime */
    uint64_t lifetime;
    uint8_t naf_id[NISIM_NAF_ID_BYTES]; /* VERB_GBA_NAF */
    size_t naf_id_bytes;
    const char *const *apdus; /* VERB_APDU: ends with NULL; empty: from standard input */
};

/* What to do is in out_command, or there is nothing to do and *out_exit says how to end. */
MUST_CHECK bool command_read(int argc, char **argv, struct command *out_command,
                             enum command_exit *out_exit);
void command_free(struct command *command);

/* command_body.c: fills command->answer_body; says why not. */
MUST_CHECK bool command_read_body(struct command *command);

/* Before the first print: what is printed of secrets is wiped from memory. */
void print_begin(void);

/* False when standard output takes nothing more. */
MUST_CHECK bool print_ping(const struct command *command, const struct nisim *nisim);
MUST_CHECK bool print_identity(const struct command *command,
                               const struct nisim_identity *identity);
MUST_CHECK bool print_answer(const struct command *command, enum nisim_result result,
                             const struct nisim_answer *answer);
MUST_CHECK bool print_authorization(const struct command *command, enum nisim_result result,
                                    const char *authorization,
                                    const struct nisim_exchange *exchange);
MUST_CHECK bool print_authentication_info(const struct command *command, enum nisim_result result,
                                          const struct nisim_authentication_info *info);
MUST_CHECK bool print_ha1(const struct command *command, enum nisim_result result,
                          const struct nisim_ha1 *ha1);
MUST_CHECK bool print_file(const struct command *command, const struct nisim_file *file);
MUST_CHECK bool print_gba_run(const struct command *command, enum nisim_result result,
                              const struct nisim_gba_run *run);
MUST_CHECK bool print_gba_naf(const struct command *command, const struct nisim_gba_naf *naf);

MUST_CHECK bool print_octets(const struct command *command, const char *name, const uint8_t *octets,
                             size_t length);

/* command_apdu.c: resets the card and sends it the APDUs, one after another. */
MUST_CHECK enum nisim_result command_apdu(const struct command *command, struct nisim *nisim,
                                          bool *out_printed);

#endif
