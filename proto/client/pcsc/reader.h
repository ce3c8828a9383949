/*
 * The connection to vpcd, the virtual reader of vsmartcard: we are the card and connect to it. Each
 * message is two bytes of length, big endian, and so many bytes.
 */
#ifndef NISIM_PROTO_CLIENT_PCSC_READER_H
#define NISIM_PROTO_CLIENT_PCSC_READER_H

#include <signal.h>
#include <stddef.h>
#include <stdint.h>

#include "deadline.h"

#define READER_MESSAGE_BYTES_MAX 65535
#define READER_WHY_BYTES 256

enum reader_control { /* a message of one byte */
                      READER_OFF = 0,
                      READER_ON = 1,
                      READER_RESET = 2,
                      READER_ATR = 4,
};

enum reader_result {
    READER_DONE,
    READER_QUIET, /* nothing came in time, or a signal did */
    READER_GONE,  /* closed, failed, or too slow */
};

/* -1: out_why says why. The caller closes it. */
MUST_CHECK int reader_connect(const char *host, const char *port, char out_why[READER_WHY_BYTES]);

/* Waits up to wait_ms for a message to begin, with the signals of `waiting` let through. */
MUST_CHECK enum reader_result reader_receive(int reader, unsigned wait_ms, const sigset_t *waiting,
                                             uint8_t out_message[READER_MESSAGE_BYTES_MAX],
                                             size_t *out_bytes);
MUST_CHECK enum reader_result reader_send(int reader, const void *message, size_t bytes);

#endif
