/* The keys that belong to the token itself, not to a subscriber. */
#ifndef NISIM_PROVISIONING_OWN_KEYS_H
#define NISIM_PROVISIONING_OWN_KEYS_H

#include "token.h"

#define OWN_KEYS_MAX 64
#define CHECK_VALUE_BYTES_MAX 16

struct own_key {
    char label[64 + 1];
    char check_value[2 * CHECK_VALUE_BYTES_MAX + 1]; /* KCV in hex; "" where the token tells none */
};

struct own_keys {
    size_t count;
    struct own_key keys[OWN_KEYS_MAX]; /* too large for the stack */
};

/* Secret and private keys that rest in the token; those past OWN_KEYS_MAX are left out. */
MUST_CHECK enum hsm_result own_keys_list(struct token *token, struct own_keys *out_keys);

/* A line for each, on standard output. */
void own_keys_print(const struct own_keys *keys);

#endif
