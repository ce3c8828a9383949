#include "command.h"

#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "command_config.h"
#include "command_file.h"
#include "fields.h"
#include "hex.h"
#include "text.h"

#define TIMEOUT_SECONDS_MAX 3600
#define TIMEOUT_MS_USUAL 5000

static const char usage[] =
    "usage: nisim [options] ping\n"
    "       nisim [options] identity USER\n"
    "       nisim [options] authenticate USER RAND AUTN\n"
    "       nisim [options] authorize USER METHOD URI WWW-AUTHENTICATE\n"
    "       nisim [options] ha1 USER WWW-AUTHENTICATE\n"
    "       nisim [options] file USER FILE [RECORD]\n"
    "\n"
    "  -s, --server HOST:PORT   the appliance\n"
    "  -a, --ca FILE            PEM: who signed its certificate\n"
    "  -c, --cert FILE          PEM: our certificate, then its chain\n"
    "  -k, --key FILE           PEM: the key of our certificate\n"
    "  -n, --server-name NAME   name in its certificate, if not HOST\n"
    "  -f, --config FILE        a file that says these: nisim(1), FILES\n"
    "  -t, --timeout SECONDS    for each step, usually 5\n"
    "  -i, --impi               USER is an IMPI, not a user id\n"
    "  -j, --json               print JSON\n"
    "  -V, --version            print the version\n"
    "  -h, --help               print this\n"
    "\n"
    "RAND and AUTN are 32 hex digits each; WWW-AUTHENTICATE is the whole value\n"
    "of that SIP header. FILE is IMPI, DOMAIN, IMPU, AD, ARR, IST, P-CSCF, WebRTCURI\n"
    "or four hex digits. See nisim(1).\n";

static const struct option long_options[] = {
    {"server", required_argument, NULL, 's'},
    {"ca", required_argument, NULL, 'a'},
    {"cert", required_argument, NULL, 'c'},
    {"key", required_argument, NULL, 'k'},
    {"server-name", required_argument, NULL, 'n'},
    {"config", required_argument, NULL, 'f'},
    {"timeout", required_argument, NULL, 't'},
    {"impi", no_argument, NULL, 'i'},
    {"json", no_argument, NULL, 'j'},
    {"version", no_argument, NULL, 'V'},
    {"help", no_argument, NULL, 'h'},
    {NULL, 0, NULL, 0},
};

static const struct {
    const char *name;
    enum command_verb verb;
    int arguments; /* behind the verb */
    int optional;  /* more of them that may be there */
} verbs[] = {
    {"ping", VERB_PING, 0, 0},
    {"identity", VERB_IDENTITY, 1, 0},
    {"authenticate", VERB_AUTHENTICATE, 3, 0},
    {"authorize", VERB_AUTHORIZE, 4, 0},
    {"ha1", VERB_HA1, 2, 0},
    {"file", VERB_FILE, 2, 1},
};

static bool wrong(const char *what, const char *value)
{
    fprintf(stderr, "nisim: %s%s; see nisim --help\n", what, value);
    return false;
}

static bool take_timeout(const char *text, struct command *command)
{
    char *end = NULL;
    errno = 0;
    long seconds = strtol(text, &end, 10);
    if (errno != 0 || end == text || *end != '\0' || seconds < 1 || seconds > TIMEOUT_SECONDS_MAX)
        return wrong("--timeout takes a number of seconds from 1 to 3600, not ", text);
    command->options.timeout_ms = (unsigned)seconds * 1000;
    return true;
}

/* False: *out_exit says how to end. */
static bool take_option(int letter, struct command *command, const char **out_config,
                        enum command_exit *out_exit)
{
    struct nisim_options *options = &command->options;
    *out_exit = COMMAND_USAGE;
    switch (letter) {
    case 's':
        options->server = optarg;
        return true;
    case 'a':
        options->ca_file = optarg;
        return true;
    case 'c':
        options->certificate_file = optarg;
        return true;
    case 'k':
        options->key_file = optarg;
        return true;
    case 'n':
        options->server_name = optarg;
        return true;
    case 'f':
        *out_config = optarg;
        return true;
    case 't':
        return take_timeout(optarg, command);
    case 'i':
        command->by = NISIM_IMPI;
        return true;
    case 'j':
        command->json = true;
        return true;
    case 'V':
    case 'h':
        *out_exit = fputs(letter == 'V' ? "nisim " NISIM_VERSION "\n" : usage, stdout) >= 0 &&
                            fflush(stdout) == 0
                        ? COMMAND_DONE
                        : COMMAND_FAILED;
        return false;
    default:
        return false; /* getopt_long said why */
    }
}

static bool take_challenge(char **arguments, struct command *command)
{
    if (!hex_decode(arguments[0], strlen(arguments[0]), command->rand, sizeof command->rand))
        return wrong("RAND is 32 hex digits, not ", arguments[0]);
    if (!hex_decode(arguments[1], strlen(arguments[1]), command->autn, sizeof command->autn))
        return wrong("AUTN is 32 hex digits, not ", arguments[1]);
    return true;
}

static bool take_user(const char *user, struct command *command)
{
    size_t most = command->by == NISIM_IMPI ? NAME_BYTES_MAX : USER_ID_BYTES_MAX;
    size_t length = strlen(user);
    command->user = user;
    return (length >= 1 && length <= most && text_is_clean(user, length)) ||
           wrong("USER is 1 to 128 bytes of UTF-8 (255 with --impi) without control characters",
                 "");
}

/* `record` is NULL when it was not given. */
static bool take_file(const char *file, const char *record, struct command *command)
{
    char *end = NULL;
    if (!file_from_name(file, &command->file))
        return wrong("FILE is a name or four hex digits, not ", file);
    if (record == NULL)
        return true;
    unsigned long number = strtoul(record, &end, 10);
    if (strspn(record, "0123456789") == 0 || *end != '\0' || number < 1 || number > UINT8_MAX)
        return wrong("RECORD is a number from 1 to 255, not ", record);
    command->record = (unsigned)number;
    return true;
}

/* What stands behind USER. */
static bool take_rest(char **arguments, struct command *command)
{
    switch (command->verb) {
    case VERB_AUTHENTICATE:
        return take_challenge(arguments + 2, command);
    case VERB_AUTHORIZE:
        command->method = arguments[2];
        command->uri = arguments[3];
        command->www_authenticate = arguments[4];
        return true;
    case VERB_FILE:
        return take_file(arguments[2], arguments[3], command);
    case VERB_HA1:
        command->www_authenticate = arguments[2];
        return true;
    default:
        return true;
    }
}

static bool take_verb(int count, char **arguments, struct command *command)
{
    if (count == 0)
        return wrong("what to do? ping, identity, authenticate, authorize, ha1 or file", "");
    for (size_t i = 0; i < sizeof verbs / sizeof verbs[0]; i++) {
        if (strcmp(arguments[0], verbs[i].name) != 0)
            continue;
        if (count - 1 < verbs[i].arguments || count - 1 > verbs[i].arguments + verbs[i].optional)
            return wrong("wrong number of arguments to ", verbs[i].name);
        command->verb = verbs[i].verb;
        if (count > 1 && !take_user(arguments[1], command))
            return false;
        return take_rest(arguments, command);
    }
    return wrong("no such thing to do: ", arguments[0]);
}

/* Defaults, and what must be there. */
static bool complete(struct command *command)
{
    const struct nisim_options *options = &command->options;
    if (options->timeout_ms == 0)
        command->options.timeout_ms = TIMEOUT_MS_USUAL;
    const char *name = options->server_name;
    if (name != NULL && (name[0] == '\0' || name[0] == '.'))
        return wrong("--server-name is a whole name, not ", name);
    const char *missing = options->server == NULL             ? "--server"
                          : options->ca_file == NULL          ? "--ca"
                          : options->certificate_file == NULL ? "--cert"
                          : options->key_file == NULL         ? "--key"
                                                              : NULL;
    return missing == NULL || wrong("neither the command line nor --config says ", missing);
}

bool command_read(int argc, char **argv, struct command *out_command, enum command_exit *out_exit)
{
    const char *config = NULL;
    int letter = 0;
    while ((letter = getopt_long(argc, argv, "s:a:c:k:n:f:t:ijVh", long_options, NULL)) != -1) {
        if (!take_option(letter, out_command, &config, out_exit))
            return false;
    }
    *out_exit = COMMAND_USAGE;
    return take_verb(argc - optind, argv + optind, out_command) &&
           (config == NULL || command_config_read(config, out_command)) && complete(out_command);
}
