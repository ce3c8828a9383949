#include "page.h"

#include <stdio.h>

#include "connections.h"
#include "dispatch.h"
#include "exposition.h"
#include "tls.h"

#define LABELS_BYTES 128 /* of one sample, the NUL included */

enum metric {
#define METRIC(id, name, kind, help) METRIC_##id,
#include "metrics.def"
};

static const struct {
    const char *name;
    const char *kind;
    const char *help;
} metrics[] = {
#define METRIC(id, name, kind, help) [METRIC_##id] = {(name), (kind), (help)},
#include "metrics.def"
};

static const char *const answerers[ANSWERERS] = {
    [ANSWERED_BY_FRONT] = "front",
    [ANSWERED_BY_KEEPER] = "keeper",
};

static void begin(struct exposition *page, enum metric metric)
{
    exposition_family(page, metrics[metric].name, metrics[metric].kind, metrics[metric].help);
}

/* A family of one sample. */
static void put(struct exposition *page, enum metric metric, uint64_t value)
{
    begin(page, metric);
    exposition_sample(page, "", value);
}

static void put_front(struct exposition *page, const struct front *front)
{
    begin(page, METRIC_BUILD_INFO);
    exposition_sample(page, "version=\"" NISIM_VERSION "\"", 1);
    put(page, METRIC_CERTIFICATE, (uint64_t)tls_certificate_expiry(front->tls));
    put(page, METRIC_FRONT_START, (uint64_t)front->started);
    put(page, METRIC_FRONT_RESTARTS, front->generation - 1);
}

/* No sample until a keeper has said it: neither 0 nor 1 would be true. */
static void put_laboratory(struct exposition *page, const struct front *front)
{
    const struct link *link = NULL;
    bool is_known = false;
    bool is_laboratory = false;
    begin(page, METRIC_LABORATORY);
    for (uint16_t i = 0; (link = dispatch_link(front->dispatch, i)) != NULL; i++) {
        is_known = is_known || link->generation > 0;
        is_laboratory = is_laboratory || link->is_laboratory;
    }
    if (is_known)
        exposition_sample(page, "", is_laboratory);
}

static void put_keepers(struct exposition *page, const struct front *front)
{
    char labels[LABELS_BYTES];
    const struct link *link = NULL;
    put(page, METRIC_KEEPERS, front->config->keepers);
    begin(page, METRIC_KEEPER_READY);
    for (uint16_t i = 0; (link = dispatch_link(front->dispatch, i)) != NULL; i++) {
        snprintf(labels, sizeof labels, "keeper=\"%u\"", i);
        exposition_sample(page, labels, link->ready);
    }
    begin(page, METRIC_KEEPER_RESTARTS);
    for (uint16_t i = 0; (link = dispatch_link(front->dispatch, i)) != NULL; i++) {
        snprintf(labels, sizeof labels, "keeper=\"%u\"", i);
        if (link->generation > 0)
            exposition_sample(page, labels, link->generation - 1);
    }
}

static void put_connections(struct exposition *page, const struct front *front)
{
    char labels[LABELS_BYTES];
    const struct counters *counters = &front->counters;
    put(page, METRIC_CONNECTIONS, connections_count(front->connections));
    put(page, METRIC_CONNECTIONS_LIMIT, front->config->connections_max);
    put(page, METRIC_ACCEPTED, counters->accepted);
    begin(page, METRIC_REFUSED);
    for (size_t i = 0; i < REFUSALS; i++) {
        snprintf(labels, sizeof labels, "reason=\"%s\"", counters_refusal_name((enum refusal)i));
        exposition_sample(page, labels, counters->refused[i]);
    }
    begin(page, METRIC_PAUSES);
    exposition_sample(page, "reason=\"limit\"", counters->pauses_at_limit);
    exposition_sample(page, "reason=\"descriptors\"", counters->pauses_without_means);
}

/* Of some hundred pairs few ever come; those that are watched most are there from the start. */
static bool is_shown(enum answerer by, size_t message, size_t status, uint64_t count)
{
    bool is_asked = message != MESSAGE_INDEX_UNKNOWN && message != MESSAGE_INDEX_HELLO;
    bool is_watched = by == ANSWERED_BY_KEEPER
                          ? status == STATUS_INDEX_OK
                          : status == STATUS_INDEX_BUSY || status == STATUS_INDEX_UNAVAILABLE;
    return count > 0 || (is_asked && is_watched);
}

static void put_answers(struct exposition *page, const struct counters *counters, enum answerer by,
                        size_t message)
{
    char labels[LABELS_BYTES];
    for (size_t status = 0; status < STATUS_INDICES; status++) {
        uint64_t count = counters->answers[by][message][status];
        if (!is_shown(by, message, status, count))
            continue;
        snprintf(labels, sizeof labels, "message=\"%s\",status=\"%s\",answered_by=\"%s\"",
                 counters_message_name((enum message_index)message),
                 counters_status_name((enum status_index)status), answerers[by]);
        exposition_sample(page, labels, count);
    }
}

static void put_durations(struct exposition *page, const struct counters *counters)
{
    char labels[LABELS_BYTES];
    begin(page, METRIC_DURATION);
    for (size_t i = 0; i < MESSAGE_INDICES; i++) {
        if (counters->durations[i].count == 0)
            continue;
        snprintf(labels, sizeof labels, "message=\"%s\"",
                 counters_message_name((enum message_index)i));
        exposition_durations(page, labels, &counters->durations[i]);
    }
}

static void put_requests(struct exposition *page, const struct front *front)
{
    put(page, METRIC_IN_HAND, dispatch_in_hand(front->dispatch));
    put(page, METRIC_REQUESTS_LIMIT, front->config->requests_max);
    begin(page, METRIC_REQUESTS);
    for (size_t i = 0; i < MESSAGE_INDICES; i++) {
        put_answers(page, &front->counters, ANSWERED_BY_KEEPER, i);
        put_answers(page, &front->counters, ANSWERED_BY_FRONT, i);
    }
    put_durations(page, &front->counters);
}

bool page_write(const struct front *front, struct evbuffer *out)
{
    struct exposition page = exposition_of(out);
    put_front(&page, front);
    put_laboratory(&page, front);
    put_keepers(&page, front);
    put_connections(&page, front);
    put_requests(&page, front);
    return !page.failed;
}
