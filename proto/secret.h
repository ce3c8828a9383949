/*
 * Types for secret bytes. They have no print function, leave scope wiped when declared ERASED,
 * and are compared only with secret_equal. Bytes are big endian as the standards write them.
 */
#ifndef NISIM_PROTO_SECRET_H
#define NISIM_PROTO_SECRET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "attributes.h"

#define PIN_BYTES_MAX 255

/* RES (TS 33.102 6.3.3; Milenage gives 8 bytes). */
struct secret64 {
    uint8_t bytes[8];
};

/* OPc, CK, IK, and Milenage's inner blocks. */
struct secret128 {
    uint8_t bytes[16];
};

/* A token PIN; text holds length bytes and a NUL. */
struct secret_pin {
    size_t length;
    char text[PIN_BYTES_MAX + 1];
};

/* Overwrites; the compiler may not leave it out. */
void secret_wipe(void *bytes, size_t length);

/* Constant time in length. */
MUST_CHECK bool secret_equal(const void *a, const void *b, size_t length);

/*
 * Pages that are locked, left out of core files and of children, for secrets that live long.
 * Returns NULL when memory or RLIMIT_MEMLOCK does not suffice (errno says which). The owner
 * calls secret_pages_free with the same size, which wipes.
 */
MUST_CHECK void *secret_pages_new(size_t bytes);
void secret_pages_free(void *pages, size_t bytes);

static inline void secret64_erase(struct secret64 *secret)
{
    secret_wipe(secret, sizeof *secret);
}

static inline void secret128_erase(struct secret128 *secret)
{
    secret_wipe(secret, sizeof *secret);
}

static inline void secret_pin_erase(struct secret_pin *secret)
{
    secret_wipe(secret, sizeof *secret);
}

/* ERASED(secret128) struct secret128 ck = {0};   wiped at the end of the scope on every path */
#define ERASED(kind) __attribute__((cleanup(kind##_erase)))

#endif
