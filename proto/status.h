/*
 * What an answer's header says. The high nibble is the class, and the class says what the caller
 * does next, so that a client meeting a status younger than itself still acts rightly.
 */
#ifndef NISIM_PROTO_STATUS_H
#define NISIM_PROTO_STATUS_H

#include <stdbool.h>
#include <stdint.h>

enum status {
#define STATUS(name, code, text) STATUS_##name = (code),
#include "messages.def"
};

enum status_class {
    STATUS_CLASS_ANSWERED = 0, /* the ISIM's answer: use it */
    STATUS_CLASS_FIX = 1,      /* the request is wrong: change it */
    STATUS_CLASS_REFUSED = 2,  /* not allowed: ask the operator */
    STATUS_CLASS_RETRY = 3,    /* nothing wrong with the request: send it again after a pause */
    STATUS_CLASS_BROKEN = 4,   /* the operator has something to repair: give up */
};

enum status_class status_class(uint8_t status);

/* "SYNC_FAILURE", or "status 0x5f" written as "UNKNOWN_STATUS" for a code not in the table. */
const char *status_name(uint8_t status);

/* One sentence for a person. */
const char *status_text(uint8_t status);

#endif
