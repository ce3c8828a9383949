/* The inside of the configuration's reader. For config*.c only. */
#ifndef NISIM_SHARED_CONFIG_READER_H
#define NISIM_SHARED_CONFIG_READER_H

#include <libconfig.h>

#include "config.h"

struct config_reader {
    const char *path;                       /* of the file, for messages */
    char *why;                              /* CONFIG_WHY_BYTES */
    char folder[CONFIG_TEXT_BYTES_MAX + 1]; /* of the file, absolute */
    struct config *config;
    config_t *tree;
};

/* Says "path:line: option: reason" in why. Always false, for `return config_refuse(...)`. */
bool config_refuse(const struct config_reader *reader, unsigned line, const char *option,
                   const char *format, ...) PRINTF_LIKE(4, 5);

/* A text that is neither empty nor too long and has no control characters; false after refusing. */
MUST_CHECK bool config_take_text(const struct config_reader *reader,
                                 const config_setting_t *setting, const char *option,
                                 const char **out_text);

/* The list `clients`. False after refusing. */
MUST_CHECK bool config_take_clients(const struct config_reader *reader,
                                    const config_setting_t *list);

/* What no option can tell alone. False after refusing. */
MUST_CHECK bool config_check_rules(const struct config_reader *reader);

#endif
