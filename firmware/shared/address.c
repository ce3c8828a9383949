#include "address.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PORT_MAX 65535

static bool parse_port(const char *text, in_port_t *out_port)
{
    size_t digits = strspn(text, "0123456789");
    if (digits == 0 || digits > 5 || text[digits] != '\0')
        return false;
    unsigned long port = strtoul(text, NULL, 10);
    if (port > PORT_MAX)
        return false;
    *out_port = htons((uint16_t)port);
    return true;
}

static bool parse_v4(const char *host, in_port_t port, struct address *out_address)
{
    struct sockaddr_in v4 = {.sin_family = AF_INET, .sin_port = port};
    if (inet_pton(AF_INET, host, &v4.sin_addr) != 1)
        return false;
    memset(out_address, 0, sizeof *out_address);
    memcpy(&out_address->storage, &v4, sizeof v4);
    out_address->length = sizeof v4;
    return true;
}

static bool parse_v6(const char *host, in_port_t port, struct address *out_address)
{
    struct sockaddr_in6 v6 = {.sin6_family = AF_INET6, .sin6_port = port};
    if (inet_pton(AF_INET6, host, &v6.sin6_addr) != 1)
        return false;
    memset(out_address, 0, sizeof *out_address);
    memcpy(&out_address->storage, &v6, sizeof v6);
    out_address->length = sizeof v6;
    return true;
}

bool address_parse(const char *text, struct address *out_address)
{
    char host[INET6_ADDRSTRLEN + 2] = "";
    in_port_t port = 0;
    const char *colon = strrchr(text, ':');
    size_t length = colon == NULL ? 0 : (size_t)(colon - text);
    if (length == 0 || length >= sizeof host || !parse_port(colon + 1, &port))
        return false;
    memcpy(host, text, length);
    if (host[0] != '[')
        return parse_v4(host, port, out_address);
    if (host[length - 1] != ']')
        return false;
    host[length - 1] = '\0';
    return parse_v6(host + 1, port, out_address);
}

void address_format(const struct address *address, char out_text[ADDRESS_TEXT_BYTES])
{
    char host[INET6_ADDRSTRLEN] = "";
    struct sockaddr_in v4;
    struct sockaddr_in6 v6;
    memcpy(&v4, &address->storage, sizeof v4);
    memcpy(&v6, &address->storage, sizeof v6);
    if (address->storage.ss_family == AF_INET &&
        inet_ntop(AF_INET, &v4.sin_addr, host, sizeof host) != NULL)
        snprintf(out_text, ADDRESS_TEXT_BYTES, "%s:%u", host, ntohs(v4.sin_port));
    else if (address->storage.ss_family == AF_INET6 &&
             inet_ntop(AF_INET6, &v6.sin6_addr, host, sizeof host) != NULL)
        snprintf(out_text, ADDRESS_TEXT_BYTES, "[%s]:%u", host, ntohs(v6.sin6_port));
    else
        snprintf(out_text, ADDRESS_TEXT_BYTES, "?");
}
