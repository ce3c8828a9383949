#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "config_reader.h"
#include "hex.h"

#define OPTION_NAME_BYTES 128

/* A client that is being read, and how messages call it: "clients[0]". */
struct entry {
    const struct config_reader *reader;
    const config_setting_t *group;
    char name[OPTION_NAME_BYTES / 2];
    struct client *client;
};

static const struct {
    const char *name;
    enum answer_form form;
} forms[] = {
    {"digest", FORM_DIGEST}, {"ha1", FORM_HA1},   {"card", FORM_CARD},
    {"files", FORM_FILES},   {"apdu", FORM_APDU}, {"gba", FORM_GBA},
};
#define FORMS (sizeof forms / sizeof forms[0])
#define FORM_LIST_BYTES 96 /* all names in quotes */

enum answer_form form_from_name(const char *name)
{
    for (size_t i = 0; i < FORMS; i++) {
        if (strcmp(forms[i].name, name) == 0)
            return forms[i].form;
    }
    return (enum answer_form)0;
}

/* Refuses the member `member` of the entry, or the entry itself when NULL. */
#define REFUSE(entry, at, member, ...)                             \
    config_refuse((entry)->reader, config_setting_source_line(at), \
                  option_name((entry), (member), (char[OPTION_NAME_BYTES]){0}), __VA_ARGS__)

static const char *option_name(const struct entry *entry, const char *member, char *buffer)
{
    snprintf(buffer, OPTION_NAME_BYTES, "%s%s%s", entry->name, member == NULL ? "" : ".",
             member == NULL ? "" : member);
    return buffer;
}

static bool take_text(const struct entry *entry, const config_setting_t *setting,
                      const char *member, const char **out_text)
{
    char option[OPTION_NAME_BYTES];
    if (!config_take_text(entry->reader, setting, option_name(entry, member, option), out_text))
        return false;
    if (strlen(*out_text) > NAME_BYTES_MAX)
        return REFUSE(entry, setting, member, "is longer than %d bytes", NAME_BYTES_MAX);
    return true;
}

static bool take_name(const struct entry *entry, const config_setting_t *setting)
{
    return take_text(entry, setting, "name", &entry->client->name);
}

/* "AB:CD:.." or "abcd..": 32 octets. */
static bool take_fingerprint(const char *text, uint8_t out_octets[32])
{
    char digits[HEX_TEXT_BYTES(32)] = "";
    size_t used = 0;
    for (; *text != '\0'; text++) {
        if (*text == ':')
            continue;
        if (used == sizeof digits - 1)
            return false;
        digits[used++] = *text;
    }
    return hex_decode(digits, used, out_octets, 32);
}

static bool is_dns_name(const char *text)
{
    static const char allowed[] =
        "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._";
    return text[0] != '\0' && text[strspn(text, allowed)] == '\0';
}

static bool take_certificate(const struct entry *entry, const config_setting_t *setting)
{
    struct client *client = entry->client;
    const char *text = NULL;
    if (!take_text(entry, setting, "certificate", &text))
        return false;
    if (strncmp(text, "dns:", 4) == 0) {
        client->match = CLIENT_BY_DNS;
        client->pattern = text + 4;
        return is_dns_name(client->pattern) ||
               REFUSE(entry, setting, "certificate", "\"%s\" is not a DNS name", client->pattern);
    }
    if (strncmp(text, "uri:", 4) == 0) {
        client->match = CLIENT_BY_URI;
        client->pattern = text + 4;
        return strchr(client->pattern, ':') != NULL ||
               REFUSE(entry, setting, "certificate", "\"%s\" is not a URI", client->pattern);
    }
    if (strncmp(text, "sha256:", 7) == 0) {
        client->match = CLIENT_BY_SHA256;
        return take_fingerprint(text + 7, client->fingerprint) ||
               REFUSE(entry, setting, "certificate",
                      "a SHA-256 fingerprint is 64 hex digits; colons are allowed");
    }
    return REFUSE(entry, setting, "certificate",
                  "\"%s\" begins with none of dns: uri: sha256:", text);
}

/* How many texts the list has; refuses what is no list, or has none or too many. */
static bool measure_list(const struct entry *entry, const config_setting_t *setting,
                         const char *member, int most)
{
    if (!config_setting_is_list(setting) && !config_setting_is_array(setting))
        return REFUSE(entry, setting, member, "is not a list; write (\"...\", \"...\")");
    int length = config_setting_length(setting);
    if (length < 1 || length > most)
        return REFUSE(entry, setting, member, "has %d entries; write 1 to %d", length, most);
    return true;
}

static bool take_domains(const struct entry *entry, const config_setting_t *setting)
{
    if (!measure_list(entry, setting, "domains", CONFIG_CLIENT_DOMAINS_MAX))
        return false;
    for (int i = 0; i < config_setting_length(setting); i++) {
        const config_setting_t *item = config_setting_get_elem(setting, (unsigned)i);
        const char **domain = &entry->client->domains[i];
        if (!take_text(entry, item, "domains", domain))
            return false;
        if (strcmp(*domain, "*") != 0 && !is_dns_name(*domain))
            return REFUSE(entry, item, "domains",
                          "\"%s\" is not a domain; write its name, or \"*\" for all", *domain);
        entry->client->domain_count++;
    }
    return true;
}

/* The names of all forms, in quotes. */
static const char *form_list(char buffer[FORM_LIST_BYTES])
{
    size_t used = 0;
    for (size_t i = 0; i < FORMS && used < FORM_LIST_BYTES; i++) {
        const char *before = i == 0 ? "" : i == FORMS - 1 ? " and " : ", ";
        used += (size_t)snprintf(buffer + used, FORM_LIST_BYTES - used, "%s\"%s\"", before,
                                 forms[i].name);
    }
    return buffer;
}

static bool take_forms(const struct entry *entry, const config_setting_t *setting)
{
    if (!measure_list(entry, setting, "forms", (int)FORMS))
        return false;
    for (int i = 0; i < config_setting_length(setting); i++) {
        const config_setting_t *item = config_setting_get_elem(setting, (unsigned)i);
        const char *text = NULL;
        if (!take_text(entry, item, "forms", &text))
            return false;
        enum answer_form form = form_from_name(text);
        if (form == 0)
            return REFUSE(entry, item, "forms", "no form is called \"%s\"; there are %s", text,
                          form_list((char[FORM_LIST_BYTES]){0}));
        entry->client->forms |= FORM_BIT(form);
    }
    return true;
}

static const struct {
    const char *name;
    bool (*take)(const struct entry *entry, const config_setting_t *setting);
    bool required;
} members[] = {
    {"name", take_name, true},
    {"certificate", take_certificate, true},
    {"domains", take_domains, true},
    {"forms", take_forms, false},
};
#define MEMBERS (sizeof members / sizeof members[0])

static bool check_members(const struct entry *entry)
{
    for (int i = 0; i < config_setting_length(entry->group); i++) {
        const config_setting_t *setting = config_setting_get_elem(entry->group, (unsigned)i);
        const char *name = config_setting_name(setting);
        size_t known = 0;
        while (known < MEMBERS && strcmp(members[known].name, name) != 0)
            known++;
        if (known == MEMBERS)
            return REFUSE(entry, setting, name, "no such option; nisim.conf(5) lists them");
    }
    return true;
}

static bool take_members(const struct entry *entry)
{
    if (!config_setting_is_group(entry->group))
        return REFUSE(entry, entry->group, NULL, "is not a group; write { name = ...; }");
    for (size_t i = 0; i < MEMBERS; i++) {
        const config_setting_t *setting = config_setting_get_member(entry->group, members[i].name);
        if (setting == NULL && members[i].required)
            return REFUSE(entry, entry->group, members[i].name, "is missing; it is required");
        if (setting != NULL && !members[i].take(entry, setting))
            return false;
    }
    if (entry->client->forms == 0)
        entry->client->forms = FORM_BIT(FORM_DIGEST);
    return check_members(entry);
}

static bool same_certificate(const struct client *a, const struct client *b)
{
    if (a->match != b->match)
        return false;
    switch (a->match) {
    case CLIENT_BY_DNS:
        return strcasecmp(a->pattern, b->pattern) == 0;
    case CLIENT_BY_URI:
        return strcmp(a->pattern, b->pattern) == 0;
    case CLIENT_BY_SHA256:
        return memcmp(a->fingerprint, b->fingerprint, sizeof a->fingerprint) == 0;
    }
    return false;
}

static bool check_unique(const struct entry *entry, size_t index)
{
    const struct client *clients = entry->reader->config->clients;
    for (size_t i = 0; i < index; i++) {
        if (strcmp(clients[i].name, entry->client->name) == 0)
            return REFUSE(entry, entry->group, "name", "\"%s\" is the name of clients[%zu] too",
                          clients[i].name, i);
        if (same_certificate(&clients[i], entry->client))
            return REFUSE(entry, entry->group, "certificate",
                          "is that of clients[%zu], \"%s\", too; one of them could never be meant",
                          i, clients[i].name);
    }
    return true;
}

bool config_take_clients(const struct config_reader *reader, const config_setting_t *list)
{
    unsigned line = config_setting_source_line(list);
    if (!config_setting_is_list(list))
        return config_refuse(reader, line, "clients", "is not a list; write ( { ... }, { ... } )");
    size_t count = (size_t)config_setting_length(list);
    if (count > CONFIG_CLIENTS_MAX)
        return config_refuse(reader, line, "clients", "has more than %d entries",
                             CONFIG_CLIENTS_MAX);
    struct config *config = reader->config;
    config->clients = calloc(count + 1, sizeof *config->clients);
    if (config->clients == NULL)
        return config_refuse(reader, line, "clients", "no memory");
    for (size_t i = 0; i < count; i++) {
        struct entry entry = {.reader = reader,
                              .group = config_setting_get_elem(list, (unsigned)i),
                              .client = &config->clients[i]};
        snprintf(entry.name, sizeof entry.name, "clients[%zu]", i);
        if (!take_members(&entry) || !check_unique(&entry, i))
            return false;
        config->client_count++;
    }
    return true;
}

bool client_may_ask_domain(const struct client *client, const char *domain)
{
    for (size_t i = 0; i < client->domain_count; i++) {
        if (strcmp(client->domains[i], "*") == 0 || strcasecmp(client->domains[i], domain) == 0)
            return true;
    }
    return false;
}
