#include <string.h>

#include "address.h"
#include "config_reader.h"
#include "log.h"

static bool check_address(const struct config_reader *reader, const char *option, const char *text,
                          const char *example)
{
    struct address address;
    if (text == NULL || address_parse(text, &address))
        return true;
    return config_refuse(reader, config_line(reader->config, option), option,
                         "\"%s\" is not an address and a port; write as %s", text, example);
}

static bool check_addresses(const struct config_reader *reader)
{
    const struct config *config = reader->config;
    return check_address(reader, "listen", config->listen, "127.0.0.1:7443 or [::]:7443") &&
           check_address(reader, "metrics", config->metrics, "127.0.0.1:9464 or [::1]:9464");
}

static bool check_log(const struct config_reader *reader)
{
    enum log_level level;
    if (reader->config->log == NULL || log_level_from_name(reader->config->log, &level))
        return true;
    return config_refuse(reader, config_line(reader->config, "log"), "log",
                         "\"%s\" is not a level; write debug, info, warning or error",
                         reader->config->log);
}

static bool check_tls_minimum(const struct config_reader *reader)
{
    const char *minimum = reader->config->tls_minimum;
    if (minimum == NULL || strcmp(minimum, "1.3") == 0 || strcmp(minimum, "1.2") == 0)
        return true;
    return config_refuse(reader, config_line(reader->config, "tls.minimum"), "tls.minimum",
                         "\"%s\" is not a version served here; write \"1.3\" or \"1.2\"", minimum);
}

/* tls.key is a URI exactly when a module and a PIN for it are given. */
static bool check_tls_key(const struct config_reader *reader)
{
    const struct config *config = reader->config;
    bool in_token = strncmp(config->tls_key, "pkcs11:", 7) == 0;
    const char *missing = config->tls_module == NULL     ? "tls.module"
                          : config->tls_pin_file == NULL ? "tls.pin_file"
                                                         : NULL;
    if (in_token && missing != NULL)
        return config_refuse(reader, config_line(reader->config, "tls.key"), missing,
                             "is missing; tls.key is in a token and needs it");
    const char *needless = config->tls_module != NULL     ? "tls.module"
                           : config->tls_pin_file != NULL ? "tls.pin_file"
                                                          : NULL;
    if (!in_token && needless != NULL)
        return config_refuse(reader, config_line(reader->config, needless), needless,
                             "is set, but tls.key is a file; remove it, or give tls.key a PKCS#11 "
                             "URI");
    return true;
}

static bool check_token(const struct config_reader *reader)
{
    const struct config *config = reader->config;
    int given = (config->token_label != NULL) + (config->token_serial != NULL) +
                (config->token_uri != NULL);
    if (given != 1)
        return config_refuse(reader, config_line(reader->config, "token"), "token",
                             "%s label, serial and uri is set; set exactly one",
                             given == 0 ? "none of" : "more than one of");
    if (config->token_uri != NULL && strncmp(config->token_uri, "pkcs11:", 7) != 0)
        return config_refuse(reader, config_line(reader->config, "token.uri"), "token.uri",
                             "\"%s\" does not begin with pkcs11:", config->token_uri);
    return true;
}

bool config_check_rules(const struct config_reader *reader)
{
    return check_addresses(reader) && check_log(reader) && check_tls_minimum(reader) &&
           check_tls_key(reader) && check_token(reader);
}
