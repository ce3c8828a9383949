/* nisim-pcsc: a network ISIM in the virtual reader of vsmartcard (nisim-pcsc(1)). */
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "command_config.h"
#include "reader.h"
#include "secret.h"

#define VPCD_USUAL "127.0.0.1:35963"
#define HOST_BYTES 256
#define TIMEOUT_MS_USUAL 5000
#define PAUSE_MS_LEAST 250 /* before the next try; doubled after each that fails */
#define PAUSE_MS_MOST 10000
#define ALIVE_SECONDS 30 /* without a word to the appliance: else it would close an idle client */

/* The card in the reader. */
struct card {
    struct command command;
    char host[HOST_BYTES]; /* of vpcd, as is port */
    const char *port;
    struct nisim *nisim;
    int reader;
    time_t spoke; /* last word to the appliance */
    size_t atr_bytes;
    uint8_t atr[NISIM_ATR_BYTES];
    sigset_t waiting; /* signals that end it come through only while it waits */
};

static volatile sig_atomic_t stopping;

static void stop(int signal)
{
    (void)signal;
    stopping = 1;
}

static bool hold_signals(sigset_t *out_waiting)
{
    const struct sigaction action = {.sa_handler = stop};
    sigset_t ends;
    sigemptyset(&ends);
    sigaddset(&ends, SIGTERM);
    sigaddset(&ends, SIGINT);
    return sigaction(SIGTERM, &action, NULL) == 0 && sigaction(SIGINT, &action, NULL) == 0 &&
           sigprocmask(SIG_BLOCK, &ends, out_waiting) == 0;
}

static time_t now(void)
{
    struct timespec time = {0};
    (void)clock_gettime(CLOCK_MONOTONIC, &time);
    return time.tv_sec;
}

static void pause_for(const struct card *card, unsigned ms)
{
    const struct timespec wait = {.tv_sec = ms / 1000, .tv_nsec = (long)(ms % 1000) * 1000000};
    (void)ppoll(NULL, 0, &wait, &card->waiting);
}

static bool succeeded(struct card *card, enum nisim_result result)
{
    card->spoke = now();
    if (result != NISIM_OK)
        fprintf(stderr, "nisim-pcsc: %s\n", nisim_why(card->nisim));
    return result == NISIM_OK;
}

static bool reset(struct card *card)
{
    return succeeded(card, nisim_card_reset(card->nisim, card->command.by, card->command.user,
                                            card->atr, &card->atr_bytes));
}

/* What no command APDU can be, such as one of the extended form, the card refuses: 6700. */
static bool exchange(struct card *card, const uint8_t *command, size_t bytes)
{
    uint8_t response[NISIM_RESPONSE_BYTES] = {0x67, 0x00};
    size_t response_bytes = 2;
    bool done = true;
    if (bytes >= 4 && bytes <= NISIM_COMMAND_BYTES)
        done = succeeded(card, nisim_apdu(card->nisim, card->command.by, card->command.user,
                                          command, bytes, response, &response_bytes));
    if (done)
        done = reader_send(card->reader, response, response_bytes) == READER_DONE;
    nisim_response_erase(response);
    return done;
}

/* False: the card leaves the reader. */
static bool obey(struct card *card, const uint8_t *message, size_t bytes)
{
    if (bytes != 1)
        return exchange(card, message, bytes);
    switch (message[0]) {
    case READER_OFF: /* whoever switches it on next finds it reset */
    case READER_ON:
    case READER_RESET:
        return reset(card);
    case READER_ATR:
        return reader_send(card->reader, card->atr, card->atr_bytes) == READER_DONE;
    default:
        return true;
    }
}

/* Until the reader or the appliance is gone, or we are to stop. */
static void serve(struct card *card)
{
    static uint8_t message[READER_MESSAGE_BYTES_MAX];
    size_t bytes = 0;
    bool is_in = true;
    while (is_in && !stopping) {
        enum reader_result result =
            reader_receive(card->reader, ALIVE_SECONDS * 1000, &card->waiting, message, &bytes);
        if (result == READER_GONE)
            return;
        if (result == READER_DONE) {
            is_in = obey(card, message, bytes);
            secret_wipe(message, bytes);
        }
        if (is_in && now() - card->spoke >= ALIVE_SECONDS)
            is_in = succeeded(card, nisim_ping(card->nisim));
    }
}

/* True when it was a card in the reader for a while. */
static bool insert(struct card *card)
{
    char why[READER_WHY_BYTES] = "";
    if (!succeeded(card, nisim_connect(card->nisim)) || !reset(card))
        return false;
    card->reader = reader_connect(card->host, card->port, why);
    if (card->reader < 0) {
        fprintf(stderr, "nisim-pcsc: vpcd at %s:%s: %s\n", card->host, card->port, why);
        return false;
    }
    fprintf(stderr, "nisim-pcsc: the card is in the reader\n");
    serve(card);
    close(card->reader);
    fprintf(stderr, "nisim-pcsc: the card has left the reader\n");
    return true;
}

static int run(struct card *card)
{
    unsigned pause = PAUSE_MS_LEAST;
    if (!hold_signals(&card->waiting) ||
        nisim_new(&card->command.options, &card->nisim) != NISIM_OK) {
        fprintf(stderr, "nisim-pcsc: no memory, or the server is not HOST:PORT\n");
        return COMMAND_USAGE;
    }
    while (!stopping) {
        pause = insert(card) ? PAUSE_MS_LEAST : pause;
        if (!stopping)
            pause_for(card, pause);
        pause = pause * 2 < PAUSE_MS_MOST ? pause * 2 : PAUSE_MS_MOST;
    }
    nisim_free(&card->nisim);
    return COMMAND_DONE;
}

static bool wrong(const char *what)
{
    fprintf(stderr, "nisim-pcsc: %s; see nisim-pcsc --help\n", what);
    return false;
}

static bool take_vpcd(const char *text, struct card *card)
{
    size_t length = strlen(text);
    if (length >= sizeof card->host)
        return wrong("--vpcd takes HOST:PORT");
    memcpy(card->host, text, length + 1);
    char *colon = strrchr(card->host, ':');
    if (colon == NULL || colon == card->host || colon[1] == '\0')
        return wrong("--vpcd takes HOST:PORT");
    *colon = '\0';
    card->port = colon + 1;
    return true;
}

static const char usage[] =
    "usage: nisim-pcsc --config FILE [--vpcd HOST:PORT] [--impi] USER\n"
    "Puts USER's ISIM into the virtual reader of vpcd, for pcscd. nisim-pcsc(1) has the rest.\n";

static bool take_options(int argc, char **argv, struct card *card, const char **out_config,
                         int *out_exit)
{
    static const struct option options[] = {
        {"config", required_argument, NULL, 'f'}, {"vpcd", required_argument, NULL, 'p'},
        {"impi", no_argument, NULL, 'i'},         {"help", no_argument, NULL, 'h'},
        {"version", no_argument, NULL, 'V'},      {0}};
    int letter = 0;
    *out_exit = COMMAND_USAGE;
    while ((letter = getopt_long(argc, argv, "f:p:ihV", options, NULL)) != -1) {
        if (letter == 'f')
            *out_config = optarg;
        else if (letter == 'i')
            card->command.by = NISIM_IMPI;
        else if (letter == 'h' || letter == 'V') {
            *out_exit = COMMAND_DONE;
            fputs(letter == 'h' ? usage : "nisim-pcsc " NISIM_VERSION "\n", stdout);
            return false;
        } else if (letter != 'p' || !take_vpcd(optarg, card))
            return false;
    }
    return true;
}

static bool read_arguments(int argc, char **argv, struct card *card, int *out_exit)
{
    const char *config = NULL;
    const struct nisim_options *options = &card->command.options;
    if (!take_vpcd(VPCD_USUAL, card) || !take_options(argc, argv, card, &config, out_exit))
        return false;
    if (config == NULL || argc - optind != 1)
        return wrong("it takes --config FILE and a USER");
    card->command.user = argv[optind];
    if (!command_config_read(config, &card->command))
        return false;
    if (options->timeout_ms == 0)
        card->command.options.timeout_ms = TIMEOUT_MS_USUAL;
    return (options->server != NULL && options->ca_file != NULL &&
            options->certificate_file != NULL && options->key_file != NULL) ||
           wrong("the configuration lacks server, ca, certificate or key");
}

int main(int argc, char **argv)
{
    struct card card = {.command = {.by = NISIM_USER_ID}};
    int exit = COMMAND_USAGE;
    if (read_arguments(argc, argv, &card, &exit))
        exit = run(&card);
    command_free(&card.command);
    return exit;
}
