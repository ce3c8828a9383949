#include "transport.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tcp.h"
#include "tls.h"

struct transport {
    struct socket_end end;
    struct tls tls;
};

static bool say(char *out_why, const char *what, const char *reason)
{
    snprintf(out_why, TRANSPORT_WHY_BYTES, "%s: %s", what, reason);
    return false;
}

static bool say_late(char *out_why, const char *doing)
{
    snprintf(out_why, TRANSPORT_WHY_BYTES, "no answer in time (%s)", doing);
    return false;
}

/* True: call again. `rc` is what the last call returned. */
static bool wait_for(const struct transport *transport, int rc, const char *doing, char *out_why)
{
    int saved = errno;
    int error = SSL_get_error(transport->tls.ssl, rc);
    errno = saved;
    if (deadline_passed(transport->end.deadline))
        return say_late(out_why, doing);
    if (error != SSL_ERROR_WANT_READ && error != SSL_ERROR_WANT_WRITE)
        return tls_say(&transport->tls, error, out_why);
    short events = error == SSL_ERROR_WANT_READ ? POLLIN : POLLOUT;
    int ready = deadline_wait(transport->end.deadline, transport->end.descriptor, events);
    if (ready == 0)
        return say_late(out_why, doing);
    return ready > 0 || say(out_why, doing, strerrordesc_np(errno));
}

static bool shake_hands(struct transport *transport, char *out_why)
{
    for (;;) {
        tls_clear();
        int rc = SSL_connect(transport->tls.ssl);
        if (rc == 1)
            return tls_check_protocol(&transport->tls, out_why);
        if (!wait_for(transport, rc, "in the TLS handshake", out_why))
            return false;
    }
}

static enum transport_result open_all(struct transport *transport,
                                      const struct transport_settings *settings, char *out_why)
{
    if (!tls_open(&transport->tls, out_why))
        return TRANSPORT_FAILED;
    if (!tls_load(&transport->tls, settings, out_why))
        return TRANSPORT_BAD_FILES;
    transport->end.descriptor = tcp_connect(settings->host, settings->port, transport->end.deadline,
                                            out_why, TRANSPORT_WHY_BYTES);
    bool done = transport->end.descriptor >= 0 &&
                tls_attach(&transport->tls, settings, &transport->end, out_why) &&
                shake_hands(transport, out_why);
    return done ? TRANSPORT_DONE : TRANSPORT_FAILED;
}

enum transport_result transport_open(const struct transport_settings *settings,
                                     const struct deadline *deadline, char *out_why,
                                     struct transport **out_transport)
{
    struct transport *transport = calloc(1, sizeof *transport);
    if (transport == NULL) {
        (void)say(out_why, "memory", "there is none");
        return TRANSPORT_FAILED;
    }
    transport->end = (struct socket_end){.descriptor = -1, .deadline = deadline};
    enum transport_result result = open_all(transport, settings, out_why);
    transport->end.deadline = NULL;
    if (result == TRANSPORT_DONE)
        *out_transport = transport;
    else
        transport_close(&transport);
    return result;
}

void transport_close(struct transport **transport)
{
    if (*transport == NULL)
        return;
    tls_close(&(*transport)->tls);
    if ((*transport)->end.descriptor >= 0)
        close((*transport)->end.descriptor);
    free(*transport);
    *transport = NULL;
}

int transport_descriptor(const struct transport *transport)
{
    return transport->end.descriptor;
}

bool transport_has_more(const struct transport *transport)
{
    return SSL_pending(transport->tls.ssl) > 0;
}

bool transport_send(struct transport *transport, const void *bytes, size_t length,
                    const struct deadline *deadline, char *out_why)
{
    bool sent = false;
    bool failed = false;
    transport->end.deadline = deadline;
    while (!sent && !failed) {
        size_t written = 0;
        tls_clear();
        int rc = SSL_write_ex(transport->tls.ssl, bytes, length, &written);
        sent = rc == 1;
        failed = !sent && !wait_for(transport, rc, "sending", out_why);
    }
    transport->end.deadline = NULL;
    return sent;
}

bool transport_receive(struct transport *transport, void *out_bytes, size_t length,
                       const struct deadline *deadline, char *out_why)
{
    unsigned char *at = out_bytes;
    bool failed = false;
    transport->end.deadline = deadline;
    while (length > 0 && !failed) {
        size_t got = 0;
        tls_clear();
        int rc = SSL_read_ex(transport->tls.ssl, at, length, &got);
        failed = rc != 1 && !wait_for(transport, rc, "receiving", out_why);
        at += got;
        length -= got;
    }
    transport->end.deadline = NULL;
    return !failed;
}
