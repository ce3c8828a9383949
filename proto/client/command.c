#include "command.h"

#include <errno.h>
#include <getopt.h>
#include <stddef.h>
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
#define UA_BYTES 5 /* Ua security protocol identifier (TS 33.220 annex H) */

static const char usage[] =
    "usage: nisim [options] ping\n"
    "       nisim [options] identity USER\n"
    "       nisim [options] authenticate USER RAND AUTN\n"
    "       nisim [options] authorize USER METHOD URI WWW-AUTHENTICATE...\n"
    "       nisim [options] ha1 USER WWW-AUTHENTICATE\n"
    "       nisim [options] file USER FILE [RECORD]\n"
    "       nisim [options] apdu USER [HEX...]\n"
    "       nisim [options] authentication-info RSPAUTH AUTHENTICATION-INFO\n"
    "       nisim [options] bench SUBSCRIBERS\n"
    "       nisim [options] gba-bootstrap USER RAND AUTN\n"
    "       nisim [options] gba-store USER RAND B-TID LIFETIME\n"
    "       nisim [options] gba-naf USER FQDN UA\n"
    "\n"
    "  -s, --server HOST:PORT   the appliance\n"
    "  -a, --ca FILE            PEM: who signed its certificate\n"
    "  -c, --cert FILE          PEM: our certificate, then its chain\n"
    "  -k, --key FILE           PEM: the key of our certificate\n"
    "  -n, --server-name NAME   name in its certificate, if not HOST\n"
    "  -f, --config FILE        a file that says these: nisim(1), FILES\n"
    "  -t, --timeout SECONDS    for each step, usually 5\n"
    "  -i, --impi               USER is an IMPI, not a user id\n"
    "  -C, --cnonce TEXT        authorize: our nonce, if not one made for it\n"
    "  -N, --nc COUNT           authorize: the how manieth request on this nonce\n"
    "  -x, --next-nonce NONCE   authorize: nextnonce of the last answer\n"
    "  -B, --answer-body FILE   authorize: with auth-int, the body of the SIP answer\n"
    "  -j, --json               print JSON\n"
    "  --connections N          bench: connections, usually 4\n"
    "  --in-flight N            bench: requests at once on each, usually 16\n"
    "  --rate N                 bench: requests a second; without it, as fast as answers come\n"
    "  --warm-up SECONDS        bench: not counted, usually 2\n"
    "  --duration SECONDS       bench: counted, usually 10\n"
    "  --replay PERCENT         bench: challenges asked again, usually 0\n"
    "  --bad-mac PERCENT        bench: challenges with a wrong MAC, usually 0\n"
    "  -V, --version            print the version\n"
    "  -h, --help               print this\n"
    "\n"
    "RAND and AUTN are 32 hex digits each; WWW-AUTHENTICATE is the whole value\n"
    "of that SIP header; FILE is IMPI, DOMAIN, IMPU, AD, ARR, IST, P-CSCF, GBABP,\n"
    "GBANL, WebRTCURI or four hex digits; LIFETIME is a UTC time in seconds since 1970, UA the 10\n"
    "hex digits of a Ua security protocol. See nisim(1).\n";

#define APDUS_MAX 1000   /* of a command line */
#define OPTION_BENCH 256 /* no letter: the nth of bench_numbers */

static const struct {
    const char *name;
    size_t offset;
    unsigned least;
    unsigned most;
} bench_numbers[] = {
    {"--connections", offsetof(struct bench_settings, connections), 1, 10000},
    {"--in-flight", offsetof(struct bench_settings, in_flight), 1, 1024},
    {"--rate", offsetof(struct bench_settings, rate), 1, 10000000},
    {"--warm-up", offsetof(struct bench_settings, warm_up), 0, 86400},
    {"--duration", offsetof(struct bench_settings, duration), 1, 86400},
    {"--replay", offsetof(struct bench_settings, replay), 0, 100},
    {"--bad-mac", offsetof(struct bench_settings, bad_mac), 0, 100},
};
#define BENCH_NUMBERS (int)(sizeof bench_numbers / sizeof bench_numbers[0])
static const struct bench_settings bench_usual = {
    .connections = 4, .in_flight = 16, .warm_up = 2, .duration = 10};

static const struct option long_options[] = {
    {"server", required_argument, NULL, 's'},
    {"ca", required_argument, NULL, 'a'},
    {"cert", required_argument, NULL, 'c'},
    {"key", required_argument, NULL, 'k'},
    {"server-name", required_argument, NULL, 'n'},
    {"config", required_argument, NULL, 'f'},
    {"timeout", required_argument, NULL, 't'},
    {"impi", no_argument, NULL, 'i'},
    {"cnonce", required_argument, NULL, 'C'},
    {"nc", required_argument, NULL, 'N'},
    {"next-nonce", required_argument, NULL, 'x'},
    {"answer-body", required_argument, NULL, 'B'},
    {"json", no_argument, NULL, 'j'},
    {"version", no_argument, NULL, 'V'},
    {"help", no_argument, NULL, 'h'},
    {"connections", required_argument, NULL, OPTION_BENCH},
    {"in-flight", required_argument, NULL, OPTION_BENCH + 1},
    {"rate", required_argument, NULL, OPTION_BENCH + 2},
    {"warm-up", required_argument, NULL, OPTION_BENCH + 3},
    {"duration", required_argument, NULL, OPTION_BENCH + 4},
    {"replay", required_argument, NULL, OPTION_BENCH + 5},
    {"bad-mac", required_argument, NULL, OPTION_BENCH + 6},
    {NULL, 0, NULL, 0},
};

static const struct {
    const char *name;
    enum command_verb verb;
    int least; /* arguments behind the verb */
    int most;
} verbs[] = {
    {"ping", VERB_PING, 0, 0},
    {"identity", VERB_IDENTITY, 1, 1},
    {"authenticate", VERB_AUTHENTICATE, 3, 3},
    {"authorize", VERB_AUTHORIZE, 4, 3 + NISIM_CHALLENGES_MAX},
    {"ha1", VERB_HA1, 2, 2},
    {"authentication-info", VERB_AUTHENTICATION_INFO, 2, 2},
    {"file", VERB_FILE, 2, 3},
    {"gba-bootstrap", VERB_GBA_BOOTSTRAP, 3, 3},
    {"gba-store", VERB_GBA_STORE, 4, 4},
    {"gba-naf", VERB_GBA_NAF, 3, 3},
    {"apdu", VERB_APDU, 1, APDUS_MAX},
    {"bench", VERB_BENCH, 1, 1},
};

static bool wrong(const char *what, const char *value)
{
    fprintf(stderr, "nisim: %s%s; see nisim --help\n", what, value);
    return false;
}

static bool take_bench_number(int option, const char *text, struct command *command)
{
    char *end = NULL;
    errno = 0;
    unsigned long value = strtoul(text, &end, 10);
    if (errno != 0 || text[0] < '0' || text[0] > '9' || *end != '\0' ||
        value < bench_numbers[option].least || value > bench_numbers[option].most) {
        fprintf(stderr, "nisim: %s takes a number from %u to %u, not %s; see nisim --help\n",
                bench_numbers[option].name, bench_numbers[option].least, bench_numbers[option].most,
                text);
        return false;
    }
    unsigned *setting =
        (unsigned *)(void *)((char *)&command->bench + bench_numbers[option].offset);
    *setting = (unsigned)value;
    return true;
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

static bool take_nc(const char *text, struct nisim_exchange *exchange)
{
    char *end = NULL;
    errno = 0;
    long long count = strtoll(text, &end, 10);
    if (errno != 0 || end == text || *end != '\0' || count < 1 || count > UINT32_MAX)
        return wrong("--nc takes a number from 1 to 4294967295, not ", text);
    exchange->nc = (uint32_t)count;
    return true;
}

/* A text that will stand between quotes. */
static bool take_quotable(const char *text, const char *what, char *out_text, size_t room)
{
    size_t length = strlen(text);
    if (length == 0 || length >= room || !text_is_quotable(text, length))
        return wrong(what, " is empty, too long, or has quotes or control characters");
    memcpy(out_text, text, length + 1);
    return true;
}

static bool take_exchange(int letter, struct nisim_exchange *exchange)
{
    switch (letter) {
    case 'C':
        return take_quotable(optarg, "--cnonce", exchange->cnonce, sizeof exchange->cnonce);
    case 'x':
        return take_quotable(optarg, "--next-nonce", exchange->nonce, sizeof exchange->nonce);
    default:
        return take_nc(optarg, exchange);
    }
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
    case 'B':
        command->answer_file = optarg;
        return true;
    case 'C':
    case 'N':
    case 'x':
        return take_exchange(letter, &command->exchange);
    case 'V':
    case 'h':
        *out_exit = fputs(letter == 'V' ? "nisim " NISIM_VERSION "\n" : usage, stdout) >= 0 &&
                            fflush(stdout) == 0
                        ? COMMAND_DONE
                        : COMMAND_FAILED;
        return false;
    default:
        if (letter >= OPTION_BENCH && letter < OPTION_BENCH + BENCH_NUMBERS)
            return take_bench_number(letter - OPTION_BENCH, optarg, command);
        return false; /* getopt_long said why */
    }
}

static bool take_rand(const char *text, struct command *command)
{
    return hex_decode(text, strlen(text), command->rand, sizeof command->rand) ||
           wrong("RAND is 32 hex digits, not ", text);
}

static bool take_challenge(char **arguments, struct command *command)
{
    if (!take_rand(arguments[0], command))
        return false;
    if (!hex_decode(arguments[1], strlen(arguments[1]), command->autn, sizeof command->autn))
        return wrong("AUTN is 32 hex digits, not ", arguments[1]);
    return true;
}

static bool take_b_tid(char **arguments, struct command *command)
{
    char *end = NULL;
    const char *lifetime = arguments[2];
    command->b_tid = arguments[1];
    errno = 0;
    command->lifetime = strtoull(lifetime, &end, 10);
    if (errno != 0 || lifetime[0] < '0' || lifetime[0] > '9' || *end != '\0' ||
        command->lifetime == 0)
        return wrong("LIFETIME is a UTC time in seconds since 1970, not ", lifetime);
    return take_rand(arguments[0], command);
}

static bool take_naf_id(char **arguments, struct command *command)
{
    size_t length = strlen(arguments[0]);
    if (length == 0 || length > sizeof command->naf_id - UA_BYTES ||
        !text_is_clean(arguments[0], length))
        return wrong("FQDN is 1 to 250 bytes of UTF-8 without control characters", "");
    if (!hex_decode(arguments[1], strlen(arguments[1]), command->naf_id + length, UA_BYTES))
        return wrong("UA is 10 hex digits, not ", arguments[1]);
    memcpy(command->naf_id, arguments[0], length);
    command->naf_id_bytes = length + UA_BYTES;
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

static void take_headers(char **arguments, int count, struct command *command)
{
    command->www_authenticate = (const char *const *)arguments;
    command->challenge_count = (size_t)count;
}

/* What stands behind the verb, USER first for all but one. */
static bool take_rest(char **arguments, int count, struct command *command)
{
    switch (command->verb) {
    case VERB_AUTHENTICATE:
    case VERB_GBA_BOOTSTRAP:
        return take_challenge(arguments + 2, command);
    case VERB_GBA_STORE:
        return take_b_tid(arguments + 2, command);
    case VERB_GBA_NAF:
        return take_naf_id(arguments + 2, command);
    case VERB_AUTHORIZE:
        command->method = arguments[2];
        command->uri = arguments[3];
        take_headers(arguments + 4, count - 4, command);
        return true;
    case VERB_APDU:
        command->apdus = (const char *const *)arguments + 2;
        return true;
    case VERB_FILE:
        return take_file(arguments[2], arguments[3], command);
    case VERB_HA1:
        take_headers(arguments + 2, 1, command);
        return true;
    case VERB_AUTHENTICATION_INFO:
        command->authentication_info = arguments[2];
        return take_quotable(arguments[1], "RSPAUTH", command->exchange.rspauth,
                             sizeof command->exchange.rspauth);
    case VERB_BENCH:
        command->subscribers = arguments[1];
        return command->bench.replay + command->bench.bad_mac <= 100 ||
               wrong("--replay and --bad-mac are more than 100 percent together", "");
    default:
        return true;
    }
}

static bool take_verb(int count, char **arguments, struct command *command)
{
    if (count == 0)
        return wrong("what to do? nisim --help lists it", "");
    for (size_t i = 0; i < sizeof verbs / sizeof verbs[0]; i++) {
        if (strcmp(arguments[0], verbs[i].name) != 0)
            continue;
        if (count - 1 < verbs[i].least || count - 1 > verbs[i].most)
            return wrong("wrong number of arguments to ", verbs[i].name);
        command->verb = verbs[i].verb;
        bool has_user =
            count > 1 && command->verb != VERB_AUTHENTICATION_INFO && command->verb != VERB_BENCH;
        if (has_user && !take_user(arguments[1], command))
            return false;
        return take_rest(arguments, count, command);
    }
    return wrong("no such thing to do: ", arguments[0]);
}

/* Defaults, and what must be there. */
static bool complete(struct command *command)
{
    const struct nisim_options *options = &command->options;
    if (command->verb == VERB_AUTHENTICATION_INFO)
        return true; /* asks nobody */
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
    out_command->bench = bench_usual;
    while ((letter = getopt_long(argc, argv, "s:a:c:k:n:f:t:iC:N:x:B:jVh", long_options, NULL)) !=
           -1) {
        if (!take_option(letter, out_command, &config, out_exit))
            return false;
    }
    *out_exit = COMMAND_USAGE;
    return take_verb(argc - optind, argv + optind, out_command) &&
           (config == NULL || command_config_read(config, out_command)) && complete(out_command) &&
           command_read_body(out_command);
}
