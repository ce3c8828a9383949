/* nisimd: what the operator starts. It starts and watches the other processes (warden.h). */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "appliance.h"
#include "check.h"
#include "confine.h"
#include "log.h"
#include "warden.h"

#define CONFIG_PATH_USUAL "/etc/nisim/nisim.conf"
#define COPY_BYTES 2048

static const char help[] =
    "usage: nisimd [--config FILE]\n"
    "       nisimd --check FILE\n"
    "\n"
    "The nisim appliance: an ISIM in the network, its keys in a PKCS#11 token.\n"
    "\n"
    "  --config FILE  configuration, " CONFIG_PATH_USUAL " when not given\n"
    "  --check FILE   say whether this configuration is good, and do nothing else\n"
    "  --version      print the version\n"
    "  --help         print this\n";

/* 0, 1 and 2 are open from here on, in the children too: no descriptor of ours becomes one. */
static bool open_standard_descriptors(void)
{
    int descriptor = 0;
    do {
        descriptor = open("/dev/null", O_RDWR);
    } while (descriptor >= 0 && descriptor <= STDERR_FILENO);
    return descriptor > STDERR_FILENO && close(descriptor) == 0;
}

/* What is beyond CONFIG_FILE_BYTES_MAX is not needed: the reader refuses such a file. */
static bool copy(int from, int to)
{
    char buffer[COPY_BYTES];
    ssize_t got = 1;
    for (size_t copied = 0; got > 0 && copied <= CONFIG_FILE_BYTES_MAX; copied += (size_t)got) {
        got = read(from, buffer, sizeof buffer);
        if (got < 0 || write(to, buffer, (size_t)got) != got)
            return false;
    }
    return true;
}

/* A copy of the file that nobody can change: all processes see the same one. -1 with errno. */
static int open_sealed_copy(const char *path)
{
    int seals = F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE;
    int file = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
    if (file < 0)
        return -1;
    int sealed = memfd_create("nisim.conf", MFD_CLOEXEC | MFD_ALLOW_SEALING);
    bool done = sealed >= 0 && copy(file, sealed) && fcntl(sealed, F_ADD_SEALS, seals) == 0;
    int saved = errno;
    close(file);
    if (!done && sealed >= 0) {
        close(sealed);
        sealed = -1;
    }
    errno = saved;
    return sealed;
}

static struct config *read_config(const char *path, int *out_sealed)
{
    char why[CONFIG_WHY_BYTES] = "";
    struct config *config = NULL;
    int sealed = open_sealed_copy(path);
    if (sealed < 0)
        snprintf(why, sizeof why, "%s: %s", path, strerror(errno));
    else
        config = config_read_descriptor(sealed, path, why);
    if (config == NULL) {
        log_line(LOG_LEVEL_ERROR, "config-bad", "reason=\"%s\"", why);
        if (sealed >= 0)
            close(sealed);
        return NULL;
    }
    *out_sealed = sealed;
    return config;
}

static int open_signals(void)
{
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGCHLD);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGINT);
    sigaddset(&set, SIGHUP);
    if (sigprocmask(SIG_BLOCK, &set, NULL) != 0)
        return -1;
    return signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
}

static enum exit_code serve(const struct config *config, const char *path, int sealed)
{
    static struct appliance appliance;
    int signals = open_signals();
    if (signals < 0 || !confine_memory()) {
        log_line(LOG_LEVEL_ERROR, "start-failed", "reason=\"%s\"", strerror(errno));
        return EXIT_LOST;
    }
    log_line(LOG_LEVEL_INFO, "appliance-starting", "version=%s config=\"%s\"", NISIM_VERSION, path);
    bool opened = appliance_open(&appliance, config, path, sealed);
    enum exit_code exit = opened ? warden_run(&appliance, signals) : appliance.exit;
    appliance_close(&appliance);
    close(signals);
    log_line(LOG_LEVEL_INFO, "appliance-ended", "exit=%d", (int)exit);
    return exit;
}

/*
 * For the processes it starts: SoftHSM takes and gives back some hundred small pieces of memory for
 * an authentication, which glibc's usual caches are too small for (docs/SCALING.md has figures).
 */
static void tune_memory(void)
{
    (void)setenv("GLIBC_TUNABLES", "glibc.malloc.tcache_count=512:glibc.malloc.mxfast=0", 0);
}

static enum exit_code run(const char *path)
{
    int sealed = -1;
    enum log_level level = LOG_LEVEL_INFO;
    log_start("nisimd", LOG_LEVEL_INFO);
    tune_memory();
    if (!open_standard_descriptors())
        return EXIT_LOST;
    struct config *config = read_config(path, &sealed);
    if (config == NULL)
        return EXIT_CONFIG;
    if (config->log != NULL && log_level_from_name(config->log, &level))
        log_start("nisimd", level);
    enum exit_code exit = serve(config, path, sealed);
    close(sealed);
    config_free(&config);
    return exit;
}

static int refuse(void)
{
    fputs("nisimd --help tells how it is called\n", stderr);
    return EXIT_USAGE;
}

int main(int argc, char **argv)
{
    static const struct option options[] = {{"config", required_argument, NULL, 'c'},
                                            {"check", required_argument, NULL, 'k'},
                                            {"version", no_argument, NULL, 'v'},
                                            {"help", no_argument, NULL, 'h'},
                                            {0}};
    const char *config_path = CONFIG_PATH_USUAL;
    const char *check_path = NULL;
    int option = 0;
    while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
        switch (option) {
        case 'c':
            config_path = optarg;
            break;
        case 'k':
            check_path = optarg;
            break;
        case 'v':
            puts("nisimd " NISIM_VERSION);
            return EXIT_DONE;
        case 'h':
            fputs(help, stdout);
            return EXIT_DONE;
        default:
            return refuse();
        }
    }
    if (optind != argc)
        return refuse();
    return (int)(check_path != NULL ? check_file(check_path) : run(config_path));
}
