/*
 * The configuration file (libconfig syntax), read by every program of the appliance. The options
 * are listed in options.def; clients are a list of groups. nisim.conf(5) is the user's view.
 */
#ifndef NISIM_SHARED_CONFIG_H
#define NISIM_SHARED_CONFIG_H

#include <stdbool.h>
#include <stdint.h>

#include "message.h"

#define CONFIG_FILE_BYTES_MAX 1048576
#define CONFIG_CLIENTS_MAX 1024
#define CONFIG_CLIENT_DOMAINS_MAX 32
#define CONFIG_TEXT_BYTES_MAX 1023
#define CONFIG_WHY_BYTES 512
#define CONFIG_AUDIT_BYTES (CONFIG_TEXT_BYTES_MAX + 8)

/* How a client's certificate is recognised. */
enum client_match {
    CLIENT_BY_DNS,    /* "dns:NAME": a subjectAltName of type DNS, compared without case */
    CLIENT_BY_URI,    /* "uri:URI": a subjectAltName of type URI, compared exactly */
    CLIENT_BY_SHA256, /* "sha256:HEX": the certificate's fingerprint; colons allowed */
};

/* One WWSF: clients[i] of the configuration. */
struct client {
    const char *name;
    enum client_match match;
    const char *pattern; /* DNS name or URI; NULL with CLIENT_BY_SHA256 */
    uint8_t fingerprint[32];
    size_t domain_count;
    const char *domains[CONFIG_CLIENT_DOMAINS_MAX]; /* home domains it may ask for; "*" is all */
    uint32_t forms;                                 /* FORM_BIT of each form it may have */
};

/*
 * Texts are NULL where an optional one is not set. All texts are owned by the config. Paths are
 * absolute: a relative one in the file is relative to the file's folder.
 */
struct config {
#define OPTION_TEXT(path, member, need, text) const char *member;
#define OPTION_NUMBER(path, member, usual, least, most, text) uint32_t member;
#define OPTION_SWITCH(path, member, usual, text) bool member;
#include "options.def"
    size_t client_count;
    struct client *clients;
    void *tree; /* the parser's, owner of the texts */
};

/*
 * Reads and checks. On failure NULL, and out_why says file, line, option, reason and what to do:
 * "nisim.conf:12: limits.in_flight: 0 is not between 1 and 1024".
 */
MUST_CHECK struct config *config_read_path(const char *path, char out_why[CONFIG_WHY_BYTES]);

/*
 * The same from a descriptor of a file (a child's copy), read from its start whatever its offset;
 * `path` is for messages and for relative paths.
 */
MUST_CHECK struct config *config_read_descriptor(int descriptor, const char *path,
                                                 char out_why[CONFIG_WHY_BYTES]);

/* The folder of the audit trail: `audit`, or beside the store where that is NULL. */
void config_audit_folder(const char *audit, const char *store, char out_folder[CONFIG_AUDIT_BYTES]);

void config_free(struct config **config);

/* The line of an option, for messages; of its group when it is not set; else 1. */
unsigned config_line(const struct config *config, const char *option);

/* May this client ask about subscribers of this home domain? Compared without case. */
bool client_may_ask_domain(const struct client *client, const char *domain);

/* The value of client.forms entries and FORM fields: 0 for a name that is no form. */
enum answer_form form_from_name(const char *name);

#endif
