/*
 * A row as `subscriber add` would have it: names by the same rules, and the secrets as bytes. What
 * is wrong is said by column.
 */
#ifndef NISIM_PROVISIONING_IMPORT_TERMS_H
#define NISIM_PROVISIONING_IMPORT_TERMS_H

#include "arguments.h"
#include "digest.h"
#include "import_row.h"
#include "kcv.h"

#define IMPORT_BLOB_BYTES_MAX 512 /* of RSA with 4096 bits */

/* A key in clear or under a transport key. */
struct import_blob {
    size_t bytes;
    uint8_t octets[IMPORT_BLOB_BYTES_MAX];
};

/* A secret of SIP digest. */
struct import_ha1 {
    struct import_blob blob; /* bytes 0: not given; wrapped, or */
    struct secret_ha1 clear; /* in clear text */
    struct kcv kcv;          /* length 0: not given, which only clear text may be */
};

/* In locked pages, with the row it borrows from. */
struct import_terms {
    struct arguments arguments; /* names, realm, SQN profile and GBA; its texts are the row's */
    enum import_wrap wrap;
    const char *transport_key; /* the row's text; NULL: it names none */
    struct import_blob k;
    struct import_blob op; /* OPc when op_is_opc */
    bool op_is_opc;
    struct kcv kcv; /* of K; length 0: not given */
    bool has_k;     /* else there is SIP digest alone */
    bool has_digest;
    struct import_ha1 ha1[DIGEST_HASHES];
};

/* Where the secret of this algorithm stands. */
enum import_column import_ha1_column(enum digest_hash hash);

/*
 * Cuts the lists of the row into pieces, so once a row. `wrapped`: what all secrets must be.
 * False: out_why says column and reason, nothing of a key.
 */
MUST_CHECK bool import_terms_of(struct import_row *row, bool wrapped, struct import_terms *out,
                                char out_why[IMPORT_WHY_BYTES]);

#endif
