#include "link.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define REQUEST_BYTES_MAX (FRAME_HEADER_BYTES + 4 + USER_ID_BYTES_MAX + 64)

static bool say(const struct link *link, const char *what, const char *why)
{
    fprintf(stderr, "nisim: %s: %s: %s\n", link->nisim->server, what, why);
    return false;
}

bool link_open(struct link *link, const struct nisim_options *options, size_t slots)
{
    enum nisim_result result = nisim_new(options, &link->nisim);
    if (link->nisim == NULL) {
        fprintf(stderr, "nisim: %s\n",
                result == NISIM_BAD_REQUEST ? "the server is HOST:PORT" : "there is no memory");
        return false;
    }
    if (nisim_connect(link->nisim) != NISIM_OK) {
        fprintf(stderr, "nisim: %s\n", nisim_why(link->nisim));
        return false;
    }
    size_t allowed = link->nisim->hello.max_in_flight;
    link->slots = slots < allowed ? slots : allowed;
    link->requests = calloc(link->slots, sizeof *link->requests);
    link->out = malloc(link->slots * REQUEST_BYTES_MAX);
    return (link->requests != NULL && link->out != NULL) || say(link, "memory", "there is none");
}

void link_close(struct link *link)
{
    nisim_free(&link->nisim);
    free(link->requests);
    free(link->out);
    *link = (struct link){0};
}

static size_t free_slot(struct link *link)
{
    while (link->requests[link->next].in_flight)
        link->next = (link->next + 1) % link->slots;
    return link->next;
}

bool link_put(struct link *link, const struct request *request)
{
    struct authenticate_request ask = {.form = FORM_CARD, .subscriber.by = FIELD_USER_ID};
    snprintf(ask.subscriber.text, sizeof ask.subscriber.text, "%s", request->who->user_id);
    memcpy(ask.rand, request->challenge.rand, sizeof ask.rand);
    memcpy(ask.autn, request->challenge.autn, sizeof ask.autn);
    size_t slot = free_slot(link);
    link->requests[slot] = *request;
    link->requests[slot].in_flight = true;
    link->in_flight++;
    struct wire_writer writer = wire_writer_of(link->out + link->out_bytes, REQUEST_BYTES_MAX);
    frame_begin(&writer);
    authenticate_request_write(&writer, &ask);
    const struct frame_header header = {
        .version = FRAME_VERSION, .type = MESSAGE_AUTHENTICATE, .request_id = (uint32_t)slot};
    if (!frame_end(&writer, header))
        return say(link, "request", "is too long");
    link->out_bytes += writer.used;
    return true;
}

bool link_flush(struct link *link)
{
    char why[TRANSPORT_WHY_BYTES] = "";
    if (link->out_bytes == 0)
        return true;
    struct deadline deadline = deadline_in(link->nisim->timeout_ms);
    bool sent = transport_send(link->nisim->transport, link->out, link->out_bytes, &deadline, why);
    link->out_bytes = 0;
    return sent || say(link, "lost", why);
}

/* Secrets of the answer are not of interest here. */
static bool read_body(struct link *link, const struct frame_header *header, struct arrival *out)
{
    ERASED(authenticate_answer) struct authenticate_answer answer = {0};
    if (header->status != STATUS_OK && header->status != STATUS_SYNC_FAILURE)
        return true;
    struct fault fault = authenticate_answer_read((enum status)header->status, link->nisim->body,
                                                  header->body_bytes, &answer);
    secret_wipe(link->nisim->body, header->body_bytes);
    memcpy(out->auts, answer.auts, sizeof out->auts);
    return fault.status == STATUS_OK;
}

bool link_take(struct link *link, struct arrival *out)
{
    struct frame_header header;
    struct deadline deadline = deadline_in(link->nisim->timeout_ms);
    if (client_receive(link->nisim, &deadline, &header) != NISIM_OK)
        return say(link, "lost", nisim_why(link->nisim));
    if (header.request_id >= link->slots || !link->requests[header.request_id].in_flight ||
        !read_body(link, &header, out))
        return say(link, "answer", "is not well formed, or to no request");
    out->request = link->requests[header.request_id];
    out->status = (enum status)header.status;
    link->requests[header.request_id].in_flight = false;
    link->in_flight--;
    return true;
}
