/*
 * The front's end of one keeper's channel: packets out and in, and whether the keeper can be
 * relied on (channel.h: READY, markers, generations). Never blocks.
 */
#ifndef NISIM_FRONT_LINK_H
#define NISIM_FRONT_LINK_H

#include "channel.h"

struct link {
    int descriptor;
    uint16_t keeper;
    bool ready;   /* it has answered our last marker, and has not died since */
    bool trusted; /* it has answered a marker of ours; before that come answers to another front */
    bool marker_owed;
    bool closed;            /* nobody will ever write to it again */
    uint32_t first_marker;  /* its id; 0 when none was sent */
    uint32_t marker;        /* id of the last one sent */
    uint64_t marker_number; /* packets numbered below it went before it */
    uint64_t sent;          /* packets so far: the next one's number */
    uint32_t generation;    /* what its last marker's answer said; 0: there was none yet */
    bool is_laboratory;     /* its token takes keys in clear text; said with `generation` */
};

/* One packet. frame and body are inside the buffer given to link_receive. */
struct link_packet {
    struct frame_header header;
    const uint8_t *body;
};

enum link_result {
    LINK_DONE,
    LINK_LATER,   /* channel full, or nothing to read: when the descriptor is ready again */
    LINK_CLOSED,  /* the channel is gone */
    LINK_INVALID, /* a packet that is no answer; it was taken out */
};

void link_open(struct link *link, int descriptor, uint16_t keeper);

MUST_CHECK enum link_result link_send(struct link *link, struct channel_stamp stamp,
                                      const struct frame_header *header, const uint8_t *body);

MUST_CHECK enum link_result link_receive(struct link *link,
                                         uint8_t buffer[CHANNEL_PACKET_BYTES_MAX],
                                         struct link_packet *out_packet);

/* Sends a marker with this id; one that finds the channel full is owed. */
void link_mark(struct link *link, uint32_t id);

/*
 * Is this the answer to a marker of ours? Notes what follows for `ready` and `trusted`, and what
 * its body says of the keeper.
 */
MUST_CHECK bool link_marker_answered(struct link *link, const struct link_packet *packet);

#endif
