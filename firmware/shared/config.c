#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "config_reader.h"
#include "text.h"

enum option_kind {
    KIND_TEXT,
    KIND_PATH,
    KIND_NUMBER,
    KIND_SWITCH,
};

/* A line of options.def; offset is into struct config. */
struct option {
    const char *path;
    enum option_kind kind;
    size_t offset;
    bool required;
    uint32_t usual; /* KIND_NUMBER, as are least and most; KIND_SWITCH */
    uint32_t least;
    uint32_t most;
    const char *text;
};

#define REQUIRED true
#define OPTIONAL false
#define AT(member) offsetof(struct config, member)
static const struct option options[] = {
#define OPTION_TEXT(path, member, need, text) {path, KIND_TEXT, AT(member), need, 0, 0, 0, text},
#define OPTION_PATH(path, member, need, text) {path, KIND_PATH, AT(member), need, 0, 0, 0, text},
#define OPTION_NUMBER(path, member, usual, least, most, text) \
    {path, KIND_NUMBER, AT(member), false, usual, least, most, text},
#define OPTION_SWITCH(path, member, usual, text) \
    {path, KIND_SWITCH, AT(member), false, usual, 0, 0, text},
#include "options.def"
};
#define OPTIONS (sizeof options / sizeof options[0])
#define OPTION_NAME_BYTES 128

static void *member_of(struct config *config, const struct option *option)
{
    return (char *)config + option->offset;
}

bool config_refuse(const struct config_reader *reader, unsigned line, const char *option,
                   const char *format, ...)
{
    va_list values;
    int used = snprintf(reader->why, CONFIG_WHY_BYTES, "%s:%u: %s: ", reader->path, line, option);
    if (used < 0 || used >= CONFIG_WHY_BYTES)
        return false;
    va_start(values, format);
    vsnprintf(reader->why + used, CONFIG_WHY_BYTES - (size_t)used, format, values);
    va_end(values);
    return false;
}

bool config_take_text(const struct config_reader *reader, const config_setting_t *setting,
                      const char *option, const char **out_text)
{
    unsigned line = config_setting_source_line(setting);
    const char *text = config_setting_get_string(setting);
    if (text == NULL)
        return config_refuse(reader, line, option, "is not a text; write it in double quotes");
    size_t length = strlen(text);
    if (length == 0)
        return config_refuse(reader, line, option, "is empty");
    if (length > CONFIG_TEXT_BYTES_MAX)
        return config_refuse(reader, line, option, "is longer than %d bytes",
                             CONFIG_TEXT_BYTES_MAX);
    if (!text_is_clean(text, length))
        return config_refuse(reader, line, option,
                             "has a control character or is not UTF-8; remove it");
    *out_text = text;
    return true;
}

/* A PKCS#11 URI stays as it is, where tls.key takes one. */
static bool is_absolute(const char *path)
{
    return path[0] == '/' || strncmp(path, "pkcs11:", 7) == 0;
}

static bool take_path(const struct config_reader *reader, config_setting_t *setting,
                      const char *option, const char **out_path)
{
    char absolute[CONFIG_TEXT_BYTES_MAX + 1];
    unsigned line = config_setting_source_line(setting);
    if (!config_take_text(reader, setting, option, out_path))
        return false;
    if (is_absolute(*out_path))
        return true;
    int length = snprintf(absolute, sizeof absolute, "%s/%s", reader->folder, *out_path);
    if (length < 0 || (size_t)length >= sizeof absolute)
        return config_refuse(reader, line, option, "with its folder is longer than %d bytes",
                             CONFIG_TEXT_BYTES_MAX);
    /* The tree owns the longer text from here on. */
    if (config_setting_set_string(setting, absolute) != CONFIG_TRUE)
        return config_refuse(reader, line, option, "no memory");
    *out_path = config_setting_get_string(setting);
    return true;
}

static bool take_number(const struct config_reader *reader, const config_setting_t *setting,
                        const struct option *option, uint32_t *out_number)
{
    unsigned line = config_setting_source_line(setting);
    int type = config_setting_type(setting);
    if (type != CONFIG_TYPE_INT && type != CONFIG_TYPE_INT64)
        return config_refuse(reader, line, option->path,
                             "is not a whole number; write one from %" PRIu32 " to %" PRIu32,
                             option->least, option->most);
    long long number = type == CONFIG_TYPE_INT ? config_setting_get_int(setting)
                                               : config_setting_get_int64(setting);
    if (number < option->least || number > option->most)
        return config_refuse(reader, line, option->path,
                             "%lld is not between %" PRIu32 " and %" PRIu32, number, option->least,
                             option->most);
    *out_number = (uint32_t)number;
    return true;
}

static bool take_switch(const struct config_reader *reader, const config_setting_t *setting,
                        const struct option *option, bool *out_switch)
{
    if (config_setting_type(setting) != CONFIG_TYPE_BOOL)
        return config_refuse(reader, config_setting_source_line(setting), option->path,
                             "is neither true nor false");
    *out_switch = config_setting_get_bool(setting) != 0;
    return true;
}

static bool take_value(const struct config_reader *reader, config_setting_t *setting,
                       const struct option *option)
{
    void *member = member_of(reader->config, option);
    switch (option->kind) {
    case KIND_TEXT:
        return config_take_text(reader, setting, option->path, member);
    case KIND_PATH:
        return take_path(reader, setting, option->path, member);
    case KIND_NUMBER:
        return take_number(reader, setting, option, member);
    case KIND_SWITCH:
        return take_switch(reader, setting, option, member);
    }
    return false;
}

static const struct option *option_of(const char *path)
{
    for (size_t i = 0; i < OPTIONS; i++) {
        if (strcmp(options[i].path, path) == 0)
            return &options[i];
    }
    return NULL;
}

/* Is there an option `name`.something? */
static bool is_group_name(const char *name)
{
    size_t length = strlen(name);
    for (size_t i = 0; i < OPTIONS; i++) {
        if (strncmp(options[i].path, name, length) == 0 && options[i].path[length] == '.')
            return true;
    }
    return false;
}

static bool take_option(const struct config_reader *reader, config_setting_t *setting,
                        const char *path)
{
    const struct option *option = option_of(path);
    if (option == NULL)
        return config_refuse(reader, config_setting_source_line(setting), path,
                             "no such option; nisim.conf(5) lists them");
    return take_value(reader, setting, option);
}

static bool take_group(const struct config_reader *reader, const config_setting_t *group)
{
    char path[OPTION_NAME_BYTES];
    for (int i = 0; i < config_setting_length(group); i++) {
        config_setting_t *setting = config_setting_get_elem(group, (unsigned)i);
        snprintf(path, sizeof path, "%s.%s", config_setting_name(group),
                 config_setting_name(setting));
        if (!take_option(reader, setting, path))
            return false;
    }
    return true;
}

static bool take_setting(const struct config_reader *reader, config_setting_t *setting)
{
    const char *name = config_setting_name(setting);
    unsigned line = config_setting_source_line(setting);
    /* All processes must see the same configuration: one file is handed to them, no second one. */
    if (config_setting_source_file(setting) != NULL)
        return config_refuse(reader, line, name, "is in a file of @include; write it here");
    if (strcmp(name, "clients") == 0)
        return config_take_clients(reader, setting);
    if (!is_group_name(name))
        return take_option(reader, setting, name);
    if (!config_setting_is_group(setting))
        return config_refuse(reader, line, name, "is a group; write %s: { ... };", name);
    return take_group(reader, setting);
}

unsigned config_line(const struct config *config, const char *option)
{
    char group[OPTION_NAME_BYTES];
    const config_setting_t *setting = config_lookup(config->tree, option);
    if (setting == NULL) {
        snprintf(group, sizeof group, "%.*s", (int)strcspn(option, "."), option);
        setting = config_lookup(config->tree, group);
    }
    return setting == NULL ? 1 : config_setting_source_line(setting);
}

void config_audit_folder(const char *audit, const char *store, char out_folder[CONFIG_AUDIT_BYTES])
{
    if (audit != NULL)
        snprintf(out_folder, CONFIG_AUDIT_BYTES, "%s", audit);
    else
        snprintf(out_folder, CONFIG_AUDIT_BYTES, "%s-audit", store);
}

static bool check_required(const struct config_reader *reader)
{
    for (size_t i = 0; i < OPTIONS; i++) {
        const struct option *option = &options[i];
        if (option->required && *(const char **)member_of(reader->config, option) == NULL)
            return config_refuse(reader, config_line(reader->config, option->path), option->path,
                                 "is missing; it is required: %s", option->text);
    }
    if (reader->config->clients == NULL)
        return config_refuse(reader, 1, "clients", "is missing; list who may ask, or write ()");
    return true;
}

static bool take_all(const struct config_reader *reader)
{
    const config_setting_t *root = config_root_setting(reader->tree);
    for (int i = 0; i < config_setting_length(root); i++) {
        if (!take_setting(reader, config_setting_get_elem(root, (unsigned)i)))
            return false;
    }
    return check_required(reader) && config_check_rules(reader);
}

static void set_usual(struct config *config)
{
    for (size_t i = 0; i < OPTIONS; i++) {
        void *member = member_of(config, &options[i]);
        if (options[i].kind == KIND_NUMBER)
            *(uint32_t *)member = options[i].usual;
        if (options[i].kind == KIND_SWITCH)
            *(bool *)member = options[i].usual != 0;
    }
}

static bool parse(const struct config_reader *reader, const char *text)
{
    if (config_read_string(reader->tree, text) == CONFIG_TRUE)
        return true;
    const char *file = config_error_file(reader->tree);
    snprintf(reader->why, CONFIG_WHY_BYTES, "%s:%d: %s", file == NULL ? reader->path : file,
             config_error_line(reader->tree), config_error_text(reader->tree));
    return false;
}

static bool fail(char *why, const char *path, const char *reason)
{
    snprintf(why, CONFIG_WHY_BYTES, "%s: %s", path, reason);
    return false;
}

static bool find_folder(struct config_reader *reader)
{
    char here[CONFIG_TEXT_BYTES_MAX + 1] = "";
    const char *slash = strrchr(reader->path, '/');
    int length = slash == NULL ? 0 : (int)(slash - reader->path);
    bool absolute = reader->path[0] == '/';
    if (!absolute && getcwd(here, sizeof here) == NULL)
        return fail(reader->why, reader->path, strerror(errno));
    int used = snprintf(reader->folder, sizeof reader->folder, "%s%s%.*s", here,
                        absolute || length == 0 ? "" : "/", length, reader->path);
    if (used < 0 || (size_t)used >= sizeof reader->folder)
        return fail(reader->why, reader->path, "the path is too long");
    return true;
}

static struct config *config_new(void)
{
    struct config *config = calloc(1, sizeof *config);
    config_t *tree = calloc(1, sizeof *tree);
    if (config == NULL || tree == NULL) {
        free(config);
        free(tree);
        return NULL;
    }
    config_init(tree);
    config->tree = tree;
    set_usual(config);
    return config;
}

static struct config *read_text(const char *text, const char *path, char *out_why)
{
    struct config_reader reader = {.path = path, .why = out_why};
    reader.config = config_new();
    if (reader.config == NULL) {
        (void)fail(out_why, path, "no memory");
        return NULL;
    }
    reader.tree = reader.config->tree;
    out_why[0] = '\0';
    if (!find_folder(&reader) || !parse(&reader, text) || !take_all(&reader))
        config_free(&reader.config);
    return reader.config;
}

/* At most `room` bytes from the start of the file; -1 with errno. */
static ssize_t read_start(int descriptor, char *buffer, size_t room)
{
    size_t used = 0;
    while (used < room) {
        ssize_t got = pread(descriptor, buffer + used, room - used, (off_t)used);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return -1;
        if (got == 0)
            break;
        used += (size_t)got;
    }
    return (ssize_t)used;
}

struct config *config_read_descriptor(int descriptor, const char *path,
                                      char out_why[CONFIG_WHY_BYTES])
{
    struct config *config = NULL;
    char *text = calloc(1, CONFIG_FILE_BYTES_MAX + 2);
    ssize_t length = text == NULL ? -1 : read_start(descriptor, text, CONFIG_FILE_BYTES_MAX + 1);
    if (length < 0)
        (void)fail(out_why, path, strerror(errno));
    else if (length > CONFIG_FILE_BYTES_MAX)
        (void)fail(out_why, path, "is larger than a configuration can be");
    else if (memchr(text, '\0', (size_t)length) != NULL)
        (void)fail(out_why, path, "has a NUL in it: this is no text file");
    else
        config = read_text(text, path, out_why);
    free(text);
    return config;
}

struct config *config_read_path(const char *path, char out_why[CONFIG_WHY_BYTES])
{
    int descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
    if (descriptor < 0) {
        (void)fail(out_why, path, strerror(errno));
        return NULL;
    }
    struct config *config = config_read_descriptor(descriptor, path, out_why);
    close(descriptor);
    return config;
}

void config_free(struct config **config)
{
    if (*config == NULL)
        return;
    config_destroy((*config)->tree);
    free((*config)->tree);
    free((*config)->clients);
    free(*config);
    *config = NULL;
}
