#include "check.h"

#include <errno.h>
#include <fcntl.h>
#include <pwd.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "config.h"

struct check {
    const char *path;
    const struct config *config;
    unsigned faults;
};

/* The options that name files; offset is into struct config. */
static const struct {
    const char *option;
    size_t offset;
} paths[] = {
#define OPTION_TEXT(path, member, need, text)
#define OPTION_PATH(path, member, need, text) {path, offsetof(struct config, member)},
#define OPTION_NUMBER(path, member, usual, least, most, text)
#define OPTION_SWITCH(path, member, usual, text)
#include "options.def"
};
#define PATHS (sizeof paths / sizeof paths[0])

static void say(struct check *check, const char *option, const char *format, ...) PRINTF_LIKE(3, 4);
static void say(struct check *check, const char *option, const char *format, ...)
{
    va_list values;
    fprintf(stderr, "%s:%u: %s: ", check->path, config_line(check->config, option), option);
    va_start(values, format);
    vfprintf(stderr, format, values);
    va_end(values);
    fputc('\n', stderr);
    check->faults++;
}

static bool is_secret(const char *option)
{
    return strcmp(option, "token.pin_file") == 0 || strcmp(option, "tls.pin_file") == 0 ||
           strcmp(option, "tls.key") == 0;
}

static void check_readable(struct check *check, const char *option, const char *file)
{
    struct stat status;
    if (stat(file, &status) != 0 || access(file, R_OK) != 0)
        say(check, option, "%s: %s", file, strerror(errno));
    else if (!S_ISREG(status.st_mode))
        say(check, option, "%s: is not a file", file);
    /* The group may read: that is how a file of root's is given to users.keeper or users.front. */
    else if (is_secret(option) && (status.st_mode & S_IRWXO) != 0)
        say(check, option, "%s: is open to everybody; chmod o= %s", file, file);
}

static void check_store(struct check *check, const char *file)
{
    char folder[CONFIG_TEXT_BYTES_MAX + 1];
    const char *slash = strrchr(file, '/');
    snprintf(folder, sizeof folder, "%.*s/", (int)(slash - file), file);
    if (access(folder, W_OK | X_OK) != 0)
        say(check, "store", "%s: %s; the folder must exist and be writable", folder,
            strerror(errno));
    else if (access(file, R_OK | W_OK) != 0)
        say(check, "store", "%s: %s%s", file, strerror(errno),
            errno == ENOENT ? "; nisim-token init makes it" : "");
}

static void check_audit(struct check *check)
{
    char folder[CONFIG_AUDIT_BYTES];
    struct stat status;
    config_audit_folder(check->config->audit, check->config->store, folder);
    /* Beside a store that is not there: one complaint is enough. */
    if (check->config->audit == NULL && access(check->config->store, F_OK) != 0)
        return;
    if (stat(folder, &status) != 0)
        say(check, "audit", "%s: %s%s", folder, strerror(errno),
            errno == ENOENT ? "; nisim-token init makes it" : "");
    else if (!S_ISDIR(status.st_mode))
        say(check, "audit", "%s: is not a folder", folder);
    else if ((status.st_mode & (S_IWGRP | S_IRWXO)) != 0)
        say(check, "audit", "%s: is open to others; chmod 700 %s", folder, folder);
    else if (access(folder, R_OK | W_OK | X_OK) != 0)
        say(check, "audit", "%s: %s; the keepers write there", folder, strerror(errno));
}

static void check_path(struct check *check, const char *option, const char *file)
{
    if (strcmp(option, "store") == 0)
        check_store(check, file);
    else if (file[0] == '/' && strcmp(option, "audit") != 0)
        check_readable(check, option, file);
}

static void check_user(struct check *check, const char *option, const char *user)
{
    if (user != NULL && getpwnam(user) == NULL)
        say(check, option, "%s: no such user", user);
}

enum exit_code check_file(const char *path)
{
    char why[CONFIG_WHY_BYTES] = "";
    struct config *config = config_read_path(path, why);
    if (config == NULL) {
        fprintf(stderr, "%s\n", why);
        return EXIT_CONFIG;
    }
    struct check check = {.path = path, .config = config};
    for (size_t i = 0; i < PATHS; i++) {
        const char *file = NULL;
        memcpy(&file, (const char *)config + paths[i].offset, sizeof file);
        if (file != NULL)
            check_path(&check, paths[i].option, file);
    }
    check_audit(&check);
    check_user(&check, "users.front", config->user_front);
    check_user(&check, "users.keeper", config->user_keeper);
    config_free(&config);
    if (check.faults > 0)
        return EXIT_CONFIG;
    printf("%s: good\n", path);
    return EXIT_DONE;
}
