/* nisim: libnisim as a command (nisim(1)). */
#include <stdio.h>

#include "bench.h"
#include "command.h"

/* What the server finds wrong with a request is a refusal; what needs no server, usage. */
static enum command_exit exit_of(enum nisim_result result, const struct nisim *nisim)
{
    switch (result) {
    case NISIM_OK:
        return COMMAND_DONE;
    case NISIM_MAC_FAILURE:
        return COMMAND_MAC_FAILURE;
    case NISIM_SYNC_FAILURE:
        return COMMAND_SYNC_FAILURE;
    case NISIM_BAD_REQUEST:
        return nisim_status_name(nisim)[0] == '\0' ? COMMAND_USAGE : COMMAND_REFUSED;
    case NISIM_REFUSED:
    case NISIM_BROKEN:
        return COMMAND_REFUSED;
    case NISIM_UNAVAILABLE:
        return COMMAND_UNAVAILABLE;
    case NISIM_NO_CONNECTION:
        return COMMAND_NO_CONNECTION;
    case NISIM_NO_MEMORY:
        return COMMAND_FAILED;
    }
    return COMMAND_FAILED;
}

static enum nisim_result identify(const struct command *command, struct nisim *nisim,
                                  bool *out_printed)
{
    static struct nisim_identity identity; /* too large for the stack */
    enum nisim_result result = nisim_identity(nisim, command->by, command->user, &identity);
    if (result == NISIM_OK)
        *out_printed = print_identity(command, &identity);
    return result;
}

static bool has_outcome(enum nisim_result result)
{
    return result == NISIM_OK || result == NISIM_SYNC_FAILURE || result == NISIM_MAC_FAILURE;
}

static enum nisim_result authenticate(const struct command *command, struct nisim *nisim,
                                      bool *out_printed)
{
    __attribute__((cleanup(nisim_answer_erase))) struct nisim_answer answer = {0};
    enum nisim_result result = nisim_authenticate(nisim, command->by, command->user, command->rand,
                                                  command->autn, &answer);
    if (has_outcome(result))
        *out_printed = print_answer(command, result, &answer);
    return result;
}

static enum nisim_result authorize(const struct command *command, struct nisim *nisim,
                                   bool *out_printed)
{
    static char authorization[NISIM_AUTHORIZATION_BYTES]; /* too large for the stack */
    const struct nisim_sip_message message = {.method = command->method,
                                              .uri = command->uri,
                                              .answer_body = command->answer_body,
                                              .answer_body_bytes = command->answer_body_bytes};
    static struct nisim_exchange exchange; /* likewise */
    exchange = command->exchange;
    enum nisim_result result =
        nisim_authorize_exchange(nisim, command->by, command->user, command->www_authenticate,
                                 command->challenge_count, &message, &exchange, authorization);
    if (has_outcome(result))
        *out_printed = print_authorization(command, result, authorization, &exchange);
    return result;
}

static enum nisim_result make_ha1(const struct command *command, struct nisim *nisim,
                                  bool *out_printed)
{
    __attribute__((cleanup(nisim_ha1_erase))) struct nisim_ha1 ha1 = {0};
    enum nisim_result result =
        nisim_ha1_of(nisim, command->by, command->user, command->www_authenticate[0], &ha1);
    if (has_outcome(result))
        *out_printed = print_ha1(command, result, &ha1);
    return result;
}

static enum nisim_result gba_bootstrap(const struct command *command, struct nisim *nisim,
                                       bool *out_printed)
{
    __attribute__((cleanup(nisim_gba_run_erase))) struct nisim_gba_run gba_run = {0};
    enum nisim_result result = nisim_gba_bootstrap(nisim, command->by, command->user, command->rand,
                                                   command->autn, &gba_run);
    if (has_outcome(result))
        *out_printed = print_gba_run(command, result, &gba_run);
    return result;
}

static enum nisim_result gba_naf(const struct command *command, struct nisim *nisim,
                                 bool *out_printed)
{
    __attribute__((cleanup(nisim_gba_naf_erase))) struct nisim_gba_naf naf = {.lifetime = 0};
    enum nisim_result result = nisim_gba_naf(nisim, command->by, command->user, command->naf_id,
                                             command->naf_id_bytes, &naf);
    if (result == NISIM_OK)
        *out_printed = print_gba_naf(command, &naf);
    return result;
}

static enum nisim_result read_file(const struct command *command, struct nisim *nisim,
                                   bool *out_printed)
{
    static struct nisim_file file; /* too large for the stack */
    enum nisim_result result =
        nisim_read_file(nisim, command->by, command->user, command->file, command->record, &file);
    if (result == NISIM_OK)
        *out_printed = print_file(command, &file);
    return result;
}

static enum nisim_result ping(const struct command *command, struct nisim *nisim, bool *out_printed)
{
    enum nisim_result result = nisim_ping(nisim);
    if (result == NISIM_OK)
        *out_printed = print_ping(command, nisim);
    return result;
}

static enum nisim_result carry_out(const struct command *command, struct nisim *nisim,
                                   bool *out_printed)
{
    enum nisim_result result = nisim_connect(nisim);
    if (result != NISIM_OK)
        return result;
    switch (command->verb) {
    case VERB_PING:
        return ping(command, nisim, out_printed);
    case VERB_IDENTITY:
        return identify(command, nisim, out_printed);
    case VERB_AUTHORIZE:
        return authorize(command, nisim, out_printed);
    case VERB_HA1:
        return make_ha1(command, nisim, out_printed);
    case VERB_FILE:
        return read_file(command, nisim, out_printed);
    case VERB_GBA_BOOTSTRAP:
        return gba_bootstrap(command, nisim, out_printed);
    case VERB_GBA_STORE:
        return nisim_gba_store(nisim, command->by, command->user, command->rand, command->b_tid,
                               command->lifetime);
    case VERB_GBA_NAF:
        return gba_naf(command, nisim, out_printed);
    case VERB_APDU:
        return command_apdu(command, nisim, out_printed);
    default:
        return authenticate(command, nisim, out_printed);
    }
}

/* Needs no appliance: what to compare with came from `authorize`. */
static enum command_exit check_info(const struct command *command)
{
    static struct nisim_authentication_info info; /* too large for the stack */
    enum nisim_result result =
        nisim_authentication_info(command->authentication_info, &command->exchange, &info);
    if (result != NISIM_OK)
        fprintf(stderr, "nisim: the Authentication-Info: %s\n", info.why);
    if (result == NISIM_BAD_REQUEST)
        return COMMAND_USAGE;
    if (!print_authentication_info(command, result, &info)) {
        fprintf(stderr, "nisim: standard output can't be written\n");
        return COMMAND_FAILED;
    }
    return result == NISIM_OK ? COMMAND_DONE : COMMAND_MAC_FAILURE;
}

static enum command_exit report(const struct nisim *nisim, enum nisim_result result, bool printed)
{
    if (!printed) {
        fprintf(stderr, "nisim: standard output can't be written\n");
        return COMMAND_FAILED;
    }
    if (result != NISIM_OK)
        fprintf(stderr, "nisim: %s\n", nisim_why(nisim));
    return exit_of(result, nisim);
}

static enum command_exit run(const struct command *command)
{
    struct nisim *nisim = NULL;
    bool printed = true;
    enum nisim_result result = nisim_new(&command->options, &nisim);
    if (result == NISIM_BAD_REQUEST) {
        fprintf(stderr, "nisim: the server is HOST:PORT, not %s\n", command->options.server);
        return COMMAND_USAGE;
    }
    if (nisim == NULL) {
        fprintf(stderr, "nisim: there is no memory\n");
        return COMMAND_FAILED;
    }
    result = carry_out(command, nisim, &printed);
    enum command_exit exit = report(nisim, result, printed);
    nisim_free(&nisim);
    return exit;
}

int main(int argc, char **argv)
{
    static struct command command = {.by = NISIM_USER_ID}; /* too large for the stack */
    print_begin();
    enum command_exit exit = COMMAND_USAGE;
    if (command_read(argc, argv, &command, &exit))
        exit = command.verb == VERB_AUTHENTICATION_INFO ? check_info(&command)
               : command.verb == VERB_BENCH             ? bench_run(&command)
                                                        : run(&command);
    command_free(&command);
    return (int)exit;
}
