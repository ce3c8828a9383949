/* A real SoftHSM token in a folder of its own, made anew for a test program. */
#ifndef NISIM_TESTS_SOFTHSM_H
#define NISIM_TESTS_SOFTHSM_H

#include "keyring.h"

#define SOFTHSM_MODULE "/usr/lib/softhsm/libsofthsm2.so"
#define SOFTHSM_LABEL "nisim-test"
#define SOFTHSM_SO_PIN "so-pin-7391"
#define SOFTHSM_PIN "user-pin-4826"

/* What K may do; the tests also want keys that may do too much. */
enum softhsm_key {
    SOFTHSM_KEY_PROPER,
    SOFTHSM_KEY_EXTRACTABLE,
};

struct softhsm {
    char folder[64];
    struct module *module;
    struct token *token; /* USER logged in, session writable */
};

/* Sets SOFTHSM2_CONF, makes the token with its integrity key and the pair that signs, logs in. */
void softhsm_open(struct softhsm *softhsm);
void softhsm_close(struct softhsm *softhsm);

/* A path inside the folder. Good until the next call. */
const char *softhsm_path(const struct softhsm *softhsm, const char *name);

/* A new folder in it, for one test: 0, as a cmocka fixture says it. */
int softhsm_make_folder(const struct softhsm *softhsm, char *out_path, size_t path_bytes);

/* Puts K and OPc into the token under ref. */
void softhsm_add_key(struct softhsm *softhsm, const struct key_ref *ref, const uint8_t k[16],
                     const uint8_t opc[16], enum softhsm_key kind);

/* The KEK, as nisim-token init makes it; no test token has one of its own accord. */
void softhsm_add_kek(struct softhsm *softhsm);

struct secret_pin softhsm_pin(const char *text);

#endif
