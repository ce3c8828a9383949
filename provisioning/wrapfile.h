/*
 * The file with keys that are wrapped under a transport key, and the hand-over file of a key that
 * was made here: lines "NAME=VALUE", blank lines and lines that begin with # are skipped. What
 * stands in it is no secret.
 */
#ifndef NISIM_PROVISIONING_WRAPFILE_H
#define NISIM_PROVISIONING_WRAPFILE_H

#include "fields.h"
#include "transport.h"

#define WRAPFILE_BYTES_MAX 16384
#define WRAPFILE_WHY_BYTES 160

struct wrapfile_blob {
    size_t length; /* 0: not given */
    uint8_t bytes[TRANSPORT_WRAPPED_BYTES_MAX];
};

struct wrapfile {
    struct wrapfile_blob k;
    struct wrapfile_blob op;  /* OPc when op_is_opc */
    struct wrapfile_blob key; /* a transport key or a backup key */
    bool op_is_opc;
    struct kcv kcv;                          /* of K or the transport key; length 0: not given */
    struct wrapfile_blob ha1[DIGEST_HASHES]; /* of digest secrets */
    struct kcv ha1_kcv[DIGEST_HASHES];
    char impi[NAME_BYTES_MAX + 1]; /* "": not given */
};

/* Has it a digest secret? */
bool wrapfile_has_ha1(const struct wrapfile *file);

/* out_why: "line 2: K is not hex digits". */
MUST_CHECK bool wrapfile_read(const char *path, struct wrapfile *out_file,
                              char out_why[WRAPFILE_WHY_BYTES]);

#endif
