#include "command_config.h"

#include <errno.h>
#include <libconfig.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TIMEOUT_SECONDS_MAX 3600

static const struct {
    const char *name;
    size_t offset;
    bool is_path; /* relative to the configuration's folder */
} texts[] = {
    {"server", offsetof(struct nisim_options, server), false},
    {"server_name", offsetof(struct nisim_options, server_name), false},
    {"ca", offsetof(struct nisim_options, ca_file), true},
    {"certificate", offsetof(struct nisim_options, certificate_file), true},
    {"key", offsetof(struct nisim_options, key_file), true},
};

static bool refuse(const char *path, const config_setting_t *setting, const char *reason)
{
    fprintf(stderr, "%s: %s:%u: %s: %s\n", program_invocation_short_name, path,
            (unsigned)config_setting_source_line(setting), config_setting_name(setting), reason);
    return false;
}

static bool take_timeout(const char *path, const config_setting_t *setting, struct command *command)
{
    int seconds = config_setting_get_int(setting);
    if (config_setting_type(setting) != CONFIG_TYPE_INT || seconds < 1 ||
        seconds > TIMEOUT_SECONDS_MAX)
        return refuse(path, setting, "is not a number of seconds from 1 to 3600");
    if (command->options.timeout_ms == 0)
        command->options.timeout_ms = (unsigned)seconds * 1000;
    return true;
}

/* Puts the folder of `path` before a relative path; the tree owns the longer text. */
static bool resolve(const char *path, config_setting_t *setting)
{
    char absolute[2048];
    const char *text = config_setting_get_string(setting);
    const char *slash = strrchr(path, '/');
    if (text == NULL || text[0] == '/' || slash == NULL)
        return true;
    int length = snprintf(absolute, sizeof absolute, "%.*s/%s", (int)(slash - path), path, text);
    if (length < 0 || (size_t)length >= sizeof absolute)
        return refuse(path, setting, "with its folder is too long");
    return config_setting_set_string(setting, absolute) == CONFIG_TRUE;
}

static bool take_setting(const char *path, config_setting_t *setting, struct command *command)
{
    const char *name = config_setting_name(setting);
    if (strcmp(name, "timeout") == 0)
        return take_timeout(path, setting, command);
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        if (strcmp(name, texts[i].name) != 0)
            continue;
        if (texts[i].is_path && !resolve(path, setting))
            return false;
        const char *text = config_setting_get_string(setting);
        if (text == NULL)
            return refuse(path, setting, "is not a text; write it in double quotes");
        const char **option = (const char **)(void *)((char *)&command->options + texts[i].offset);
        if (*option == NULL)
            *option = text;
        return true;
    }
    return refuse(path, setting, "no such option; nisim(1) lists them");
}

/* NULL where nothing can be read, such as a folder: libconfig would not say why, or even exit. */
static FILE *open_readable(const char *path)
{
    FILE *file = fopen(path, "re");
    int first = file == NULL ? EOF : fgetc(file);
    if (file != NULL && !ferror(file)) {
        (void)ungetc(first, file);
        return file;
    }
    fprintf(stderr, "%s: %s: %s\n", program_invocation_short_name, path, strerror(errno));
    if (file != NULL)
        fclose(file);
    return NULL;
}

static bool parse(const char *path, config_t *tree)
{
    FILE *file = open_readable(path);
    if (file == NULL)
        return false;
    int parsed = config_read(tree, file);
    fclose(file);
    if (parsed != CONFIG_TRUE)
        fprintf(stderr, "%s: %s:%d: %s\n", program_invocation_short_name, path,
                config_error_line(tree), config_error_text(tree));
    return parsed == CONFIG_TRUE;
}

bool command_config_read(const char *path, struct command *command)
{
    config_t *tree = calloc(1, sizeof *tree);
    if (tree == NULL)
        return false;
    config_init(tree);
    command->config_tree = tree;
    if (!parse(path, tree))
        return false;
    const config_setting_t *root = config_root_setting(tree);
    for (int i = 0; i < config_setting_length(root); i++) {
        if (!take_setting(path, config_setting_get_elem(root, (unsigned)i), command))
            return false;
    }
    return true;
}

void command_free(struct command *command)
{
    free(command->answer_body);
    command->answer_body = NULL;
    if (command->config_tree == NULL)
        return;
    config_destroy(command->config_tree);
    free(command->config_tree);
    command->config_tree = NULL;
}
