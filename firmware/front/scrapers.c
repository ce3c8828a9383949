#include "scrapers.h"

#include <event2/bufferevent.h>
#include <event2/event_struct.h>
#include <event2/http.h>
#include <event2/listener.h>
#include <stdlib.h>

#include "clock.h"
#include "exposition.h"
#include "page.h"

#define TICK_MS 1000

/*
 * evhttp tells of a connection only once it has a whole request. We hold a reference to its
 * bufferevent from before that, so that what never asks can be counted and cut.
 */
struct scraper {
    struct scrapers *scrapers;
    struct bufferevent *stream; /* NULL: this place is free */
    bool hurried;               /* its time was cut short */
    struct event deadline;
};

struct scrapers {
    struct front *front;
    struct evhttp *http;
    struct evconnlistener *listener; /* owned by http */
    struct event tick;               /* wakes the listener that on_accept_failed put to sleep */
    size_t count;
    struct scraper places[SCRAPERS_MAX];
};

static void resume(struct scrapers *scrapers)
{
    if (scrapers->listener != NULL && scrapers->count < SCRAPERS_MAX)
        evconnlistener_enable(scrapers->listener);
}

static void on_tick(evutil_socket_t descriptor, short what, void *user)
{
    (void)descriptor;
    (void)what;
    resume(user);
}

/*
 * Out of descriptors: asking again at once would keep the front busy with nothing else. `user` is
 * evhttp's.
 */
static void on_accept_failed(struct evconnlistener *listener, void *user)
{
    (void)user;
    evconnlistener_disable(listener);
}

static void release(struct scraper *scraper)
{
    evtimer_del(&scraper->deadline);
    bufferevent_decref(scraper->stream);
    scraper->stream = NULL;
    scraper->scrapers->count--;
    resume(scraper->scrapers);
}

/* evhttp ends the connection as one that was silent for too long, unless it ended before. */
static void on_deadline(evutil_socket_t descriptor, short what, void *user)
{
    struct scraper *scraper = user;
    struct bufferevent *stream = scraper->stream;
    (void)descriptor;
    (void)what;
    bufferevent_incref(stream);
    bufferevent_trigger_event(stream, BEV_EVENT_READING | BEV_EVENT_TIMEOUT, 0);
    if (scraper->stream == stream) /* else on_close was called */
        release(scraper);
    bufferevent_decref(stream);
}

static void hurry_all(struct scrapers *scrapers)
{
    const struct timeval grace = clock_timeval(SCRAPERS_GRACE_MS);
    evconnlistener_disable(scrapers->listener);
    for (size_t i = 0; i < SCRAPERS_MAX; i++) {
        if (!scrapers->places[i].hurried)
            evtimer_add(&scrapers->places[i].deadline, &grace);
        scrapers->places[i].hurried = true;
    }
}

static struct scraper *free_place(struct scrapers *scrapers)
{
    for (size_t i = 0; i < SCRAPERS_MAX; i++) {
        if (scrapers->places[i].stream == NULL)
            return &scrapers->places[i];
    }
    return NULL;
}

/*
 * evhttp has accepted a connection; there is a place, else the listener would sleep. NULL when
 * memory runs out: evhttp then tries for itself, with its own timeout.
 */
static struct bufferevent *on_accept(struct event_base *base, void *user)
{
    struct scrapers *scrapers = user;
    const struct timeval life = clock_timeval(SCRAPERS_LIFE_MS);
    struct scraper *scraper = free_place(scrapers);
    struct bufferevent *stream =
        scraper == NULL ? NULL : bufferevent_socket_new(base, -1, BEV_OPT_CLOSE_ON_FREE);
    if (stream == NULL)
        return NULL;
    bufferevent_incref(stream);
    scraper->stream = stream;
    scraper->hurried = false;
    evtimer_add(&scraper->deadline, &life);
    if (++scrapers->count == SCRAPERS_MAX)
        hurry_all(scrapers);
    return stream;
}

static void on_close(struct evhttp_connection *connection, void *user)
{
    struct scrapers *scrapers = user;
    const struct bufferevent *stream = evhttp_connection_get_bufferevent(connection);
    for (size_t i = 0; i < SCRAPERS_MAX; i++) {
        if (scrapers->places[i].stream == stream) {
            release(&scrapers->places[i]);
            return;
        }
    }
}

static void reply(struct scrapers *scrapers, struct evhttp_request *request, int code,
                  const char *reason, struct evbuffer *body)
{
    struct evkeyvalq *headers = evhttp_request_get_output_headers(request);
    evhttp_connection_set_closecb(evhttp_request_get_connection(request), on_close, scrapers);
    evhttp_add_header(headers, "Connection", "close");
    evhttp_add_header(headers, "Content-Type", code == HTTP_OK ? EXPOSITION_TYPE : "text/plain");
    if (code == HTTP_BADMETHOD)
        evhttp_add_header(headers, "Allow", "GET");
    evhttp_send_reply(request, code, reason, body);
}

static void on_metrics(struct evhttp_request *request, void *user)
{
    struct scrapers *scrapers = user;
    struct evbuffer *body = NULL;
    if (evhttp_request_get_command(request) != EVHTTP_REQ_GET) {
        reply(scrapers, request, HTTP_BADMETHOD, "Method Not Allowed", NULL);
        return;
    }
    body = evbuffer_new();
    if (body != NULL && page_write(scrapers->front, body))
        reply(scrapers, request, HTTP_OK, "OK", body);
    else
        reply(scrapers, request, HTTP_SERVUNAVAIL, "Service Unavailable", NULL);
    if (body != NULL)
        evbuffer_free(body);
}

static void on_other(struct evhttp_request *request, void *user)
{
    reply(user, request, HTTP_NOTFOUND, "Not Found", NULL);
}

static bool listen_at(struct scrapers *scrapers, int descriptor)
{
    struct evhttp_bound_socket *bound = NULL;
    scrapers->http = evhttp_new(scrapers->front->base);
    if (scrapers->http == NULL)
        return false;
    evhttp_set_max_headers_size(scrapers->http, SCRAPERS_HEADER_BYTES_MAX);
    evhttp_set_max_body_size(scrapers->http, 0);
    evhttp_set_timeout(scrapers->http, SCRAPERS_LIFE_MS / 1000);
    evhttp_set_bevcb(scrapers->http, on_accept, scrapers);
    evhttp_set_gencb(scrapers->http, on_other, scrapers);
    if (evhttp_set_cb(scrapers->http, "/metrics", on_metrics, scrapers) != 0)
        return false;
    bound = evhttp_accept_socket_with_handle(scrapers->http, descriptor);
    if (bound == NULL)
        return false;
    scrapers->listener = evhttp_bound_socket_get_listener(bound);
    evconnlistener_set_error_cb(scrapers->listener, on_accept_failed);
    return true;
}

struct scrapers *scrapers_new(struct front *front, int descriptor)
{
    const struct timeval tick = clock_timeval(TICK_MS);
    struct scrapers *scrapers = calloc(1, sizeof *scrapers);
    if (scrapers == NULL)
        return NULL;
    scrapers->front = front;
    event_assign(&scrapers->tick, front->base, -1, EV_PERSIST, on_tick, scrapers);
    event_add(&scrapers->tick, &tick);
    for (size_t i = 0; i < SCRAPERS_MAX; i++) {
        scrapers->places[i].scrapers = scrapers;
        evtimer_assign(&scrapers->places[i].deadline, front->base, on_deadline,
                       &scrapers->places[i]);
    }
    if (evutil_make_socket_nonblocking(descriptor) != 0 || !listen_at(scrapers, descriptor))
        scrapers_free(&scrapers);
    return scrapers;
}

void scrapers_free(struct scrapers **scrapers)
{
    struct scrapers *all = *scrapers;
    if (all == NULL)
        return;
    all->listener = NULL;
    event_del(&all->tick);
    if (all->http != NULL)
        evhttp_free(all->http);
    for (size_t i = 0; i < SCRAPERS_MAX; i++) {
        if (all->places[i].stream != NULL)
            release(&all->places[i]);
    }
    free(all);
    *scrapers = NULL;
}
