#include "load.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define NS_PER_SECOND UINT64_C(1000000000)

struct load {
    const struct load_plan *plan;
    struct home *home;
    struct load_result *result;
    struct link *links;
    struct pollfd *polls;
    uint64_t begin_ns;   /* of the warm-up */
    uint64_t counted_ns; /* from here on requests count */
    uint64_t end_ns;
    bool is_over;     /* nothing more is asked */
    uint64_t last_ns; /* the last counted answer */
    uint64_t made;    /* requests so far: the nth is due at begin + n / rate */
    uint64_t next_link;
    uint64_t next_subscriber;
    uint64_t random; /* of xorshift: which kind a request is */
    uint64_t said_ns;
    uint64_t said_count;
};

static uint64_t now_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * NS_PER_SECOND + (uint64_t)now.tv_nsec;
}

/* xorshift64* (Marsaglia): only to mix the kinds. */
static unsigned roll_percent(struct load *load)
{
    load->random ^= load->random >> 12;
    load->random ^= load->random << 25;
    load->random ^= load->random >> 27;
    return (unsigned)((load->random * UINT64_C(2685821657736338717) >> 33) % 100);
}

static enum request_kind choose_kind(struct load *load, const struct home_subscriber *who)
{
    unsigned rolled = roll_percent(load);
    const unsigned *percent = load->plan->percent;
    if (rolled < percent[REQUEST_SPOILT])
        return REQUEST_SPOILT;
    bool replay = rolled < percent[REQUEST_SPOILT] + percent[REQUEST_REPLAY];
    return replay && who->last_sqn != 0 ? REQUEST_REPLAY : REQUEST_FRESH;
}

static bool ask(struct load *load, struct link *link, uint64_t due_ns)
{
    struct home_subscriber *who =
        &load->home->subscribers[load->next_subscriber++ % load->home->count];
    struct request request = {.due_ns = due_ns, .who = who, .kind = choose_kind(load, who)};
    load->made++;
    bool made =
        request.kind == REQUEST_REPLAY
            ? home_replay(load->home, who, &request.challenge)
            : home_challenge(load->home, who, request.kind == REQUEST_SPOILT, &request.challenge);
    if (!made)
        fprintf(stderr, "nisim: OpenSSL fails\n");
    return made && link_put(link, &request);
}

/* Every free slot asks. */
static bool ask_closed(struct load *load, uint64_t now)
{
    for (unsigned i = 0; i < load->plan->connections; i++) {
        while (load->links[i].in_flight < load->links[i].slots) {
            if (!ask(load, &load->links[i], now))
                return false;
        }
    }
    return true;
}

static uint64_t due_ns(const struct load *load, uint64_t number)
{
    return load->begin_ns + (uint64_t)((double)number * 1e9 / load->plan->rate);
}

/* The next link, in turn, with a free slot, or NULL. */
static struct link *free_link(struct load *load)
{
    for (unsigned tries = 0; tries < load->plan->connections; tries++) {
        struct link *link = &load->links[load->next_link++ % load->plan->connections];
        if (link->in_flight < link->slots)
            return link;
    }
    return NULL;
}

/* Everything due by now, as long as there are slots; what waits keeps the time it was due. */
static bool ask_open(struct load *load, uint64_t now)
{
    for (uint64_t due = due_ns(load, load->made); due <= now && due < load->end_ns;
         due = due_ns(load, load->made)) {
        struct link *link = free_link(load);
        if (link == NULL)
            return true;
        if (!ask(load, link, due))
            return false;
    }
    return true;
}

/* Once more at the end, for what fell due while the machine stood still. */
static bool ask_more(struct load *load, uint64_t now)
{
    if (load->is_over)
        return true;
    load->is_over = now >= load->end_ns;
    if (load->plan->rate > 0)
        return ask_open(load, now);
    return load->is_over || ask_closed(load, now);
}

static bool send_all(struct load *load, uint64_t now)
{
    if (!ask_more(load, now))
        return false;
    for (unsigned i = 0; i < load->plan->connections; i++) {
        if (!link_flush(&load->links[i]))
            return false;
    }
    return true;
}

/* What the ISIM does must fit what the challenge was. */
static bool is_expected(const struct arrival *arrival)
{
    if (status_class((uint8_t)arrival->status) == STATUS_CLASS_RETRY)
        return true;
    switch (arrival->request.kind) {
    case REQUEST_REPLAY:
        return arrival->status == STATUS_SYNC_FAILURE;
    case REQUEST_SPOILT:
        return arrival->status == STATUS_MAC_FAILURE;
    default:
        return arrival->status == STATUS_OK || arrival->status == STATUS_SYNC_FAILURE;
    }
}

static void count(struct load *load, const struct arrival *arrival, uint64_t now)
{
    struct load_result *result = load->result;
    result->all_answers++;
    if (arrival->request.due_ns < load->counted_ns)
        return;
    bool refused = status_class((uint8_t)arrival->status) == STATUS_CLASS_RETRY;
    result->by_outcome[(uint8_t)arrival->status]++;
    result->kinds[arrival->request.kind]++;
    result->unexpected += is_expected(arrival) ? 0 : 1;
    result->resynchronised +=
        arrival->request.kind == REQUEST_FRESH && arrival->status == STATUS_SYNC_FAILURE ? 1 : 0;
    histogram_add(refused ? &result->refusal : &result->latency, now - arrival->request.due_ns);
    load->last_ns = now;
}

/* The home network learns from the answer. */
static bool learn(struct load *load, const struct arrival *arrival)
{
    struct home_subscriber *who = arrival->request.who;
    const struct challenge *challenge = &arrival->request.challenge;
    if (arrival->request.kind != REQUEST_FRESH)
        return true;
    if (arrival->status == STATUS_OK && challenge->sqn > who->last_sqn) {
        who->last_sqn = challenge->sqn;
        memcpy(who->last_rand, challenge->rand, sizeof who->last_rand);
    }
    return arrival->status != STATUS_SYNC_FAILURE ||
           home_resynchronise(load->home, who, challenge->rand, arrival->auts);
}

static bool take_all(struct load *load, struct link *link)
{
    do {
        struct arrival arrival = {0};
        if (!link_take(link, &arrival))
            return false;
        count(load, &arrival, now_ns());
        if (!learn(load, &arrival))
            return false;
    } while (link->in_flight > 0 && transport_has_more(link->nisim->transport));
    return true;
}

/* Until when poll may sleep: the next request's time in an open loop. */
static struct timespec pause_of(const struct load *load, uint64_t now)
{
    uint64_t until = now + NS_PER_SECOND / 10;
    if (load->plan->rate > 0) {
        uint64_t due = due_ns(load, load->made);
        until = due > now && due < until ? due : until;
    }
    return (struct timespec){.tv_nsec = (long)(until - now)};
}

static bool wait_and_take(struct load *load, uint64_t now)
{
    struct timespec pause = pause_of(load, now);
    for (unsigned i = 0; i < load->plan->connections; i++)
        load->polls[i].revents = 0;
    if (ppoll(load->polls, load->plan->connections, &pause, NULL) < 0 && errno != EINTR) {
        fprintf(stderr, "nisim: poll: %s\n", strerror(errno));
        return false;
    }
    for (unsigned i = 0; i < load->plan->connections; i++) {
        if (load->polls[i].revents != 0 && !take_all(load, &load->links[i]))
            return false;
    }
    return true;
}

static size_t in_flight(const struct load *load)
{
    size_t sum = 0;
    for (unsigned i = 0; i < load->plan->connections; i++)
        sum += load->links[i].in_flight;
    return sum;
}

/* One line a second for a person at a terminal. */
static void say_progress(struct load *load, uint64_t now)
{
    if (now - load->said_ns < NS_PER_SECOND || !isatty(STDERR_FILENO))
        return;
    double rate = (double)(load->result->all_answers - load->said_count) * 1e9 /
                  (double)(now - load->said_ns);
    fprintf(stderr, "\r%s %3.0f s %8.0f/s  p99 %.2f ms ",
            now < load->counted_ns ? "warm-up" : "counted", (double)(now - load->begin_ns) / 1e9,
            rate, (double)histogram_quantile(&load->result->latency, 0.99) / 1e6);
    load->said_ns = now;
    load->said_count = load->result->all_answers;
}

static bool run(struct load *load)
{
    uint64_t now = load->begin_ns = now_ns();
    load->said_ns = now;
    load->counted_ns = now + load->plan->warm_up * NS_PER_SECOND;
    load->last_ns = load->counted_ns;
    load->end_ns = load->counted_ns + load->plan->duration * NS_PER_SECOND;
    uint64_t give_up = load->end_ns + load->plan->options.timeout_ms * UINT64_C(1000000);
    while (!load->is_over || in_flight(load) > 0) {
        if (!send_all(load, now) || !wait_and_take(load, now))
            return false;
        now = now_ns();
        say_progress(load, now);
        if (now > give_up) {
            fprintf(stderr, "nisim: %zu requests were never answered\n", in_flight(load));
            return false;
        }
    }
    if (isatty(STDERR_FILENO))
        fprintf(stderr, "\r%60s\r", "");
    if (load->plan->rate > 0) {
        uint64_t due = (uint64_t)load->plan->rate * (load->plan->warm_up + load->plan->duration);
        load->result->not_sent = due > load->made ? due - load->made : 0;
    }
    load->result->seconds = (double)(load->last_ns - load->counted_ns) / 1e9;
    return true;
}

static bool open_links(struct load *load)
{
    for (unsigned i = 0; i < load->plan->connections; i++) {
        struct link *link = &load->links[i];
        if (!link_open(link, &load->plan->options, load->plan->in_flight))
            return false;
        load->polls[i] =
            (struct pollfd){.fd = transport_descriptor(link->nisim->transport), .events = POLLIN};
    }
    return true;
}

bool load_run(const struct load_plan *plan, struct home *home, struct load_result *out)
{
    struct load load = {
        .plan = plan, .home = home, .result = out, .random = UINT64_C(88172645463325252)};
    load.links = calloc(plan->connections, sizeof *load.links);
    load.polls = calloc(plan->connections, sizeof *load.polls);
    bool done = load.links != NULL && load.polls != NULL;
    if (!done)
        fprintf(stderr, "nisim: there is no memory\n");
    done = done && open_links(&load) && run(&load);
    for (unsigned i = 0; load.links != NULL && i < plan->connections; i++)
        link_close(&load.links[i]);
    free(load.links);
    free(load.polls);
    return done;
}
