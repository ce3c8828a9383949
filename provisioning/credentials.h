/* What a subscriber proves himself with: K and OPc, secrets of SIP digest, or both. */
#ifndef NISIM_PROVISIONING_CREDENTIALS_H
#define NISIM_PROVISIONING_CREDENTIALS_H

#include "arguments.h"
#include "digestfile.h"
#include "enrol.h"
#include "enrol_digest.h"
#include "enrol_wrapped.h"
#include "keyfile.h"
#include "office.h"
#include "wrapfile.h"

/* As read from files, in locked memory. */
struct credentials {
    struct keyfile *keyfile;         /* clear text; NULL: none */
    struct wrapfile *wrapped;        /* wrapped under a transport key; NULL: none */
    bool generate;                   /* made in the token, with OP or OPc from */
    struct keyfile *op;              /* a file, its K empty; NULL: OPc is made too */
    struct digest_secrets *digests;  /* digest secrets in clear text; NULL: none */
    struct wrapfile *digest_wrapped; /* the file with wrapped ones; NULL: none */
    struct secret64 card_pin;        /* with --card-pin-file */
};

/* As they rest in the token, or wrapped by it. */
struct enrolled {
    struct key_ref key_ref; /* zero with digest.is_alone */
    struct kcv kcv;         /* of K */
    enum key_origin origin; /* of K */
    bool handed_over;       /* a file for the HSS is written */
    struct digest_credential digest;
    struct kcv digest_kcvs[DIGEST_HASHES];
    enum residence residence;
    struct wrapped_keys wrapped; /* with RESIDENCE_WRAPPED */
};

/* The usual one when the option is not given; says what is wrong with it. */
MUST_CHECK enum outcome residence_read(const struct arguments *arguments,
                                       enum residence *out_residence);

/* `arguments` passed admission_check. Says what can't be read. The caller frees, also on failure.
 */
MUST_CHECK enum outcome credentials_read(const struct office *office,
                                         const struct arguments *arguments,
                                         struct credentials *out);
void credentials_free(struct credentials *credentials);

/* All of them into the token, noted before (orphan.h), or none; says why not. */
MUST_CHECK enum outcome credentials_enrol(struct office *office, const struct arguments *arguments,
                                          const struct credentials *credentials,
                                          struct enrolled *out);

/* HSM_NO_KEY when an object was not there; the others are destroyed. */
MUST_CHECK enum hsm_result credentials_destroy(struct token *token,
                                               const struct enrolled *enrolled);

/* Takes back what no subscription came to use; warns of what stays. */
void credentials_withdraw(struct office *office, const struct arguments *arguments,
                          const struct enrolled *enrolled);

#endif
