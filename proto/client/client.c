/* The connection object: options, HELLO, one request and its answer. The calls are in calls.c. */
#include "client.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *const class_advice[] = {
    [STATUS_CLASS_ANSWERED] = "",
    [STATUS_CLASS_FIX] = "; change the request",
    [STATUS_CLASS_REFUSED] = "; ask the operator of the appliance",
    [STATUS_CLASS_RETRY] = "; try again after a pause",
    [STATUS_CLASS_BROKEN] = "; the operator of the appliance has something to repair",
};

enum nisim_result client_fail(struct nisim *nisim, enum nisim_result result, const char *format,
                              ...)
{
    va_list values;
    va_start(values, format);
    vsnprintf(nisim->why, sizeof nisim->why, format, values);
    va_end(values);
    return result;
}

enum nisim_result client_lost(struct nisim *nisim, const char *why)
{
    transport_close(&nisim->transport);
    return client_fail(nisim, NISIM_NO_CONNECTION, "%s: %s", nisim->server, why);
}

static enum nisim_result result_of_class(enum status_class class)
{
    switch (class) {
    case STATUS_CLASS_FIX:
        return NISIM_BAD_REQUEST;
    case STATUS_CLASS_REFUSED:
        return NISIM_REFUSED;
    case STATUS_CLASS_RETRY:
        return NISIM_UNAVAILABLE;
    default:
        return NISIM_BROKEN;
    }
}

static bool is_challenge(uint8_t type)
{
    return type == MESSAGE_AUTHENTICATE || type == MESSAGE_DIGEST || type == MESSAGE_HA1 ||
           type == MESSAGE_GBA_BOOTSTRAP;
}

/* What the ISIM itself answers, and only to a challenge. */
static enum nisim_result verdict(struct nisim *nisim, const struct frame_header *header)
{
    if (!is_challenge(header->type))
        return client_lost(nisim, "the server answered a question that was not asked");
    return client_fail(
        nisim, header->status == STATUS_MAC_FAILURE ? NISIM_MAC_FAILURE : NISIM_SYNC_FAILURE,
        "%s: %s", nisim->server, status_text(header->status));
}

enum nisim_result client_status(struct nisim *nisim, const struct frame_header *header,
                                const uint8_t *body)
{
    uint8_t status = header->status;
    nisim->status_name = status_name(status);
    if (status == STATUS_OK)
        return NISIM_OK;
    if (status == STATUS_SYNC_FAILURE || status == STATUS_MAC_FAILURE)
        return verdict(nisim, header);
    enum status_class class = status_class(status);
    const char *field = field_name(failure_read(body, header->body_bytes));
    return client_fail(nisim, result_of_class(class), "%s: %s: %s%s%s%s", nisim->server,
                       nisim->status_name, status_text(status), field == NULL ? "" : ", field ",
                       field == NULL ? "" : field, class_advice[class]);
}

static bool header_is_answer(const struct frame_header *header)
{
    return header->version == FRAME_VERSION && header->flags == FRAME_FLAG_ANSWER &&
           header->body_bytes <= FRAME_BODY_BYTES_MAX;
}

enum nisim_result client_receive(struct nisim *nisim, const struct deadline *deadline,
                                 struct frame_header *out_header)
{
    char why[TRANSPORT_WHY_BYTES] = "";
    uint8_t head[FRAME_HEADER_BYTES] = {0};
    if (!transport_receive(nisim->transport, head, sizeof head, deadline, why))
        return client_lost(nisim, why);
    struct frame_header header = frame_header_read(head);
    if (!header_is_answer(&header))
        return client_lost(nisim, "the server does not speak protocol version 1");
    if (!transport_receive(nisim->transport, nisim->body, header.body_bytes, deadline, why))
        return client_lost(nisim, why);
    *out_header = header;
    return NISIM_OK;
}

static enum nisim_result take_hello(struct nisim *nisim, const struct frame_header *header)
{
    if (header->type != MESSAGE_HELLO || header->request_id != 0)
        return client_lost(nisim, "the server did not begin with HELLO");
    enum nisim_result result = client_status(nisim, header, nisim->body);
    if (result != NISIM_OK) {
        transport_close(&nisim->transport);
        return result;
    }
    if (hello_read(nisim->body, header->body_bytes, &nisim->hello).status != STATUS_OK)
        return client_lost(nisim, "HELLO is not well formed");
    return NISIM_OK;
}

enum nisim_result nisim_connect(struct nisim *nisim)
{
    char why[TRANSPORT_WHY_BYTES] = "";
    struct frame_header header = {0};
    struct deadline deadline = deadline_in(nisim->timeout_ms);
    const struct transport_settings settings = {
        .host = nisim->host,
        .port = nisim->port,
        .server_name = nisim->server_name != NULL ? nisim->server_name : nisim->host,
        .ca_file = nisim->ca_file,
        .certificate_file = nisim->certificate_file,
        .key_file = nisim->key_file,
    };
    transport_close(&nisim->transport);
    nisim->hello = (struct hello){0};
    nisim->status_name = "";
    switch (transport_open(&settings, &deadline, why, &nisim->transport)) {
    case TRANSPORT_DONE:
        break;
    case TRANSPORT_BAD_FILES:
        return client_fail(nisim, NISIM_BAD_REQUEST, "%s", why);
    case TRANSPORT_FAILED:
        return client_lost(nisim, why);
    }
    enum nisim_result result = client_receive(nisim, &deadline, &header);
    return result == NISIM_OK ? take_hello(nisim, &header) : result;
}

/* "host:port", "[v6]:port"; cuts it in place. */
static bool split_server(char *text, const char **out_host, const char **out_port)
{
    char *host = text;
    char *colon = strrchr(text, ':');
    if (colon == NULL || colon[1] == '\0' || colon == text)
        return false;
    *colon = '\0';
    if (host[0] == '[') {
        size_t length = strlen(host);
        if (length < 3 || host[length - 1] != ']')
            return false;
        host[length - 1] = '\0';
        host++;
    } else if (strchr(host, ':') != NULL) {
        return false;
    }
    *out_host = host;
    *out_port = colon + 1;
    return true;
}

/* A missing text is copied as NULL. */
static bool copy_text(const char *text, char **out_copy)
{
    *out_copy = text == NULL ? NULL : strdup(text);
    return text == NULL || *out_copy != NULL;
}

/* Of an empty name OpenSSL checks nothing, of one that begins with a dot only the end. */
static bool name_is_whole(const char *name)
{
    return name == NULL || (name[0] != '\0' && name[0] != '.');
}

static bool options_are_whole(const struct nisim_options *options)
{
    return options->server != NULL && options->ca_file != NULL &&
           options->certificate_file != NULL && options->key_file != NULL &&
           name_is_whole(options->server_name) && options->timeout_ms > 0;
}

static enum nisim_result fill(struct nisim *nisim, const struct nisim_options *options)
{
    if (!copy_text(options->server, &nisim->server) ||
        !copy_text(options->server, &nisim->server_cut) ||
        !copy_text(options->server_name, &nisim->server_name) ||
        !copy_text(options->ca_file, &nisim->ca_file) ||
        !copy_text(options->certificate_file, &nisim->certificate_file) ||
        !copy_text(options->key_file, &nisim->key_file))
        return NISIM_NO_MEMORY;
    nisim->timeout_ms = options->timeout_ms;
    return split_server(nisim->server_cut, &nisim->host, &nisim->port) ? NISIM_OK
                                                                       : NISIM_BAD_REQUEST;
}

enum nisim_result nisim_new(const struct nisim_options *options, struct nisim **out_nisim)
{
    if (!options_are_whole(options))
        return NISIM_BAD_REQUEST;
    struct nisim *nisim = calloc(1, sizeof *nisim);
    if (nisim == NULL)
        return NISIM_NO_MEMORY;
    nisim->status_name = "";
    enum nisim_result result = fill(nisim, options);
    if (result != NISIM_OK) {
        nisim_free(&nisim);
        return result;
    }
    *out_nisim = nisim;
    return NISIM_OK;
}

void nisim_free(struct nisim **nisim)
{
    if (*nisim == NULL)
        return;
    transport_close(&(*nisim)->transport);
    free((*nisim)->server);
    free((*nisim)->server_cut);
    free((*nisim)->server_name);
    free((*nisim)->ca_file);
    free((*nisim)->certificate_file);
    free((*nisim)->key_file);
    secret_wipe(*nisim, sizeof **nisim);
    free(*nisim);
    *nisim = NULL;
}

const char *nisim_why(const struct nisim *nisim)
{
    return nisim->why;
}

const char *nisim_status_name(const struct nisim *nisim)
{
    return nisim->status_name;
}

const char *nisim_client_name(const struct nisim *nisim)
{
    return nisim->hello.client_name;
}

const char *nisim_server_software(const struct nisim *nisim)
{
    return nisim->hello.software;
}
