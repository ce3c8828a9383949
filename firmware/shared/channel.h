/*
 * Between the processes of an appliance. Each child finds its descriptors at fixed numbers; all
 * others are closed at exec.
 *
 * front <-> keeper: a SOCK_SEQPACKET pair that outlives both. A packet is a stamp (big
 * endian: 2 bytes, the index in config.clients of who asks; 4 bytes, the connection it asks on) and
 * a frame of proto/. The request id is the front's. Connections are numbered from 1 and no number
 * comes twice in the life of a front. The keeper answers in the order of asking; its first packet
 * is a HELLO with an empty body, the READY of a new generation (request id = generation).
 *
 * The front, on READY, sends a PING stamped CHANNEL_STAMP_FRONT, a marker: when its answer comes,
 * everything asked before it and not answered was lost with the keeper's former life. The answer's
 * body says who answers (big endian): 4 bytes, the keeper's generation; 1 byte, 1 when its token is
 * a laboratory's (laboratory.h), else 0.
 *
 * The front's own CARD_OFF, with an empty body, says that a connection is gone: the keeper forgets
 * the card in use on it. With connection 0 it says so of all: a front's first packet, since the
 * numbers of the front before it will come again.
 */
#ifndef NISIM_SHARED_CHANNEL_H
#define NISIM_SHARED_CHANNEL_H

#include "message.h"

#define CHANNEL_CLIENT_BYTES 2
#define CHANNEL_CONNECTION_BYTES 4
#define CHANNEL_STAMP_BYTES (CHANNEL_CLIENT_BYTES + CHANNEL_CONNECTION_BYTES)
#define CHANNEL_STAMP_FRONT 0xffff
#define CHANNEL_GENERATION_BYTES 4
#define CHANNEL_LABORATORY_BYTES 1
#define CHANNEL_PACKET_BYTES_MAX (CHANNEL_STAMP_BYTES + FRAME_BYTES_MAX)

struct channel_stamp {
    uint16_t client; /* or CHANNEL_STAMP_FRONT */
    uint32_t connection;
};

/* Descriptors of a keeper: argv is INDEX GENERATION CONFIG_PATH. */
enum keeper_descriptor {
    KEEPER_FD_CONFIG = 3, /* the configuration file's bytes, read-only */
    KEEPER_FD_READY = 4,  /* one byte written here when it can serve */
    KEEPER_FD_CHANNEL = 5,
    KEEPER_FD_LOCK = 6, /* only held: the store stays locked until the last keeper is gone */
};

/*
 * Descriptors of the front: argv is GENERATION KEEPERS CONFIG_PATH. On FRONT_FD_CONTROL, made anew
 * for each front, the end of file says that nisimd is gone: the next one needs the port. After the
 * last channel, where `metrics` is set: the listening socket of it.
 */
enum front_descriptor {
    FRONT_FD_CONFIG = 3,
    FRONT_FD_READY = 4,
    FRONT_FD_LISTENER = 5,
    FRONT_FD_CONTROL = 6,  /* from nisimd: a byte is the index of a keeper that died */
    FRONT_FD_CHANNELS = 7, /* keeper i's channel is at FRONT_FD_CHANNELS + i */
};

/* Why a child, or nisimd, ended. After EXIT_WRONG_PIN and
 * EXIT_OLD_STORE nothing is started again. */
enum exit_code {
    EXIT_DONE = 0,
    EXIT_USAGE = 64,
    EXIT_CONFIG = 78,    /* the configuration, or a file it names, can't be used */
    EXIT_NO_TOKEN = 69,  /* module or token missing */
    EXIT_WRONG_PIN = 77, /* PIN wrong or locked */
    EXIT_STORE = 74,     /* the store can't be opened or is damaged */
    EXIT_OLD_STORE = 76, /* the store is older than what the token has seen, or another's */
    EXIT_LOST = 75,      /* token or system failed: start again */
    EXIT_LISTEN = 71,    /* nisimd: the address to serve is taken or not of this host */
    EXIT_PROGRAM = 72,   /* nisimd: one of its programs is missing */
    EXIT_LOCKED = 73,    /* nisimd: another appliance uses the store */
};

#endif
