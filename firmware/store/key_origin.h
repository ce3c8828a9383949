/* How a secret came into the token. Shown for ever after. */
#ifndef NISIM_STORE_KEY_ORIGIN_H
#define NISIM_STORE_KEY_ORIGIN_H

enum key_origin {
    KEY_ORIGIN_CLEAR_LABORATORY = 1, /* clear text passed through the tool's memory */
    KEY_ORIGIN_GENERATED = 2,        /* in this token, then wrapped for the HSS */
    KEY_ORIGIN_WRAPPED_AES = 3,      /* unwrapped in the token, by an AES transport key */
    KEY_ORIGIN_WRAPPED_RSA = 4,      /* the same, by the token's RSA transport key */
};

#endif
