/*
 * The file with one subscriber's K and OP or OPc in clear text, for laboratories. Lines "K=HEX",
 * and "OP=HEX" or "OPc=HEX", 32 hex digits each; blank lines and lines that begin with # are
 * skipped. Anything else is an error.
 */
#ifndef NISIM_PROVISIONING_KEYFILE_H
#define NISIM_PROVISIONING_KEYFILE_H

#include "secret.h"

#define KEYFILE_BYTES_MAX 4096
#define KEYFILE_WHY_BYTES 128

/* In locked memory from keyfile_read to keyfile_free. */
struct keyfile {
    struct secret128 k;
    struct secret128 op; /* OPc when op_is_opc */
    bool op_is_opc;
};

/*
 * Reads to the end of the file. On failure NULL, and out_why says line and reason, nothing of the
 * value: "line 2: K is not 32 hex digits".
 */
MUST_CHECK struct keyfile *keyfile_read(int descriptor, char out_why[KEYFILE_WHY_BYTES]);

/* A file that has OP or OPc alone; k is left zero. */
MUST_CHECK struct keyfile *keyfile_read_op(int descriptor, char out_why[KEYFILE_WHY_BYTES]);

/* Wipes. Takes NULL. */
void keyfile_free(struct keyfile **keyfile);

#endif
